"""The Condition element: operators and keys are joined by AND, values by OR, a negated operator's by NOR.

Sources: IAM User Guide, reference_policies_elements_condition_operators,
reference_policies_condition-logic-multiple-context-keys-or-values,
reference_policies_condition-single-vs-multi-valued-context-keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.policy.model import Context, MalformedPolicyDocument
from sandbox.aws.policy.operators import OPERATORS, Test

_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?")


@dataclass(frozen=True)
class NullCondition:
    """Null: whether the key is absent."""

    key: str
    wanted: frozenset[bool]

    def holds(self, context: Context) -> bool:
        """Whether the key's absence is what the policy wants."""
        return (not context.get(self.key)) in self.wanted


@dataclass(frozen=True)
class Condition:
    """One operator on one key."""

    key: str
    tests: tuple[Test, ...]
    negated: bool
    quantifier: str | None
    if_exists: bool

    def holds(self, context: Context) -> bool:
        """Whether the request meets this condition."""
        values = context.get(self.key, ())
        if self.if_exists and not values:
            return True
        if self.quantifier:
            return self._holds_for_set(values, context)
        if len(values) > 1:
            raise MalformedPolicyDocument(
                f"{self.key} has several values here: its operator needs ForAllValues or ForAnyValue"
            )
        return self._meets(values[0], context) if values else self.negated

    def _holds_for_set(self, values: tuple[str, ...], context: Context) -> bool:
        # an empty string counts as the empty set, of which ForAllValues is true and ForAnyValue false
        met = (self._meets(value, context) for value in values if value)
        return all(met) if self.quantifier == "ForAllValues" else any(met)

    def _meets(self, value: str, context: Context) -> bool:
        return any(test(value, context) for test in self.tests) != self.negated


def parse_conditions(block: Any, *, variables: bool) -> tuple[Condition | NullCondition, ...]:
    """The conditions of a statement.

    Raises:
        MalformedPolicyDocument: an unknown operator, or a value the operator can't read.
    """
    return tuple(
        _condition(name, key, tuple(_texts(values)), variables=variables)
        for name, keys in _mapping(block).items()
        for key, values in _mapping(keys).items()
    )


def _condition(name: str, key: str, values: tuple[str, ...], *, variables: bool) -> Condition | NullCondition:
    if ":" not in key:
        raise MalformedPolicyDocument(f"Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {key}")
    if name == "Null":
        return NullCondition(key.lower(), frozenset(_truth(value) for value in values))
    quantifier, base, if_exists = _parts(name)
    build, negated = OPERATORS[base]
    tests = tuple(build(value, variables) for value in values)
    return Condition(key.lower(), tests, negated, quantifier, if_exists)


def _parts(name: str) -> tuple[str | None, str, bool]:
    match = _OPERATOR.fullmatch(name)
    if not match or match[2] not in OPERATORS:
        raise MalformedPolicyDocument(f"Invalid Condition type : {name}")
    return match[1], match[2], bool(match[3])


def _truth(value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise MalformedPolicyDocument(f"Invalid value for the Null condition: {value}")
    return value.lower() == "true"


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise MalformedPolicyDocument("Syntax errors in policy: Condition must map operators to keys and values")
    return value


def _texts(values: Any) -> Iterator[str]:
    for value in values if isinstance(values, list | tuple) else [values]:
        if not isinstance(value, str | int | float):
            raise MalformedPolicyDocument(f"Syntax errors in policy: {value!r} is no condition value")
        yield str(value).lower() if isinstance(value, bool) else str(value)
