"""STS: nobody becomes a role unless trust, identity and boundary policies allow it.

moto lets anybody assume any role, existing or not, with any ExternalId. Sources: IAM User Guide,
reference_policies_evaluation-logic (cross-account), id_roles_terms-and-concepts (chaining ends within the hour).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.gateway import AwsError, Call
from sandbox.policy import Document, Principal, Request, Verdict, assume_role
from sandbox.services.organizations import organization_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.cloud import Cloud
    from sandbox.identity import Session
    from sandbox.services.iam import Iam

CHAINED_SECONDS = 3600
SESSION_POLICY = 2048  # characters
EVERYTHING: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class Asked:
    """One AssumeRole: the role, and what the caller sends along."""

    role_arn: str
    session_name: str = "session"
    external_id: str | None = None
    session_policy: Document | None = None
    context: Mapping[str, str] = field(default_factory=dict)


class Sts:
    """AssumeRole and GetCallerIdentity, for clients and for the services that assume roles."""

    def __init__(self, cloud: Cloud, iam: Iam) -> None:
        self._cloud, self._iam = cloud, iam
        cloud.gateway.handle("sts", AssumeRole=self._assume_role, GetCallerIdentity=self._caller_identity)

    def as_service(self, service: str, asked: Asked) -> Session:
        """A service assumes a role: its trust policy alone decides. Raises AwsError AccessDenied."""
        return self._become(Principal(account="", arn=service), (), None, (), asked)

    def chained(self, session: Session, asked: Asked) -> Session:
        """A session assumes a further role: both sides must allow it. Raises AwsError AccessDenied."""
        if session.administrator:
            return self._become(session.principal, (EVERYTHING,), None, (), asked)
        own = self._iam.documents_of(session.principal.arn)
        identity, boundary = (own.identity, own.boundary) if own else ((), None)
        return self._become(session.principal, identity, boundary, session.session_policies, asked)

    def _become(
        self,
        caller: Principal,
        identity: Sequence[Document],
        boundary: Document | None,
        session: Sequence[Document],
        asked: Asked,
    ) -> Session:
        request = Request(caller, "sts:AssumeRole", asked.role_arn, self._context(caller, asked))
        role = self._iam.documents_of(asked.role_arn)
        verdict = (
            assume_role(request, trust=role.trust, identity=identity, boundary=boundary, session=session)
            if role
            else Verdict(allowed=False, reason="")
        )
        if role is None or not verdict.allowed:
            who = caller.session_arn or caller.arn
            raise AwsError(
                "AccessDenied",
                f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {asked.role_arn}",
            )
        name = role.principal.arn.rsplit("/", 1)[-1]
        session_arn = f"arn:aws:sts::{role.principal.account}:assumed-role/{name}/{asked.session_name}"
        policies = (asked.session_policy,) if asked.session_policy else ()
        return self._cloud.identities.role_session(replace(role.principal, session_arn=session_arn), policies)

    def _context(self, caller: Principal, asked: Asked) -> dict[str, str]:
        organization = organization_of(caller.account) if caller.account else None
        return {
            **({"aws:PrincipalOrgID": organization} if organization else {}),
            **({"sts:ExternalId": asked.external_id} if asked.external_id else {}),
            **asked.context,
        }

    def _assume_role(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        seconds = int(given.get("DurationSeconds") or CHAINED_SECONDS)
        if seconds > CHAINED_SECONDS and not call.session.administrator:
            message = (
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
            raise AwsError("ValidationError", message)
        policy = given.get("Policy")
        if policy and len(policy) > SESSION_POLICY:
            raise AwsError("ValidationError", f"Member must have length less than or equal to {SESSION_POLICY}")
        session = self.chained(
            call.session,
            Asked(
                given["RoleArn"],
                given["RoleSessionName"],
                given.get("ExternalId"),
                json.loads(policy) if policy else None,
            ),
        )
        return {
            "Credentials": {
                "AccessKeyId": session.access_key,
                "SecretAccessKey": session.secret_key,
                "SessionToken": session.token,
                "Expiration": self._cloud.clock.now() + timedelta(seconds=seconds),
            },
            "AssumedRoleUser": _user(session.principal),
        }

    def _caller_identity(self, call: Call) -> dict[str, Any]:
        user = _user(call.session.principal)
        return {"UserId": user["AssumedRoleId"], "Account": call.account, "Arn": user["Arn"]}


def _user(principal: Principal) -> dict[str, str]:
    arn = principal.session_arn or principal.arn
    return {"AssumedRoleId": f"{principal.unique_id}:{arn.rsplit('/', 1)[-1]}", "Arn": arn}
