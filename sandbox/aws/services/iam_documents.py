"""What moto's IAM says of a role, in the form the policy evaluator reads."""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws.policy import Document, KeptDocument, Principal


class NoSuchRole(LookupError):
    """The account has no role of that name."""


@dataclass(frozen=True)
class RoleDocuments:
    """A role's policies in force: `identity` are its inline and attached ones."""

    principal: Principal
    identity: tuple[Document, ...]
    boundary: Document | None
    trust: Document


def role_documents(account: str, role_name: str) -> RoleDocuments:
    """Everything the evaluator asks about a role; raises NoSuchRole."""
    iam = iam_backends[account]["aws"]
    role = next((each for each in iam.roles.values() if each.name == role_name), None)
    if role is None:
        raise NoSuchRole(f"The role with name {role_name} cannot be found in account {account}.")
    inline = [read_document(document) for document in role.policies.values()]
    attached = [_default_version(policy) for policy in role.managed_policies.values()]
    boundary = role.permissions_boundary_arn
    return RoleDocuments(
        principal=Principal(account=account, arn=role.arn, unique_id=role.id, tags=_tags(role)),
        identity=(*inline, *attached),
        boundary=_default_version(iam.managed_policies[boundary]) if boundary else None,
        trust=read_document(role.assume_role_policy_document),
    )


def role_documents_of(role_arn: str) -> RoleDocuments:
    """The same, by the role's ARN; raises NoSuchRole, also for an ARN whose path is not the role's."""
    found = role_documents(role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1])
    if found.principal.arn != role_arn:
        raise NoSuchRole(f"There is no role {role_arn}.")
    return found


def read_document(document: Any) -> Document:
    """A policy document whichever way moto keeps it.

    CloudFormation's inline policies arrive in moto as dicts or as Python's repr of one; AWS keeps JSON.
    """
    return document if isinstance(document, Mapping) else _read(document)


@lru_cache(4096)
def _read(document: str) -> Document:
    try:
        parsed = json.loads(document)
    except json.JSONDecodeError:
        parsed = ast.literal_eval(document)
    assert isinstance(parsed, dict)
    return KeptDocument(parsed)


def _default_version(policy: Any) -> Document:
    versions = {version.version_id: version.document for version in policy.versions}
    return read_document(versions[policy.default_version_id])


def _tags(role: Any) -> dict[str, str]:
    listed = role.tags.values() if isinstance(role.tags, dict) else role.tags or ()
    return {tag["Key"]: tag["Value"] for tag in listed}
