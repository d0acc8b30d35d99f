"""The decision: which policies must allow a request, and which of them denies it.

Sources: IAM User Guide, reference_policies_evaluation-logic_policy-eval-denyallow,
reference_policies_evaluation-logic_policy-eval-basics, reference_policies_evaluation-logic-cross-account;
wording from troubleshoot_access-denied.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sandbox.aws.policy.document import Policy, PreparedRequest, parse
from sandbox.aws.policy.model import Document, Principal, Request, Verdict
from sandbox.aws.policy.principals import Grant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.aws.policy.syntax import Kind

ASSUME_ROLE = "sts:assumerole"
CURRENT_TIME = "aws:CurrentTime"


@dataclass(frozen=True)
class _Policies:
    """Every policy that has a say."""

    identity: tuple[Policy, ...]
    boundary: tuple[Policy, ...]
    session: tuple[Policy, ...]
    resource: tuple[Policy, ...]
    service_control: tuple[tuple[Policy, ...], ...]

    @property
    def read_time(self) -> bool:
        """Whether the time of a request may matter."""
        own = (*self.identity, *self.boundary, *self.session, *self.resource)
        return any(policy.reads_time for listed in (own, *self.service_control) for policy in listed)


@dataclass(frozen=True)
class _Case:
    """A request with its policies."""

    request: Request
    prepared: PreparedRequest
    policies: _Policies
    same_account: bool

    @property
    def assumes_role(self) -> bool:
        return self.prepared.action == ASSUME_ROLE

    @property
    def resource_must_allow(self) -> bool:
        """Trust and key policies must allow in every case, unlike other resource-based policies."""
        key_policy = self.prepared.action.startswith("kms:") and bool(self.policies.resource)
        return self.assumes_role or key_policy or not self.same_account

    def denied(self, policy_type: str) -> Verdict:
        return Verdict(allowed=False, reason=f"no {policy_type} allows the {self.request.action} action")


def evaluate(
    request: Request,
    *,
    identity: Sequence[Document] = (),
    boundary: Document | None = None,
    session: Sequence[Document] | None = None,
    resource: Document | None = None,
    resource_account: str | None = None,
    scps: Sequence[Sequence[Document]] = (),
) -> Verdict:
    """Decides one request.

    `session` None or empty means a session without session policies. `resource` is the policy of the resource
    asked for, for sts:AssumeRole the role's trust policy, which must then allow. `resource_account` owns the
    resource; by default the account in its ARN, else the caller's. `scps` has one list of policies per level
    (root, each OU, account), and each level must allow.

    Raises:
        MalformedPolicyDocument: a policy IAM would not have accepted.
    """
    kind: Kind = "trust" if request.action.lower() == ASSUME_ROLE else "resource"
    policies = _Policies(
        identity=tuple(parse(each, "identity") for each in identity),
        boundary=() if boundary is None else (parse(boundary, "identity"),),
        session=tuple(parse(each, "identity") for each in session or ()),
        resource=() if resource is None else (parse(resource, kind),),
        service_control=tuple(tuple(parse(each, "identity") for each in level) for level in scps),
    )
    owner = resource_account or _account_of(request.resource) or request.principal.account
    read_time = policies.read_time
    context = tuple(
        (key, value if isinstance(value, str) else tuple(value))
        for key, value in request.context.items()
        if read_time or key != CURRENT_TIME
    )
    same_account = owner == request.principal.account
    tags = tuple(request.principal.tags.items())  # the principal's own may be other ones tomorrow
    return _verdict(request.principal, tags, request.action, request.resource, context, policies, same_account)


@lru_cache(8192)
def _verdict(
    principal: Principal,
    _tags: tuple[tuple[str, str], ...],
    action: str,
    resource: str,
    context: tuple[tuple[str, str | tuple[str, ...]], ...],
    policies: _Policies,
    same_account: bool,  # noqa: FBT001 - lru_cache takes positions as they are
) -> Verdict:
    """The decision, made once: the same roles ask for the same all day long."""
    request = Request(principal, action, resource, dict(context))
    prepared = PreparedRequest.of(request, bounded=bool(policies.boundary))
    return _decide(_Case(request, prepared, policies, same_account))


def assume_role(
    request: Request,
    *,
    trust: Document,
    identity: Sequence[Document] = (),
    boundary: Document | None = None,
    session: Sequence[Document] | None = None,
    scps: Sequence[Sequence[Document]] = (),
) -> Verdict:
    """Decides sts:AssumeRole of the role `request.resource`, which `trust` belongs to."""
    if request.action.lower() != ASSUME_ROLE:
        raise ValueError(f"assume_role decides sts:AssumeRole, not {request.action}")
    return evaluate(request, identity=identity, boundary=boundary, session=session, resource=trust, scps=scps)


def access_denied_message(request: Request, verdict: Verdict) -> str:
    """The text of AWS's AccessDenied error."""
    caller = request.principal.session_arn or request.principal.arn
    joint = " " if verdict.reason.startswith("with ") else " because "
    what = f"perform: {request.action} on resource: {request.resource}"
    return f"User: {caller} is not authorized to {what}{joint}{verdict.reason}"


