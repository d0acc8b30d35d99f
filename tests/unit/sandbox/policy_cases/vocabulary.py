"""Who, what and which documents the tables of policy cases are written with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.aws.policy import Document, Principal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

A, B = "111122223333", "444455556666"
ROOT_A, ROOT_B = f"arn:aws:iam::{A}:root", f"arn:aws:iam::{B}:root"
ROLE_IN_A, SESSION_A = f"arn:aws:iam::{A}:role/examplerole", f"arn:aws:sts::{A}:assumed-role/examplerole/session"
USER_A = f"arn:aws:iam::{A}:user/carlossalazar"
UNIQUE_ID = "AROAEXAMPLEROLEID0001"

ROLE = Principal(A, ROLE_IN_A, SESSION_A, UNIQUE_ID, {"department": "data"})
USER = Principal(A, USER_A, unique_id="AIDAEXAMPLEUSERID0001")
ROOT = Principal(A, ROOT_A)
SERVICE = Principal("", "quicksight.amazonaws.com")

BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"
OBJECT = f"{BUCKET}/key"
TARGET_A, TARGET_B = f"arn:aws:iam::{A}:role/target", f"arn:aws:iam::{B}:role/target"
DATA_SOURCE = f"arn:aws:quicksight:eu-west-1:{A}:datasource/quick-athena-{B}-default"

LOGIC = "IAM User Guide: reference_policies_evaluation-logic_policy-eval-denyallow"
BASICS = "IAM User Guide: reference_policies_evaluation-logic_policy-eval-basics"
CROSS = "IAM User Guide: reference_policies_evaluation-logic-cross-account"
BOUNDARIES = "IAM User Guide: access_policies_boundaries"
SESSIONS = "IAM User Guide: access_policies (session policies)"
SCP_PAGE = "Organizations User Guide: orgs_manage_policies_scps_evaluation"
PRINCIPAL = "IAM User Guide: reference_policies_elements_principal"
NOT_PRINCIPAL = "IAM User Guide: reference_policies_elements_notprincipal"
ACTION = "IAM User Guide: reference_policies_elements_action"
NOT_ACTION = "IAM User Guide: reference_policies_elements_notaction"
RESOURCE = "IAM User Guide: reference_policies_elements_resource"
NOT_RESOURCE = "IAM User Guide: reference_policies_elements_notresource"
VARIABLES = "IAM User Guide: reference_policies_variables"
VERSION = "IAM User Guide: reference_policies_elements_version"
OPERATORS = "IAM User Guide: reference_policies_elements_condition_operators"
MULTIPLE = "IAM User Guide: reference_policies_condition-logic-multiple-context-keys-or-values"
SETS = "IAM User Guide: reference_policies_condition-single-vs-multi-valued-context-keys"
KEYS = "IAM User Guide: reference_policies_condition-keys"
EXTERNAL_ID = "IAM User Guide: id_roles_common-scenarios_third-party"
DEPUTY = "IAM User Guide: confused-deputy"
ASSUME = "STS API Reference: API_AssumeRole"
TRUST_UPDATE = "AWS Security Blog: announcing-an-update-to-iam-role-trust-policy-behavior"
KMS_PAGE = "KMS Developer Guide: key-policies"

NO_IDENTITY = "no identity-based policy allows the {action} action"
NO_RESOURCE = "no resource-based policy allows the {action} action"
NO_BOUNDARY = "no permissions boundary allows the {action} action"
NO_SESSION = "no session policy allows the {action} action"
NO_TRUST = "no role trust policy allows the {action} action"
NO_SCP = "no service control policy allows the {action} action"
DENY_IN = "with an explicit deny in "

ALLOWED, DENIED = True, False


def statement(effect: str, action: Any, resource: Any = "*", **elements: Any) -> dict[str, Any]:
    """A statement; `resource=None` leaves the element out."""
    named = {} if resource is None else {"Resource": resource}
    return {"Effect": effect, "Action": action} | named | elements


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    """A document of statements."""
    return {"Version": version, "Statement": list(statements)}


def allow(action: Any, resource: Any = "*", **elements: Any) -> dict[str, Any]:
    """A document that allows."""
    return policy(statement("Allow", action, resource, **elements))


def deny(action: Any, resource: Any = "*", **elements: Any) -> dict[str, Any]:
    """A document that denies."""
    return policy(statement("Deny", action, resource, **elements))


def trust(principal: Any, condition: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A role trust policy."""
    return allow("sts:AssumeRole", None, Principal=principal, Condition=condition or {})


def bucket_policy(principal: Any, **elements: Any) -> dict[str, Any]:
    """A bucket policy that allows reading."""
    return allow("s3:GetObject", f"{BUCKET}/*", Principal=principal, **elements)


@dataclass(frozen=True)
class Case:
    """One row: by default the role of account A reads an object of its own account."""

    page: str
    says: str
    allowed: bool
    reason: str = ""
    principal: Principal = ROLE
    action: str = "s3:GetObject"
    on: str = OBJECT
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    identity: Sequence[Document] = ()
    boundary: Document | None = None
    session: Sequence[Document] | None = None
    resource: Document | None = None
    owner: str | None = None
    scps: Sequence[Sequence[Document]] = ()


READ, READ_ALL = allow("s3:GetObject"), allow("s3:*")
OTHER = allow("sqs:SendMessage")
ASSUME_ANY = allow("sts:AssumeRole")
FULL = allow("*")


def assumes(page: str, says: str, *, allowed: bool, reason: str = "", **rest: Any) -> Case:
    """A row about sts:AssumeRole of a role in the same account unless `on` says otherwise."""
    return Case(page, says, allowed, reason, action="sts:AssumeRole", **({"on": TARGET_A} | rest))


def when(page: str, says: str, condition: Any, context: Any = None, *, allowed: bool, **rest: Any) -> Case:
    """A row about one Condition element of an Allow statement."""
    document = allow("s3:GetObject", Condition=condition)
    return Case(page, says, allowed, identity=[document], context=context or {}, **rest)
