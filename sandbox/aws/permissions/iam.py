"""What IAM's own operations need. Roles and policies carry their tags; roles also their boundary."""

from collections.abc import Iterable, Sequence

from moto.iam.models import iam_backends

from sandbox.aws.gateway import Call
from sandbox.aws.permissions.need import Need, Needs, Table, request_tags, resource_tags, simple
from sandbox.aws.services.iam_checks import find_role


def _on_policy(action: str) -> Needs:
    def needs(call: Call) -> Iterable[Need]:
        arn = call.parameters["PolicyArn"]
        policy = iam_backends[call.account]["aws"].managed_policies.get(arn)
        tags = {tag["Key"]: tag["Value"] for tag in policy.tags.values()} if policy else {}
        yield Need(action, arn, {**request_tags(call), **resource_tags(tags, "iam")})

    return needs


def _on_role(action: str) -> Needs:
    def needs(call: Call) -> Iterable[Need]:
        name = call.parameters["RoleName"]
        role = find_role(call.account, name)
        context: dict[str, str | Sequence[str]] = dict(request_tags(call))
        if "PolicyArn" in call.parameters:
            context["iam:PolicyARN"] = call.parameters["PolicyArn"]
        if role is not None and role.permissions_boundary_arn:
            context["iam:PermissionsBoundary"] = role.permissions_boundary_arn
        tags = {tag["Key"]: tag["Value"] for tag in role.tags} if role else {}
        arn = role.arn if role else f"arn:aws:iam::{call.account}:role/{name}"
        yield Need(action, arn, {**context, **resource_tags(tags, "iam")})

    return needs


def _create_role(call: Call) -> Iterable[Need]:
    """The boundary it is to have, and a permission of its own for tags."""
    arn = f"arn:aws:iam::{call.account}:role{call.parameters.get('Path', '/')}{call.parameters['RoleName']}"
    boundary = call.parameters.get("PermissionsBoundary")
    bound = {"iam:PermissionsBoundary": boundary} if boundary else {}
    yield Need("iam:CreateRole", arn, {**request_tags(call), **bound})
    if call.parameters.get("Tags"):
        yield Need("iam:TagRole", arn, request_tags(call))


def _put_boundary(call: Call) -> Iterable[Need]:
    """The key holds the boundary that is asked for, not the one in force."""
    (need,) = _on_role("iam:PutRolePermissionsBoundary")(call)
    yield Need(
        need.action, need.resource, {**need.context, "iam:PermissionsBoundary": call.parameters["PermissionsBoundary"]}
    )


def _create_policy(call: Call) -> Iterable[Need]:
    """Tags need a permission of their own (IAM User Guide, access_tags)."""
    arn = f"arn:aws:iam::{call.account}:policy{call.parameters.get('Path', '/')}{call.parameters['PolicyName']}"
    yield Need("iam:CreatePolicy", arn, request_tags(call))
    if call.parameters.get("Tags"):
        yield Need("iam:TagPolicy", arn, request_tags(call))


ON_POLICIES = (
    "GetPolicy",
    "GetPolicyVersion",
    "ListPolicyVersions",
    "ListPolicyTags",
    "CreatePolicyVersion",
    "DeletePolicyVersion",
    "DeletePolicy",
    "SetDefaultPolicyVersion",
    "TagPolicy",
)
ON_ROLES = (
    "AttachRolePolicy",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListRolePolicies",
    "PutRolePolicy",
    "TagRole",
    "UntagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
)
NEEDS: Table = {
    **{("iam", operation): _on_policy(f"iam:{operation}") for operation in ON_POLICIES},
    **{("iam", operation): _on_role(f"iam:{operation}") for operation in ON_ROLES},
    ("iam", "CreatePolicy"): _create_policy,
    ("iam", "CreateRole"): _create_role,
    ("iam", "PutRolePermissionsBoundary"): _put_boundary,
    ("iam", "GetAccountSummary"): simple("iam:GetAccountSummary"),
    ("iam", "ListPolicies"): simple("iam:ListPolicies"),
}
