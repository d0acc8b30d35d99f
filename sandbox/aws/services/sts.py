"""STS: nobody becomes a role unless trust, identity, boundary and session policies allow it.

moto hands out credentials of any role, existing or not, with any ExternalId. Sources: botocore model of AssumeRole;
IAM User Guide, reference_policies_evaluation-logic-cross-account, id_roles_terms-and-concepts (role chaining: an
hour at most), id_credentials_temp_use-resources (credentials expire).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.policy import Document, MalformedPolicyDocument, Principal, Request, evaluate, validate
from sandbox.aws.services.authorization import account_of, decide, organization_key
from sandbox.aws.services.iam_checks import find_role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.identity import Session
    from sandbox.aws.policy import Verdict
    from sandbox.aws.services.iam import Iam
    from sandbox.aws.services.iam_documents import RoleDocuments

CHAINED_SECONDS = 3_600
SESSION_POLICY_SIZE = 2_048  # characters
PLAIN = {"Effect": "Allow", "Action": "*", "Resource": "*"}
EVERYTHING: Document = {"Version": "2012-10-17", "Statement": [PLAIN]}


@dataclass(frozen=True)
class AssumeRoleRequest:
    """One AssumeRole: the role, and what the caller sends along. `context` is what AWS adds, as aws:SourceArn.

    Without `seconds` the session does not expire: whoever holds it renews it.
    """

    role_arn: str
    session_name: str = "session"
    external_id: str | None = None
    session_policy: Document | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    seconds: int | None = CHAINED_SECONDS


@dataclass(frozen=True)
class Assumption:
    """An AssumeRole that was decided: who asked for what. Without `allowed` it was refused."""

    caller: Principal
    requested: AssumeRoleRequest
    allowed: bool


class Sts:
    """AssumeRole and GetCallerIdentity, for clients and for the services that assume roles.

    `watchers` are called with each AssumeRole that was decided.
    """

    def __init__(self, cloud: Cloud, iam: Iam) -> None:
        self._cloud, self._iam = cloud, iam
        self.watchers: list[Callable[[Assumption], None]] = []
        cloud.gateway.handle("sts", AssumeRole=self._assume_role, GetCallerIdentity=_caller_identity)

    def as_service(self, service: str, requested: AssumeRoleRequest) -> Session:
        """A service assumes a role: its trust policy alone decides. Raises AwsError AccessDenied."""
        principal = Principal(account="", arn=service)
        return self._assume(principal, requested, lambda request, role: evaluate(request, resource=role.trust))

    def chained(self, session: Session, requested: AssumeRoleRequest) -> Session:
        """A session assumes a further role: both sides must allow it. Raises AwsError AccessDenied."""

        def verdict(request: Request, role: RoleDocuments) -> Verdict:
            if session.administrator:
                return evaluate(request, identity=(EVERYTHING,), resource=role.trust)
            owner = account_of(requested.role_arn)
            return decide(self._iam, session, request, resource=role.trust, resource_account=owner)

        return self._assume(session.principal, requested, verdict)

    def _assume(
        self, caller: Principal, requested: AssumeRoleRequest, verdict: Callable[[Request, RoleDocuments], Verdict]
    ) -> Session:
        request = Request(caller, "sts:AssumeRole", requested.role_arn, _context(caller, requested))
        role = self._iam.documents_of(requested.role_arn)
        allowed = role is not None and verdict(request, role).allowed
        for watch in self.watchers:
            watch(Assumption(caller, requested, allowed))
        if role is None or not allowed:
            who = caller.session_arn or caller.arn
            raise AwsError(
                "AccessDenied",
                f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {requested.role_arn}",
            )
        principal = replace(role.principal, session_arn=session_arn(requested.role_arn, requested.session_name))
        policies = (requested.session_policy,) if requested.session_policy else ()
        expires = None if requested.seconds is None else self._cloud.clock.now() + timedelta(seconds=requested.seconds)
        return self._cloud.identities.role_session(
            principal, policies, expires, partial(self._may_everything, principal, requested.session_policy)
        )

    def _may_everything(self, principal: Principal, session_policy: Document | None) -> bool:
        """Whether a session is an administrator's in all but name: one plain statement allows all there is."""
        role = self._iam.documents_of(principal.arn)
        return (
            session_policy is None
            and role is not None
            and role.principal.unique_id == principal.unique_id
            and role.boundary is None
            and [_statements(document) for document in role.identity] == [[PLAIN]]
        )

    def _assume_role(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        seconds = int(given.get("DurationSeconds") or CHAINED_SECONDS)
        policy = _session_policy(given.get("Policy"))
        requested = AssumeRoleRequest(
            given["RoleArn"], given["RoleSessionName"], given.get("ExternalId"), policy, seconds=seconds
        )
        session = self.chained(call.session, requested)
        _check_duration(call.session, requested.role_arn, seconds)
        return {
            "Credentials": {
                "AccessKeyId": session.access_key,
                "SecretAccessKey": session.secret_key,
                "SessionToken": session.token,
                "Expiration": session.expires,
            },
            "AssumedRoleUser": {"AssumedRoleId": _user_id(session.principal), "Arn": session.principal.session_arn},
            "PackedPolicySize": 6,
        }


def _statements(document: Document) -> list[Any]:
    listed = document["Statement"]
    return listed if isinstance(listed, list) else [listed]


def session_arn(role_arn: str, session_name: str) -> str:
    """The ARN of a role's session; the role's path is not in it."""
    return f"arn:aws:sts::{account_of(role_arn)}:assumed-role/{role_arn.rsplit('/', 1)[-1]}/{session_name}"


def _context(caller: Principal, requested: AssumeRoleRequest) -> dict[str, str]:
    owner = account_of(requested.role_arn)
    return {
        "sts:RoleSessionName": requested.session_name,
        **({"sts:ExternalId": requested.external_id} if requested.external_id is not None else {}),
        **(organization_key("Principal", caller.account) if caller.account else {}),
        "aws:ResourceAccount": owner,
        **organization_key("Resource", owner),
        **requested.context,
    }


def _check_duration(caller: Session, role_arn: str, seconds: int) -> None:
    chained = caller.expires is not None or not caller.administrator
    if chained and seconds > CHAINED_SECONDS:
        message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        raise AwsError("ValidationError", message)
    role = find_role(account_of(role_arn), role_arn.rsplit("/", 1)[-1])
    if role is not None and seconds > int(role.max_session_duration or CHAINED_SECONDS):
        message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise AwsError("ValidationError", message)


def _session_policy(text: str | None) -> Document | None:
    if text is None:
        return None
    if len(text) > SESSION_POLICY_SIZE:
        limit = f"Member must have length less than or equal to {SESSION_POLICY_SIZE}"
        message = f"1 validation error detected: Value at 'policy' failed to satisfy constraint: {limit}"
        raise AwsError("ValidationError", message)
    try:
        document: Document = json.loads(text)
        validate(document)
    except (ValueError, MalformedPolicyDocument) as error:
        raise AwsError("MalformedPolicyDocument", str(error)) from error
    return document


def _caller_identity(call: Call) -> dict[str, Any]:
    """Who the session is; moto knows only the sessions it gave itself."""
    principal = call.session.principal
    arn = principal.session_arn or principal.arn
    return {"UserId": _user_id(principal), "Account": principal.account, "Arn": arn}


def _user_id(principal: Principal) -> str:
    return f"{principal.unique_id}:{(principal.session_arn or principal.arn).rsplit('/', 1)[-1]}"
