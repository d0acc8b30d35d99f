"""The Principal and NotPrincipal elements: whom a statement names, and how directly.

Sources: IAM User Guide, reference_policies_elements_principal, reference_policies_elements_notprincipal,
reference_policies_evaluation-logic_policy-eval-denyallow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sandbox.aws.policy.model import MalformedPolicyDocument, Principal

_TYPES = {"AWS", "Service", "Federated", "CanonicalUser"}
_ROOT = re.compile(r"arn:[\w-]+:iam::(\d{12}):root")
_AWS = re.compile(
    r"\*|\d{12}|A[A-Z0-9]{15,}|arn:[\w-]+:iam::\d{12}:(root|(role|user)/[^*?]+)"
    r"|arn:[\w-]+:sts::\d{12}:(assumed-role|federated-user)/[^*?]+"
)


class Grant(IntEnum):
    """How far an Allow of a resource-based policy reaches within the account."""

    NONE = 0
    ACCOUNT = 1
    """Names the account: its identity-based policies decide who."""
    ROLE = 2
    """Names the role: its boundary and session policies still limit it."""
    DIRECT = 3
    """Names the session, the user, the service or everyone: implicit denies elsewhere don't matter."""


@dataclass(frozen=True)
class PrincipalElement:
    """Whom a statement is about; `negated` for NotPrincipal."""

    names: frozenset[tuple[str, str]]
    negated: bool

    def grant(self, principal: Principal) -> Grant:
        """How directly this Principal element names the caller; NONE if it does not."""
        return max((_grant(kind, name, principal) for kind, name in self.names), default=Grant.NONE)

    def concerns(self, principal: Principal, *, bounded: bool) -> bool:
        """Whether a statement with this element is about the caller, who may have a permissions boundary."""
        if not self.negated:
            return self.grant(principal) is not Grant.NONE
        # documented: a Deny with NotPrincipal denies whoever has a permissions boundary, whatever it names
        return bounded or not self._exempts(principal)

    def _exempts(self, principal: Principal) -> bool:
        """Listed at every level AWS may check: the account, the role or user, and the session."""
        if ("AWS", "*") in self.names:
            return True
        return all(any((kind, name) in self.names for kind, name in forms) for forms in _levels(principal))


def parse_principal(value: Any, *, negated: bool) -> PrincipalElement:
    """The element's names.

    Raises:
        MalformedPolicyDocument: an unknown form, or a wildcard in part of a name.
    """
    if value == "*":
        return PrincipalElement(frozenset({("AWS", "*")}), negated)
    if not isinstance(value, Mapping) or not value:
        raise MalformedPolicyDocument(f"Invalid principal in policy: {value!r}")
    names = frozenset((kind, name) for kind, listed in value.items() for name in _names(kind, listed))
    if not names:
        raise MalformedPolicyDocument("Invalid principal in policy: it names nobody")
    return PrincipalElement(names, negated)


def _names(kind: str, listed: Any) -> Iterator[str]:
    for name in listed if isinstance(listed, list | tuple) else [listed]:
        if kind not in _TYPES or not isinstance(name, str) or not _is_name(kind, name):
            raise MalformedPolicyDocument(f'Invalid principal in policy: "{kind}":"{name}"')
        yield name


def _is_name(kind: str, name: str) -> bool:
    if kind == "AWS":
        return _AWS.fullmatch(name) is not None
    return bool(name) and "*" not in name


def _grant(kind: str, name: str, principal: Principal) -> Grant:
    if (kind, name) == ("AWS", "*"):
        return Grant.DIRECT
    if principal.is_service:
        return Grant.DIRECT if (kind, name) == ("Service", principal.arn) else Grant.NONE
    return _aws_grant(name, principal) if kind == "AWS" else Grant.NONE


def _aws_grant(name: str, principal: Principal) -> Grant:
    if name == principal.session_arn:
        return Grant.DIRECT
    if name in {principal.arn, principal.unique_id}:
        return Grant.ROLE if principal.is_role else Grant.DIRECT
    root = _ROOT.fullmatch(name)
    named = root[1] if root else name
    if named != principal.account:
        return Grant.NONE
    return Grant.DIRECT if principal.is_root else Grant.ACCOUNT


def _levels(principal: Principal) -> Iterator[set[tuple[str, str]]]:
    if principal.is_service:
        yield {("Service", principal.arn)}
        return
    yield {("AWS", principal.account), ("AWS", f"arn:aws:iam::{principal.account}:root")}
    if not principal.is_root:
        yield {("AWS", principal.arn), ("AWS", principal.unique_id or principal.arn)}
    if principal.session_arn:
        yield {("AWS", principal.session_arn)}
