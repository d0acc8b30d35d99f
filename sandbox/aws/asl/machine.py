"""State machine files, read strictly: a definition somebody could take two ways is refused."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sandbox.aws.asl.checks import check
from sandbox.aws.asl.document import load, unresolved
from sandbox.aws.asl.expression import Expression, NotJsonata, template
from sandbox.aws.asl.integration import fault, waits
from sandbox.aws.asl.values import InvalidDefinition, Retrier, State, StateMachine, Transition, states

__all__ = ["InvalidDefinition", "State", "StateMachine", "parse", "states"]

T = TypeVar("T")
Raw = Mapping[str, Any]
STRUCTURE = {"Type", "Comment", "QueryLanguage", "Next", "End", "Default"} | {
    "Retry",
    "Catch",
    "Choices",
    "ItemProcessor",
}
FLOW = {"Next", "End", "Output", "Assign"}
TROUBLE = {"Retry", "Catch"}
# The fields each type may have, and those it must have.
FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "Task": ({*FLOW, *TROUBLE, "TimeoutSeconds", "HeartbeatSeconds"}, {"Resource", "Arguments"}),
    "Map": ({*FLOW, *TROUBLE, "ItemSelector", "MaxConcurrency"}, {"Items", "ItemProcessor"}),
    "Choice": ({"Output", "Assign", "Default"}, {"Choices"}),
    "Wait": ({*FLOW, "Seconds", "Timestamp"}, set()),
    "Pass": (FLOW, set()),
    "Succeed": ({"Output"}, set()),
    "Fail": ({"Error", "Cause"}, set()),
}
RETRIER = {"Comment", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"}
# What the fields hold that are not any JSON; all but the first two may be an expression instead.
KINDS: dict[str, tuple[type, str]] = {
    "Assign": (dict, "an object"),
    "Resource": (str, "a string"),
    "Items": (list, "an array"),
    "Error": (str, "a string"),
    "Cause": (str, "a string"),
    "Timestamp": (str, "a time"),
    "Seconds": (int, "a number of seconds"),
    "TimeoutSeconds": (int, "a number of seconds"),
    "HeartbeatSeconds": (int, "a number of seconds"),
    "MaxConcurrency": (int, "a number"),
}
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")


def parse(definition: str | Raw, substitutions: Mapping[str, str]) -> StateMachine:
    """Read a definition (YAML, JSON, or loaded), `${placeholders}` replaced. Raises `InvalidDefinition`."""
    try:
        raw = load(definition, substitutions)
    except ValueError as error:
        raise InvalidDefinition("", str(error)) from error
    _expect(isinstance(raw, dict) and raw.get("QueryLanguage") == "JSONata", "", "QueryLanguage is not JSONata")
    machine = _machine(raw, {"Version", "TimeoutSeconds"}, "")
    check(machine)
    return machine


def _machine(raw: Raw, besides: set[str], path: str) -> StateMachine:
    where = path.rstrip("/")
    _check_fields(raw, besides | {"Comment", "QueryLanguage"}, {"StartAt", "States"}, where)
    _check_placeholders({name: value for name, value in raw.items() if name != "States"}, where)
    _expect(raw.get("QueryLanguage", "JSONata") == "JSONata", where, "QueryLanguage is not JSONata")
    _expect(isinstance(raw["States"], dict) and bool(raw["States"]), where, "States is empty or no object")
    timeout = raw.get("TimeoutSeconds")
    _expect(timeout is None or _is_number(timeout, 1), where, "TimeoutSeconds is no number of seconds")
    inside = {str(name): _state(str(name), state, path) for name, state in raw["States"].items()}
    return StateMachine(str(raw["StartAt"]), inside, timeout)


def _state(name: str, raw: Raw, path: str) -> State:
    where = path + name
    _expect(isinstance(raw, dict) and raw.get("Type") in FIELDS, where, "Type is none of " + ", ".join(FIELDS))
    may, must = FIELDS[raw["Type"]]
    _check_fields(raw, may | {"Comment", "QueryLanguage"}, must | {"Type"}, where)
    _check_placeholders(raw, where)
    _expect(raw.get("QueryLanguage", "JSONata") == "JSONata", where, "QueryLanguage is not JSONata")
    if raw["Type"] == "Wait":
        _expect(("Seconds" in raw) != ("Timestamp" in raw), where, "needs either Seconds or Timestamp")
    fields = _templates(raw, where)
    if raw["Type"] == "Task":
        _check_integration(fields, where)
    return State(
        name=name,
        type=raw["Type"],
        fields=fields,
        next=_next(raw, where),
        retry=_each(raw, "Retry", _retrier, where),
        catch=_each(raw, "Catch", _catcher, where),
        choices=_each(raw, "Choices", _rule, where),
        processor=_processor(raw["ItemProcessor"], where) if "ItemProcessor" in raw else None,
    )


def _next(raw: Raw, where: str) -> str | None:
    if raw["Type"] == "Choice":
        return raw.get("Default")
    if "Next" in FIELDS[raw["Type"]][0]:
        _expect(("Next" in raw) != ("End" in raw), where, "needs either Next or End")
        _expect(raw.get("End", True) is True, where, "End is not true")
    return raw.get("Next")


def _templates(raw: Raw, where: str) -> dict[str, Any]:
    try:
        fields = {name: template(value, name) for name, value in raw.items() if name not in STRUCTURE}
    except NotJsonata as error:
        raise InvalidDefinition(where, str(error)) from error
    for name, value in fields.items():
        _expect(_is_kind(name, value), where, f"{name} is not {KINDS.get(name, (None, ''))[1]}")
    for name in fields.get("Assign", {}):
        _expect(bool(VARIABLE.fullmatch(name)) and name != "states", where, f"no name for a variable: {name}")
    return fields


def _is_kind(name: str, value: Any) -> bool:
    if name not in KINDS:
        return True
    if isinstance(value, Expression):
        return name not in {"Assign", "Resource"}
    kind = KINDS[name][0]
    return _is_number(value, name in {"TimeoutSeconds", "HeartbeatSeconds"}) if kind is int else isinstance(value, kind)


def _check_integration(fields: Raw, where: str) -> None:
    resource, beat, limit = (fields.get(name) for name in ("Resource", "HeartbeatSeconds", "TimeoutSeconds"))
    wrong = fault(str(resource))
    _expect(wrong is None, where, str(wrong))
    _expect(beat is None or waits(str(resource)), where, "HeartbeatSeconds: nobody sends this task's heartbeats")
    shorter = not (isinstance(beat, int) and isinstance(limit, int)) or beat < limit
    _expect(shorter, where, "HeartbeatSeconds is not less than TimeoutSeconds")


def _processor(raw: Raw, where: str) -> StateMachine:
    mode = (raw.get("ProcessorConfig") or {"Mode": "INLINE"}) if isinstance(raw, dict) else None
    _expect(mode == {"Mode": "INLINE"}, where, "this reader runs inline Maps only")
    return _machine(raw, {"ProcessorConfig"}, f"{where}/")


def _rule(raw: Raw, where: str) -> Transition:
    _check_fields(raw, {"Output", "Assign", "Comment"}, {"Condition", "Next"}, where)
    fields = _templates({name: value for name, value in raw.items() if name != "ErrorEquals"}, where)
    condition = fields.pop("Condition")
    _expect(isinstance(condition, Expression | bool), where, "Condition is neither an expression nor a boolean")
    return Transition(raw["Next"], fields, condition=condition)


def _catcher(raw: Raw, where: str) -> Transition:
    _check_fields(raw, {"Output", "Assign", "Comment"}, {"ErrorEquals", "Next"}, where)
    fields = _templates({name: value for name, value in raw.items() if name != "ErrorEquals"}, where)
    return Transition(raw["Next"], fields, error_equals=tuple(raw["ErrorEquals"]))


def _retrier(raw: Raw, where: str) -> Retrier:
    _check_fields(raw, RETRIER, {"ErrorEquals"}, where)
    interval, longest = raw.get("IntervalSeconds", 1), raw.get("MaxDelaySeconds", float("inf"))
    _expect(_is_number(interval, 1), where, "IntervalSeconds is not a positive number")
    _expect(_is_number(raw.get("MaxAttempts", 3), 0), where, "MaxAttempts is no number")
    _expect(raw.get("BackoffRate", 2.0) >= 1.0, where, "BackoffRate is less than 1.0")
    _expect(longest > interval, where, "MaxDelaySeconds is not greater than IntervalSeconds")
    _expect(raw.get("JitterStrategy", "NONE") in {"NONE", "FULL"}, where, "JitterStrategy is not FULL or NONE")
    return Retrier(
        error_equals=tuple(raw["ErrorEquals"]),
        interval=interval,
        max_attempts=raw.get("MaxAttempts", 3),
        backoff_rate=raw.get("BackoffRate", 2.0),
        max_delay=longest,
        jitter=raw.get("JitterStrategy") == "FULL",
    )


def _each(raw: Raw, name: str, read: Callable[[Raw, str], T], where: str) -> tuple[T, ...]:
    items = raw.get(name, [])
    _expect(isinstance(items, list), where, f"{name} is not an array")
    for number, item in enumerate(items, 1):
        _check_errors(item, where, last=number == len(items))
    return tuple(read(item, where) for item in items)


def _check_errors(item: Raw, where: str, *, last: bool) -> None:
    _expect(isinstance(item, dict), where, "a rule, retrier or catcher is no object")
    errors = item.get("ErrorEquals", ["any"])
    _expect(isinstance(errors, list) and bool(errors), where, "ErrorEquals is empty or no array")
    _expect(
        "States.ALL" not in errors or (errors == ["States.ALL"] and last),
        where,
        "States.ALL: alone, and last",
    )


def _check_fields(raw: Raw, may: set[str], must: set[str], where: str) -> None:
    _expect(isinstance(raw, dict), where, "is no object")
    _expect(not (must - raw.keys()), where, f"lacks {', '.join(sorted(must - raw.keys()))}")
    unknown = sorted(str(name) for name in raw.keys() - may - must)
    _expect(not unknown, where, f"{', '.join(unknown)}: no field that belongs here")


def _check_placeholders(raw: Raw, where: str) -> None:
    inside = {name: value for name, value in raw.items() if name != "ItemProcessor"}
    left = sorted(set(unresolved(inside)))
    _expect(not left, where, f"{', '.join(left)} has no value")


def _is_number(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _expect(holds: bool, where: str, fault: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not holds:
        raise InvalidDefinition(where, fault)
