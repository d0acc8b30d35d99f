"""EventBridge's event patterns: which events a rule's pattern matches, and which patterns are none.

Sources: EventBridge User Guide, eb-create-pattern-operators and eb-event-patterns; where these are silent,
the service's published matcher (github.com/aws/event-ruler), above all for arrays of objects: every field a
pattern names inside an array must be found in one and the same element.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sandbox.aws.event_operators import InvalidEventPattern, Test, build_test

__all__ = ["InvalidEventPattern", "matches", "validate"]

Place = Mapping[tuple[str, int], int]  # which element of each array a field was found in


@dataclass(frozen=True)
class Condition:
    """What a pattern wants of one field: a value that passes a test, or, if `absent`, no such field."""

    path: str
    tests: tuple[Test, ...]
    absent: bool


@dataclass(frozen=True)
class Field:
    """One scalar of an event."""

    value: Any
    place: Place


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether the event matches; raises InvalidEventPattern."""
    fields = _fields(event)
    return any(_satisfied(conditions, fields, {}) for conditions in _alternatives(pattern))


def validate(pattern: Mapping[str, Any]) -> None:
    """Accepts a pattern as PutRule would; raises InvalidEventPattern."""
    _alternatives(pattern)


def _satisfied(conditions: Sequence[Condition], fields: Mapping[str, Sequence[Field]], place: Place) -> bool:
    if not conditions:
        return True
    first, rest = conditions[0], conditions[1:]
    near = [field for field in fields.get(first.path, ()) if _agree(place, field.place)]
    if first.absent and not near and _satisfied(rest, fields, place):
        return True
    return any(
        _satisfied(rest, fields, {**place, **field.place})
        for field in near
        if any(test(field.value) for test in first.tests)
    )


def _agree(one: Place, other: Place) -> bool:
    return all(one.get(array, index) == index for array, index in other.items())


def _fields(event: Mapping[str, Any]) -> Mapping[str, Sequence[Field]]:
    found: dict[str, list[Field]] = {}
    for path, field in _walk(event, "", {}):
        found.setdefault(path, []).append(field)
    return found


def _walk(value: Any, path: str, place: Place) -> Iterator[tuple[str, Field]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, _join(path, key), place)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _walk(inner, path, {**place, (path, len(place)): index})
    else:
        yield path, Field(value, place)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _alternatives(pattern: Any) -> list[list[Condition]]:
    """The pattern without `$or`: it matches if all conditions of one alternative hold.

    Sorted by path, because the service looks for absent fields beside the ones it has matched so far.
    """
    expanded = _expand(pattern, "")
    return [sorted(conditions, key=lambda condition: condition.path) for conditions in expanded]


def _expand(pattern: Any, path: str) -> list[list[Condition]]:
    if not isinstance(pattern, Mapping) or not pattern:
        raise InvalidEventPattern(f"{_named(path)} must be an object with at least one field")
    options = [_options(key, value, path) for key, value in pattern.items()]
    return [[condition for part in parts for condition in part] for parts in product(*options)]


def _options(key: str, value: Any, path: str) -> list[list[Condition]]:
    if key == "$or":
        if not isinstance(value, list) or len(value) < 2:
            raise InvalidEventPattern(f"$or in {_named(path)} must be an array of at least two objects")
        return [option for branch in value for option in _expand(branch, path)]
    inner = _join(path, key)
    if isinstance(value, Mapping):
        return _expand(value, inner)
    if not isinstance(value, list):
        raise InvalidEventPattern(f"{_named(inner)} must be an object or an array")
    if not value:
        raise InvalidEventPattern(f"Empty arrays are not allowed: {_named(inner)}")
    return [[_condition(inner, value)]]


def _condition(path: str, wanted: Sequence[Any]) -> Condition:
    absent = any(_is_absence(each) for each in wanted)
    try:
        tests = tuple(build_test(each) for each in wanted if not _is_absence(each))
    except InvalidEventPattern as error:
        raise InvalidEventPattern(f"{error}, in {_named(path)}") from error
    return Condition(path, tests, absent)


def _is_absence(wanted: Any) -> bool:
    return isinstance(wanted, Mapping) and set(wanted) == {"exists"} and wanted["exists"] is False


def _named(path: str) -> str:
    return f"'{path}'" if path else "the pattern"
