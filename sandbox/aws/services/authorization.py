"""May this session do that? Its role's policies as the rest of AWS knows them now, boundary and session policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sandbox.aws.policy import Request, Verdict, evaluate
from sandbox.aws.services.organizations import organization_of, organization_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sandbox.aws.identity import Session
    from sandbox.aws.policy import Document
    from sandbox.aws.services.iam_documents import RoleDocuments


class KnownRoles(Protocol):
    """IAM, as far as a decision needs it."""

    def documents_of(self, role_arn: str) -> RoleDocuments | None:
        """A role's policies as they decide now."""


def decide(
    iam: KnownRoles,
    session: Session,
    request: Request,
    *,
    resource: Document | None = None,
    resource_account: str | None = None,
) -> Verdict:
    """The evaluator's verdict. An administrator's session is not asked.

    `resource_account` is by default the session's own: only a request with a `resource` policy is one across
    accounts. A session of a role that was deleted since has no permissions, even if another role has its name.
    """
    if session.administrator:
        return Verdict(allowed=True, reason="allowed by AdministratorAccess")
    role = iam.documents_of(session.principal.arn)
    if role and role.principal.unique_id != session.principal.unique_id:
        role = None
    return evaluate(
        request,
        identity=role.identity if role else (),
        boundary=role.boundary if role else None,
        session=session.session_policies,
        resource=resource,
        resource_account=resource_account or session.account,
    )


def global_keys(session: Session, resource: str, region: str, now: datetime) -> dict[str, str | Sequence[str]]:
    """The condition keys every request has."""
    owner = account_of(resource) or session.account
    return {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:RequestedRegion": region,
        "aws:ResourceAccount": owner,
        "aws:SecureTransport": "true",
        **organization_key("Principal", session.account),
        **organization_key("Resource", owner),
        **organization_paths("Principal", session.account),
    }


def organization_key(whose: str, account: str) -> dict[str, str]:
    """`aws:PrincipalOrgID`, `aws:ResourceOrgID` or `aws:SourceOrgID` of an account in an organization."""
    organization = organization_of(account)
    return {f"aws:{whose}OrgID": organization} if organization else {}


def organization_paths(whose: str, account: str) -> dict[str, list[str]]:
    """`aws:PrincipalOrgPaths`: the OUs down to the account's own. It has several values, though an account has one."""
    path = organization_path(account)
    return {f"aws:{whose}OrgPaths": [path]} if path else {}


def account_of(arn: str) -> str:
    """The account in an ARN; empty where it has none."""
    components = arn.split(":", 5)
    return components[4] if len(components) == 6 else ""
