"""May this rule reach that target? The role's and the resource's policies decide; moto asks neither.

Sources: EventBridge User Guide, eb-cross-account (a role on the rule for every other bus, and the receiving
bus's policy), eb-use-resource-based (SQS: the queue's policy must allow events.amazonaws.com).
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.aws.policy import Document, Principal, Request, Verdict, access_denied_message, assume_role, evaluate
from sandbox.aws.services.events.errors import TargetError
from sandbox.aws.services.iam_documents import NoSuchRole, RoleDocuments, role_documents_of
from sandbox.aws.services.organizations import organization_of, organization_path

EVENTS = Principal(account="", arn="events.amazonaws.com")


def check_role(role_arn: str | None, rule_arn: str, action: str, resource: str, policy: Document | None) -> None:
    """The rule's role must let EventBridge in and allow the action; so must the resource's policy across accounts.

    Raises TargetError FAILED_TO_ASSUME_ROLE or NO_PERMISSIONS.
    """
    documents = _assumed(role_arn, rule_arn)
    role = documents.principal
    principal = replace(role, session_arn=f"{_session_prefix(role.arn)}/events")
    request = Request(principal, action, resource, principal_context(role.account))
    verdict = evaluate(request, identity=documents.identity, boundary=documents.boundary, resource=policy)
    _require(request, verdict)


def check_service(rule_arn: str, action: str, resource: str, policy: Document | None) -> None:
    """The resource's own policy must let EventBridge in, for this rule; raises TargetError NO_PERMISSIONS."""
    request = Request(EVENTS, action, resource, _source(rule_arn))
    _require(request, evaluate(request, resource=policy))


def principal_context(account: str) -> dict[str, str | list[str]]:
    """The condition keys that follow from the organization a principal is in."""
    organization, path = organization_of(account), organization_path(account)
    if organization is None or path is None:
        return {}
    return {"aws:PrincipalOrgID": organization, "aws:PrincipalOrgPaths": [path]}


def parse_policy(text: Any) -> Document | None:
    """A resource's policy as moto keeps it."""
    return json.loads(text) if text else None


def _assumed(role_arn: str | None, rule_arn: str) -> RoleDocuments:
    if not role_arn:
        raise TargetError("NO_PERMISSIONS", "The target has no RoleArn: EventBridge needs one to reach it")
    if role_arn.split(":")[4] != rule_arn.split(":")[4]:
        raise TargetError("FAILED_TO_ASSUME_ROLE", f"{role_arn} is not in the rule's account")
    try:
        documents = role_documents_of(role_arn)
    except NoSuchRole as error:
        raise TargetError("FAILED_TO_ASSUME_ROLE", str(error)) from error
    request = Request(EVENTS, "sts:AssumeRole", role_arn, _source(rule_arn))
    verdict = assume_role(request, trust=documents.trust)
    if not verdict.allowed:
        raise TargetError("FAILED_TO_ASSUME_ROLE", access_denied_message(request, verdict))
    return documents


def _require(request: Request, verdict: Verdict) -> None:
    if not verdict.allowed:
        raise TargetError("NO_PERMISSIONS", access_denied_message(request, verdict))


def _source(rule_arn: str) -> Mapping[str, str]:
    account = rule_arn.split(":")[4]
    organization = organization_of(account)
    known = {"aws:SourceOrgID": organization} if organization else {}
    return {"aws:SourceArn": rule_arn, "aws:SourceAccount": account, **known}


def _session_prefix(role_arn: str) -> str:
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    return f"arn:aws:sts::{account}:assumed-role/{name}"
