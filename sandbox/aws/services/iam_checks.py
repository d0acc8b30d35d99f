"""What IAM refuses and moto accepts: policies and roles over their quotas, policies it can't read, unknown principals.

Sources: IAM User Guide, reference_iam-quotas (default quotas; white space is not counted), the grammar in
`sandbox.aws.policy`, reference_policies_elements_principal (a role named in a trust policy must exist). The words
are IAM's, as its users report them.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.policy import Document, MalformedPolicyDocument, validate
from sandbox.aws.services.iam_documents import read_document

POLICY_SIZE = 6_144  # characters of a managed policy
ROLE_POLICIES_SIZE = 10_240  # characters of all inline policies of a role together
TRUST_POLICY_SIZE = 2_048  # characters
POLICIES_PER_ROLE = 20  # attached ones
POLICIES, ROLES = 1_500, 1_000  # of an account: customer managed policies, roles
QUOTAS = {
    "AssumeRolePolicySizeQuota": TRUST_POLICY_SIZE,
    "AttachedPoliciesPerRoleQuota": POLICIES_PER_ROLE,
    "PoliciesQuota": POLICIES,
    "PolicySizeQuota": POLICY_SIZE,
    "RolePolicySizeQuota": ROLE_POLICIES_SIZE,
    "RolesQuota": ROLES,
    "VersionsPerPolicyQuota": 5,
}
_ROLE = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/.+")


def check(call: Call) -> None:
    """Refuses an IAM write that AWS would refuse; says nothing of operations it does not know."""
    if call.service == "iam" and call.operation in _CHECKS:
        _CHECKS[call.operation](call)


def size(document: Any) -> int:
    """A document's size as IAM counts it: characters that are no white space."""
    text = document if isinstance(document, str) else json.dumps(document)
    return len(re.sub(r"\s", "", text))


def find_role(account: str, name: str) -> Any | None:
    """The role of that name, as moto keeps it."""
    return next((role for role in iam_backends[account]["aws"].roles.values() if role.name == name), None)


def trusted_roles(trust: Document) -> Iterator[str]:
    """The role ARNs a trust policy names as principals."""
    listed = trust["Statement"] if isinstance(trust["Statement"], list) else [trust["Statement"]]
    for statement in listed:
        for name in principals(statement):
            if _ROLE.fullmatch(name):
                yield name


def principals(statement: Mapping[str, Any]) -> list[str]:
    """The AWS principals of a statement."""
    element = statement.get("Principal", {})
    named = element.get("AWS", []) if isinstance(element, Mapping) else []
    return [named] if isinstance(named, str) else list(named)


def _check_managed_policy(call: Call) -> None:
    text = call.parameters["PolicyDocument"]
    _read(text, validate)
    if size(text) > POLICY_SIZE:
        raise _exceeded(f"Cannot exceed quota for PolicySize: {POLICY_SIZE}")


def _check_new_policy(call: Call) -> None:
    _check_managed_policy(call)
    present = iam_backends[call.account]["aws"].managed_policies  # AWS's own among them
    if sum(arn.split(":")[4] == call.account for arn in present) >= POLICIES:
        raise _exceeded(f"Cannot exceed quota for PoliciesPerAccount: {POLICIES}")


def _check_new_role(call: Call) -> None:
    _check_trust_policy(call)
    if len(iam_backends[call.account]["aws"].roles) >= ROLES:
        raise _exceeded(f"Cannot exceed quota for RolesPerAccount: {ROLES}")


def _check_inline_policy(call: Call) -> None:
    name, text = call.parameters["RoleName"], call.parameters["PolicyDocument"]
    _read(text, validate)
    role = find_role(call.account, name)
    others = {} if role is None else {**role.policies, call.parameters["PolicyName"]: ""}
    if size(text) + sum(size(each) for each in others.values() if each) > ROLE_POLICIES_SIZE:
        raise _exceeded(f"Maximum policy size of {ROLE_POLICIES_SIZE} bytes exceeded for role {name}")


def _check_trust_policy(call: Call) -> None:
    text = call.parameters.get("AssumeRolePolicyDocument") or call.parameters["PolicyDocument"]
    document = _read(text, lambda each: validate(each, "trust"))
    if size(text) > TRUST_POLICY_SIZE:
        raise _exceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_SIZE}")
    for arn in trusted_roles(document):
        role = find_role(arn.split(":")[4], arn.rsplit("/", 1)[-1])
        if role is None or role.arn != arn:
            raise AwsError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{arn}"')


def _check_attachment(call: Call) -> None:
    role, arn = find_role(call.account, call.parameters["RoleName"]), call.parameters["PolicyArn"]
    if role is not None and len({*role.managed_policies, arn}) > POLICIES_PER_ROLE:
        raise _exceeded(f"Cannot exceed quota for PoliciesPerRole: {POLICIES_PER_ROLE}")


def _check_deletion(call: Call) -> None:
    """A policy in use stays, and so does one with versions besides the default one."""
    iam, arn = iam_backends[call.account]["aws"], call.parameters["PolicyArn"]
    if any(arn in (*role.managed_policies, role.permissions_boundary_arn) for role in iam.roles.values()):
        raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.")
    if arn in iam.managed_policies and len(iam.managed_policies[arn].versions) > 1:
        raise AwsError(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's"
            " versions. The default version is deleted with the policy.",
        )


def _read(text: str, validator: Callable[[Document], None]) -> Document:
    try:
        document = read_document(text)
        validator(document)
    except MalformedPolicyDocument as error:
        raise AwsError("MalformedPolicyDocument", str(error)) from error
    except (ValueError, SyntaxError, AssertionError) as error:
        raise AwsError("MalformedPolicyDocument", "Syntax errors in policy.") from error
    return document


def _exceeded(message: str) -> AwsError:
    return AwsError("LimitExceeded", message)


_CHECKS: dict[str, Callable[[Call], None]] = {
    "CreatePolicy": _check_new_policy,
    "CreatePolicyVersion": _check_managed_policy,
    "DeletePolicy": _check_deletion,
    "PutRolePolicy": _check_inline_policy,
    "CreateRole": _check_new_role,
    "UpdateAssumeRolePolicy": _check_trust_policy,
    "AttachRolePolicy": _check_attachment,
}
