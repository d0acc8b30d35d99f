"""What is asked and what is answered: who wants to do what to which resource, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Document = Mapping[str, Any]
Context = Mapping[str, tuple[str, ...]]


class MalformedPolicyDocument(Exception):
    """A policy IAM would not accept, in IAM's words; it is never evaluated."""


@dataclass(frozen=True)
class Principal:
    """Who calls: a role (with its session), a user, an account's root user, or an AWS service.

    `account` is empty for a service, whose `arn` is its name (`quicksight.amazonaws.com`). `arn` of a role is
    the role's, `session_arn` the assumed-role session's. `unique_id` is the AROA or AIDA id.
    """

    account: str
    arn: str
    session_arn: str | None = None
    unique_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_service(self) -> bool:
        """An AWS service under its own name: it has no identity-based policies."""
        return not self.account

    @property
    def is_root(self) -> bool:
        """The root user of an account."""
        return self.kind == "root"

    @property
    def is_role(self) -> bool:
        """A role, hence always a session of it."""
        return self.kind == "role"

    @property
    def kind(self) -> str:
        """`role`, `user`, `root`, or `service`."""
        return "service" if self.is_service else self.arn.split(":", 5)[-1].split("/", 1)[0]


@dataclass(frozen=True)
class Request:
    """One call as IAM sees it; `resource` is an ARN, or `*` for an action without a resource type.

    Context keys are case-insensitive. Those that follow from the principal are derived where absent.
    """

    principal: Principal
    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Verdict:
    """Allowed or not, and why in the words of AWS's access denied messages."""

    allowed: bool
    reason: str


def condition_context(request: Request) -> Context:
    """Every condition key of a request, in lower case, with its values.

    Source: IAM User Guide, reference_policies_condition-keys.
    """
    derived = _service_keys(request.principal) if request.principal.is_service else _keys(request.principal)
    given = {key.lower(): _values(value) for key, value in request.context.items()}
    return {**{key.lower(): (value,) for key, value in derived.items()}, **given}


def _values(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _service_keys(principal: Principal) -> dict[str, str]:
    return {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": principal.arn}


def _keys(principal: Principal) -> dict[str, str]:
    keys = {
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalArn": principal.arn,
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalType": {"role": "AssumedRole", "user": "User"}.get(principal.kind, "Account"),
    }
    keys.update({f"aws:PrincipalTag/{key}": value for key, value in principal.tags.items()})
    if principal.kind == "user":
        keys["aws:username"] = principal.arn.rsplit("/", 1)[-1]
    user_id = _user_id(principal)
    return keys | ({"aws:userid": user_id} if user_id else {})


def _user_id(principal: Principal) -> str | None:
    if principal.is_root:
        return principal.account
    if principal.session_arn and principal.unique_id:
        return f"{principal.unique_id}:{principal.session_arn.rsplit('/', 1)[-1]}"
    return principal.unique_id
