"""Condition operators: what each compares, one policy value with one request value.

Source: IAM User Guide, reference_policies_elements_condition_operators.
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.aws.policy.model import Context, MalformedPolicyDocument
from sandbox.aws.policy.patterns import arn_matches, template, text_matches

Test = Callable[[str, Context], bool]
"""Whether a value in the request meets one value of the policy."""

Builder = Callable[[str, bool], Test]
"""Makes the test of one policy value; the flag says whether policy variables count."""


def _string(matches: Callable[[str, str], bool], *, wildcards: bool) -> Builder:
    def build(wanted: str, variables: bool) -> Test:  # noqa: FBT001 - one signature for all builders
        prepared = template(wanted, variables=variables, wildcards=wildcards)

        def test(found: str, context: Context) -> bool:
            expanded = prepared.expand(context)
            return expanded is not None and matches(expanded, found)

        return test

    return build


def _same_ignoring_case(wanted: str, found: str) -> bool:
    return wanted.lower() == found.lower()


def _bool(wanted: str, variables: bool) -> Test:  # noqa: FBT001 - one signature for all builders
    if wanted.lower() not in {"true", "false"} and "${" not in wanted:
        raise MalformedPolicyDocument(f"Invalid Boolean value in policy: {wanted}")
    return _string(_same_ignoring_case, wildcards=False)(wanted, variables)


def _ordered(read: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Builder:
    """Numbers and dates: policy variables don't count, and a request value that is none matches nothing."""

    def build(wanted: str, _variables: bool) -> Test:  # noqa: FBT001 - one signature for all builders
        bound = read(wanted)
        if bound is None:
            raise MalformedPolicyDocument(f"Invalid value in policy condition: {wanted}")

        def test(found: str, _context: Context) -> bool:
            value = read(found)
            return value is not None and compare(value, bound)

        return test

    return build


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _date(text: str) -> datetime | None:
    epoch = _number(text)
    try:
        # four digits are an ISO year, not the first hours of 1970
        if epoch is not None and len(text) != 4:
            return datetime.fromtimestamp(float(epoch), UTC)
        return _iso_date(text)
    except (ValueError, OverflowError, OSError):
        return None


def _iso_date(text: str) -> datetime:
    shortened = {4: f"{text}-01-01", 7: f"{text}-01"}
    date = datetime.fromisoformat(shortened.get(len(text), text))
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _ip_address(wanted: str, _variables: bool) -> Test:  # noqa: FBT001 - one signature for all builders
    try:
        network = ipaddress.ip_network(wanted, strict=False)
    except ValueError as error:
        raise MalformedPolicyDocument(f"Invalid IP address in policy condition: {wanted}") from error

    def test(found: str, _context: Context) -> bool:
        try:
            return ipaddress.ip_address(found) in network
        except ValueError:
            return False

    return test


_exact = _string(operator.eq, wildcards=False)
_ignoring_case = _string(_same_ignoring_case, wildcards=False)
_like = _string(text_matches, wildcards=True)
_arn = _string(arn_matches, wildcards=True)  # ArnEquals and ArnLike are documented to behave identically
_COMPARISONS = {
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}

# operator -> (how one pair of values is compared, whether the operator is the negated form)
OPERATORS: dict[str, tuple[Builder, bool]] = {
    "StringEquals": (_exact, False),
    "StringNotEquals": (_exact, True),
    "StringEqualsIgnoreCase": (_ignoring_case, False),
    "StringNotEqualsIgnoreCase": (_ignoring_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnEquals": (_arn, False),
    "ArnLike": (_arn, False),
    "ArnNotEquals": (_arn, True),
    "ArnNotLike": (_arn, True),
    "Bool": (_bool, False),
    "NumericEquals": (_ordered(_number, operator.eq), False),
    "NumericNotEquals": (_ordered(_number, operator.eq), True),
    "DateEquals": (_ordered(_date, operator.eq), False),
    "DateNotEquals": (_ordered(_date, operator.eq), True),
    "IpAddress": (_ip_address, False),
    "NotIpAddress": (_ip_address, True),
    **{f"Numeric{name}": (_ordered(_number, compare), False) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": (_ordered(_date, compare), False) for name, compare in _COMPARISONS.items()},
}
