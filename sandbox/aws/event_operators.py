"""The operators of EventBridge's event patterns: each wanted value becomes a test of one value of an event.

Sources: EventBridge User Guide, eb-create-pattern-operators; where it is silent, the service's published
matcher (github.com/aws/event-ruler). `cidr` is left out: it is refused like an unknown operator.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

Test = Callable[[Any], bool]

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class InvalidEventPattern(ValueError):
    """A pattern EventBridge would not accept; the message says where and why."""


def build_test(wanted: Any) -> Test:
    """What passes for one entry of a pattern's array; raises InvalidEventPattern."""
    if isinstance(wanted, Mapping):
        if len(wanted) != 1:
            raise InvalidEventPattern("Only one key allowed in match expression")
        ((name, operand),) = wanted.items()
        if name not in _OPERATORS:
            raise InvalidEventPattern(f"Unrecognized match type {name}")
        return _OPERATORS[name](operand)
    if isinstance(wanted, list):
        raise InvalidEventPattern("Arrays of arrays are not allowed")
    return _equals(wanted)


def _equals(wanted: Any) -> Test:
    # numbers are compared as they are written: 300 is not 300.0; and in Python True would be 1
    return lambda value: type(value) is type(wanted) and bool(value == wanted)


def _text(operand: Any, name: str) -> str:
    if not isinstance(operand, str):
        raise InvalidEventPattern(f"{name} match pattern must be a string")
    return operand


def _prefix(operand: Any) -> Test:
    if isinstance(operand, Mapping):
        start = _ignoring_case(operand, "prefix").lower()
        return lambda value: isinstance(value, str) and value.lower().startswith(start)
    text = _text(operand, "prefix")
    return lambda value: isinstance(value, str) and value.startswith(text)


def _suffix(operand: Any) -> Test:
    if isinstance(operand, Mapping):
        end = _ignoring_case(operand, "suffix").lower()
        return lambda value: isinstance(value, str) and value.lower().endswith(end)
    text = _text(operand, "suffix")
    return lambda value: isinstance(value, str) and value.endswith(text)


def _ignoring_case(operand: Mapping[str, Any], name: str) -> str:
    if set(operand) != {"equals-ignore-case"}:
        raise InvalidEventPattern(f"{name} allows a string or equals-ignore-case only")
    return _text(operand["equals-ignore-case"], name)


def _equals_ignore_case(operand: Any) -> Test:
    text = _text(operand, "equals-ignore-case").lower()
    return lambda value: isinstance(value, str) and value.lower() == text


def _wildcard(operand: Any) -> Test:
    text = _text(operand, "wildcard")
    pieces = re.findall(r"\\.|.", text, re.DOTALL)
    if any(pair == ("*", "*") for pair in pairwise(pieces)):
        raise InvalidEventPattern("Consecutive wildcard characters")
    if any(piece.startswith("\\") and piece not in {"\\*", "\\\\"} for piece in pieces):
        raise InvalidEventPattern("Invalid escape character: only * and \\ may follow a \\")
    source = "".join(".*" if piece == "*" else re.escape(piece[-1]) for piece in pieces)
    expression = re.compile(source, re.DOTALL)
    return lambda value: isinstance(value, str) and expression.fullmatch(value) is not None


def _exists(operand: Any) -> Test:
    if not isinstance(operand, bool):
        raise InvalidEventPattern("exists match pattern must be either true or false")
    return lambda _value: True


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, list) or len(operand) not in {2, 4}:
        raise InvalidEventPattern("Invalid numeric match: an operator and a number, once or twice")
    bounds = list(zip(operand[::2], operand[1::2], strict=True))
    if not all(name in _COMPARISONS and _is_number(number) for name, number in bounds):
        raise InvalidEventPattern("Invalid numeric match: each operator needs a number")
    if len(bounds) == 2 and not _is_range(bounds):
        raise InvalidEventPattern("Invalid numeric range: a lower bound, then a higher one")
    return lambda value: _is_number(value) and all(_COMPARISONS[name](value, number) for name, number in bounds)


def _is_range(bounds: Sequence[tuple[str, float]]) -> bool:
    (lower, low), (upper, high) = bounds
    return lower in {">", ">="} and upper in {"<", "<="} and low < high


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _anything_but(operand: Any) -> Test:
    tests = tuple(_exceptions(operand))
    return lambda value: not any(test(value) for test in tests)


def _exceptions(operand: Any) -> Iterable[Test]:
    if isinstance(operand, Mapping):
        ((name, inner),) = operand.items() if len(operand) == 1 else ((None, None),)
        if name not in {"prefix", "suffix", "equals-ignore-case", "wildcard"}:
            raise InvalidEventPattern(f"Unsupported anything-but match type {name}")
        return [_OPERATORS[name](each) for each in _listed(inner)]
    values = _listed(operand)
    if not (all(isinstance(each, str) for each in values) or all(_is_number(each) for each in values)):
        raise InvalidEventPattern("anything-but takes strings or numbers, not both")
    return [_equals(each) for each in values]


def _listed(operand: Any) -> list[Any]:
    values = operand if isinstance(operand, list) else [operand]
    if not values:
        raise InvalidEventPattern("Empty arrays are not allowed")
    return values


_OPERATORS: Mapping[str, Callable[[Any], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "exists": _exists,
    "numeric": _numeric,
    "anything-but": _anything_but,
}
