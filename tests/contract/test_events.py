"""Do the rules, read from the templates, and the sample envelopes agree, in both directions?"""

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from control_plane.errors import NoAccountInEvent
from control_plane.events import find_subject
from sandbox.aws.event_pattern import matches
from tests.contract import project

EXPECTATIONS: Mapping[str, Mapping[str, Any]] = {
    f"{source}/{name}": expected
    for source, samples in yaml.safe_load((project.ROOT / "events/expectations.yaml").read_text()).items()
    for name, expected in samples.items()
}
STARTING = sorted(name for name, expected in EXPECTATIONS.items() if "starts" in expected)


def _resolved(pattern: Any, template: str) -> Any:
    """The pattern as deployed with default parameters."""
    if isinstance(pattern, Mapping):
        if set(pattern) == {"Ref"}:
            return project.default(template, pattern["Ref"])
        if set(pattern) == {"Fn::Sub"}:
            return pattern["Fn::Sub"].replace("${OptInTag}", project.default(template, "OptInTag"))
        return {key: _resolved(value, template) for key, value in pattern.items()}
    return [_resolved(item, template) for item in pattern] if isinstance(pattern, list) else pattern


def _hub_rules() -> dict[str, Any]:
    """The patterns that start a state machine, by the rule's name in the template."""
    machines = project.resources(project.HUB, "StateMachine")
    rules = project.resources(project.HUB, "Rule").items()
    return {
        name: _resolved(rule["Properties"]["EventPattern"], project.HUB)
        for name, rule in rules
        if all(target["Arn"].get("Ref") in machines for target in rule["Properties"]["Targets"])
    }


def _forwarding_rules() -> dict[str, Any]:
    rules = project.resources(project.FORWARDING, "Rule")
    return {name: _resolved(r["Properties"]["EventPattern"], project.FORWARDING) for name, r in rules.items()}


def _matching(rules: Mapping[str, Any], envelope: Mapping[str, Any]) -> list[str]:
    return [name for name, pattern in rules.items() if matches(pattern, envelope)]


def test_every_sample_has_an_expectation_and_every_expectation_a_sample() -> None:
    assert project.samples() == sorted(EXPECTATIONS)


@pytest.mark.parametrize("name", sorted(EXPECTATIONS))
def test_the_hubs_rules_match_what_the_sample_is_expected_to_start(name: str) -> None:
    assert _matching(_hub_rules(), project.sample(name)) == EXPECTATIONS[name].get("starts", [])


@pytest.mark.parametrize("name", sorted(EXPECTATIONS))
def test_what_starts_a_rule_of_the_hub_is_forwarded_and_nothing_else_is_without_being_said(name: str) -> None:
    expected = EXPECTATIONS[name]
    is_forwarded = bool(_matching(_forwarding_rules(), project.sample(name)))
    assert is_forwarded == ("starts" in expected or expected.get("forwarded", False))


@pytest.mark.parametrize("name", sorted(EXPECTATIONS))
def test_a_sample_says_which_rule_it_starts_or_why_none(name: str) -> None:
    expected = EXPECTATIONS[name]
    assert set(expected) == {"starts", "subject"} or set(expected) - {"forwarded"} == {"because"}


def test_every_rule_of_the_hub_is_matched_by_a_sample() -> None:
    matching = {rule for expected in EXPECTATIONS.values() for rule in expected.get("starts", [])}
    assert matching == set(_hub_rules())


def test_the_hub_and_the_forwarding_rule_look_for_the_same_tag() -> None:
    assert project.default(project.HUB, "OptInTag") == project.default(project.FORWARDING, "OptInTag")


@pytest.mark.parametrize("name", STARTING)
def test_the_subject_is_found_in_every_sample_that_starts_a_rule(name: str) -> None:
    assert find_subject(project.sample(name)).id == EXPECTATIONS[name]["subject"]


def test_a_shape_nobody_documented_may_hide_the_account_and_is_then_no_guess() -> None:
    envelope = copy.deepcopy(project.sample("organizations/account_joined_organization.invited"))
    envelope["detail"]["serviceEventDetails"]["member"] = envelope["detail"]["serviceEventDetails"].pop("accountId")
    with pytest.raises(NoAccountInEvent, match="AccountJoinedOrganization"):
        find_subject(envelope)


@pytest.mark.parametrize("name", project.samples())
def test_a_sample_is_a_whole_envelope_named_after_its_event(name: str) -> None:
    envelope = project.sample(name)
    fields = {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
    assert set(envelope) == fields
    source, event = name.rsplit(".", maxsplit=1)[0].split("/")
    assert envelope["source"] == f"aws.{source.replace('_', '')}"
    assert envelope["detail"]["eventName"] == "".join(word.capitalize() for word in event.split("_"))


@pytest.mark.parametrize("name", project.samples())
def test_no_sample_shows_what_aws_redacts(name: str) -> None:
    assert "@" not in "".join(project.strings(project.sample(name)))