def _account_of(arn: str) -> str | None:
    components = arn.split(":", 5)
    return components[4] if len(components) == 6 and components[4].isdigit() else None


def _decide(case: _Case) -> Verdict:
    explicit = next(_explicit_denies(case), None)
    if explicit:
        return Verdict(allowed=False, reason=f"with an explicit deny in {explicit}")
    if case.request.principal.is_service:
        return _resource_verdict(case) or _allowed("a resource-based policy")
    if case.assumes_role and case.request.principal.is_root:
        return Verdict(allowed=False, reason="root user credentials cannot call AssumeRole")
    return _service_control_verdict(case) or (_same_account(case) if case.same_account else _cross_account(case))


def _explicit_denies(case: _Case) -> Iterator[str]:
    """The kinds of policy that deny; service control policies bind accounts, so no service principal."""
    policies = case.policies
    levels = () if case.request.principal.is_service else policies.service_control
    ordered = (
        ("a service control policy", tuple(policy for level in levels for policy in level)),
        ("the role trust policy" if case.assumes_role else "a resource-based policy", policies.resource),
        ("an identity-based policy", policies.identity),
        ("a permissions boundary", policies.boundary),
        ("a session policy", policies.session),
    )
    return (name for name, listed in ordered if any(policy.denies(case.prepared) for policy in listed))


def _same_account(case: _Case) -> Verdict:
    grant = _grant(case)
    if grant is Grant.DIRECT:
        return _allowed("a resource-based policy")
    if grant is Grant.ROLE:
        return _limits_verdict(case) or _allowed("a resource-based policy")
    refused = _resource_verdict(case) if case.resource_must_allow else None
    return refused or _identity_verdict(case) or _limits_verdict(case) or _allowed("an identity-based policy")


def _cross_account(case: _Case) -> Verdict:
    return (
        _identity_verdict(case)
        or _limits_verdict(case)
        or _resource_verdict(case)
        or _allowed("an identity-based and a resource-based policy")
    )


def _allowed(policy_type: str) -> Verdict:
    return Verdict(allowed=True, reason=f"allowed by {policy_type}")


def _grant(case: _Case) -> Grant:
    return max((policy.grant(case.prepared) for policy in case.policies.resource), default=Grant.NONE)


def _resource_verdict(case: _Case) -> Verdict | None:
    if _grant(case) is not Grant.NONE:
        return None
    return case.denied("role trust policy" if case.assumes_role else "resource-based policy")


def _identity_verdict(case: _Case) -> Verdict | None:
    if case.request.principal.is_root or _any_allows(case.policies.identity, case.prepared):
        return None
    return case.denied("identity-based policy")


def _limits_verdict(case: _Case) -> Verdict | None:
    """The policies that grant nothing and only limit: boundary and session policies."""
    for name, listed in (
        ("permissions boundary", case.policies.boundary),
        ("session policy", case.policies.session),
    ):
        if listed and not _any_allows(listed, case.prepared):
            return case.denied(name)
    return None


def _service_control_verdict(case: _Case) -> Verdict | None:
    if all(_any_allows(level, case.prepared) for level in case.policies.service_control):
        return None
    return case.denied("service control policy")


def _any_allows(policies: tuple[Policy, ...], prepared: PreparedRequest) -> bool:
    return any(policy.allows(prepared) for policy in policies)
