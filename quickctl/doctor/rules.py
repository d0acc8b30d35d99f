"""How a rule of EventBridge differs from what was deployed. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from quickctl.doctor.command_lines import compact, then
from quickctl.doctor.expected import DEFAULT_BUS
from quickctl.doctor.finding import Found, wrong
from quickctl.same import covers, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from quickctl.doctor.expected import Rule


def rule_differences(
    found: Mapping[str, Any] | None,
    targets: Sequence[Mapping[str, Any]],
    wanted: Rule,
    why: str,
    call: Callable[..., str],
) -> Iterator[Found]:
    """How the rule differs. `why`: what it means that it does not work. `call`: makes a call of the AWS CLI."""
    put, aim = call("events", "put-rule", *_definition(wanted)), call("events", "put-targets", *_target(wanted))
    if found is None:
        yield wrong(f"the rule {wanted.name} is gone", why, then(put, aim))
        return
    if found["State"] != "ENABLED":
        yield wrong(f"the rule {wanted.name} is disabled", why, call("events", "enable-rule", *_name(wanted)))
    if not same(json.loads(found.get("EventPattern") or "{}"), wanted.pattern):
        yield wrong(f"the rule {wanted.name} has another pattern than was deployed", "events are missed", put)
    target = next((each for each in targets if each["Id"] == wanted.target["Id"]), None)
    if target is None:
        yield wrong(f"the rule {wanted.name} has no target {wanted.target['Id']}", why, aim)
    elif not covers(target, wanted.target):
        differs = [key for key in wanted.target if not covers(target.get(key), wanted.target[key])]
        said = ", ".join(f"{key} is {_said(target.get(key))}, not {_said(wanted.target[key])}" for key in differs)
        yield wrong(f"the target of the rule {wanted.name} is another one: {said}", why, aim)


def _said(value: Any) -> str:
    return str(value["Arn"] if isinstance(value, dict) else value or "missing")


def _name(rule: Rule) -> tuple[str, ...]:
    return (*_bus(rule), "--name", rule.name)


def _definition(rule: Rule) -> tuple[str, ...]:
    texts = ("--description", rule.description, "--event-pattern", compact(rule.pattern))
    return (*_name(rule), "--state", "ENABLED", *texts)


def _target(rule: Rule) -> tuple[str, ...]:
    return (*_bus(rule), "--rule", rule.name, "--targets", compact([rule.target]))


def _bus(rule: Rule) -> tuple[str, ...]:
    return () if rule.bus == DEFAULT_BUS else ("--event-bus-name", rule.bus)
