"""Does doctor expect what the templates deploy?"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from quickctl.deployment import Deployment
from quickctl.doctor import expected
from quickctl.doctor.checks import CHECKS, HUB, MANAGEMENT, READERS
from quickctl.doctor.command_lines import VARIABLES
from quickctl.doctor.expected import Place
from tests.contract import project
from tests.contract.project import FORWARDING, ROOT
from tests.contract.project import HUB as TEMPLATE

ACCOUNT, REGION = "444455556666", "eu-west-1"
QUEUE = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/quick-onboarding"
DEPLOYMENT = Deployment(
    stack_name="quick-onboarding",
    partition="aws",
    region=REGION,
    account_id=ACCOUNT,
    status="CREATE_COMPLETE",
    outputs={
        "HubBusArn": BUS,
        "RunAsRoleArn": f"arn:aws:iam::{ACCOUNT}:role/quick-athena-run-as",
        "RouteEventArn": "RouteEvent",
        "SweepOrganizationArn": "SweepOrganization",
        "UndeliveredEventsUrl": f"{QUEUE}UndeliveredEvents",
        "FailedRunsUrl": f"{QUEUE}FailedRuns",
    },
    parameters={
        "ManagementAccountId": "111122223333",
        "OrganizationId": "o-exampleorgid",
        "OrganizationRootId": "r-ab12",
        "SweepSchedule": "cron(0 3 * * ? *)",
        "OptInTag": "quick-athena",
        "GracePeriodDays": "7",
    },
)


class _Resolved:
    """A template's values as if each resource's physical id was its logical one."""

    def __init__(self, template: str, region: str, account: str) -> None:
        self._template = project.template(template)
        self._values = {
            **{name: each.get("Default") for name, each in self._template["Parameters"].items()},
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::AccountId": account,
            "HubBusArn": BUS,
        }
        self._place = Place("aws", region, account)

    def properties(self, logical_id: str) -> Any:
        """The properties of a resource."""
        return self._of(self._template["Resources"][logical_id]["Properties"])

    def _of(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._of(each) for each in value]
        if not isinstance(value, dict):
            return value
        (name, argument), *others = value.items()
        if others or not (name in ("Ref", "Condition") or name.startswith("Fn::")):
            return {key: self._of(each) for key, each in value.items()}
        if name == "Ref":
            return self._values.get(argument, argument)
        if name == "Fn::Sub":
            return re.sub(r"\$\{([\w:]+)\}", lambda found: str(self._values[found[1]]), argument)
        assert name == "Fn::GetAtt", name
        return self._arn(argument if isinstance(argument, str) else ".".join(argument))

    def _arn(self, attribute: str) -> str:
        logical_id = attribute.removesuffix(".Arn")
        kind = self._template["Resources"][logical_id]["Type"]
        makers = {
            "AWS::IAM::Role": self._place.role,
            "AWS::SQS::Queue": self._place.queue,
            "AWS::Serverless::Function": self._place.function,
        }
        return makers[kind](logical_id)


HUB_STACK = _Resolved(TEMPLATE, REGION, ACCOUNT)
NAMES = {name: name for name in project.template(TEMPLATE)["Resources"]}
PLACE = Place("aws", REGION, ACCOUNT)


def test_the_hubs_rule_is_the_templates() -> None:
    rule, deployed = expected.account_events(DEPLOYMENT, NAMES), HUB_STACK.properties("AccountEvents")
    assert (rule.name, rule.description) == (deployed["Name"], deployed["Description"])
    assert (rule.pattern, [rule.target]) == (deployed["EventPattern"], deployed["Targets"])


def test_the_forwarding_rule_is_the_templates() -> None:
    stack, place = _Resolved(FORWARDING, "us-east-1", "111122223333"), Place("aws", "us-east-1", "111122223333")
    names = {name: name for name in project.template(FORWARDING)["Resources"]}
    rule, deployed = expected.forwarding(place, BUS, "quick-athena", names), stack.properties("ForwardRule")
    assert (rule.name, rule.description) == (deployed["Name"], deployed["Description"])
    assert (rule.pattern, [rule.target]) == (deployed["EventPattern"], deployed["Targets"])
    (policy,) = stack.properties("ForwardRole")["Policies"]
    assert policy["PolicyName"] == expected.PUT_EVENTS
    assert policy["PolicyDocument"] == expected.forward_permission(BUS)


def test_the_schedules_are_the_templates() -> None:
    found = {each.name: each for each in expected.schedules(DEPLOYMENT, NAMES)}
    assert set(found) == set(project.resources(TEMPLATE, "Schedule"))
    for name, schedule in found.items():
        deployed = HUB_STACK.properties(name)
        assert (schedule.expression, schedule.window) == (
            deployed["ScheduleExpression"],
            deployed["FlexibleTimeWindow"],
        )
        assert schedule.target == deployed["Target"]


def test_the_run_as_roles_trust_is_the_templates() -> None:
    names = [name for name in project.resources(TEMPLATE, "Role") if name.startswith(expected.RUN_AS)]
    assert len(names) == 5
    for name in names:
        deployed = HUB_STACK.properties(name)
        wanted = expected.role(name, "r", PLACE)
        assert (deployed["AssumeRolePolicyDocument"], deployed["PermissionsBoundary"]) == (
            wanted.trust,
            wanted.boundary,
        )


def test_every_other_role_has_the_boundary_that_doctor_expects() -> None:
    wanted = expected.role("AnyFunctionRole", "r", PLACE).boundary
    for name, role in project.resources(TEMPLATE, "Role").items():
        if not name.startswith(expected.RUN_AS):
            assert HUB_STACK.properties(name)["PermissionsBoundary"] == wanted, role
    globals_ = project.template(TEMPLATE)["Globals"]["Function"]
    assert HUB_STACK._of(globals_["PermissionsBoundary"]) == wanted


def test_every_check_says_what_it_finds_out() -> None:
    assert len({each.name for each in CHECKS}) == len(CHECKS)
    assert all(re.fullmatch(r"Whether .*\.", each.question) for each in CHECKS)
    assert {each.place for each in CHECKS} == {HUB, MANAGEMENT}


@pytest.mark.parametrize("name", READERS.values())
def test_the_policies_that_doctor_names_are_in_the_documents(name: str) -> None:
    assert json.loads((ROOT / f"docs/howto/policies/{name}.json").read_text(encoding="utf-8"))["Statement"]


def test_every_variable_that_a_command_leaves_open_is_explained() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "quickctl/doctor").glob("*.py")]
    assert {name for text in texts for name in re.findall(r'Variable\("(\w+)"\)', text)} == set(VARIABLES)
