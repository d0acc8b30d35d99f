"""IAM roles and managed policies. moto cannot delete a role that has inline policies of its template."""

from typing import Any

from typing_extensions import override

from sandbox.aws.services.cloudformation.aws_policies import provide
from sandbox.aws.services.cloudformation.resource import (
    CheckedType,
    Created,
    Properties,
    ReplacementNeededError,
    pick,
    tag_list,
    tag_map,
)
from sandbox.aws.services.cloudformation.scope import Scope
from sandbox.aws.services.cloudformation.types.inline_policies import ignoring_absence, versioned

POLICY_VERSIONS = 5  # of one managed policy (IAM quota)


def _inline(properties: Properties) -> dict[str, Any]:
    return {policy["PolicyName"]: versioned(policy["PolicyDocument"]) for policy in properties.get("Policies", [])}


class Role(CheckedType):
    """AWS::IAM::Role."""

    name_property = "RoleName"
    tagged = True
    compared = (
        "AssumeRolePolicyDocument",
        "Description",
        "ManagedPolicyArns",
        "MaxSessionDuration",
        "PermissionsBoundary",
        "Tags",
    )

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Role first, then its policies; a role that got only half of them is taken away again."""
        options = pick(
            properties, "Path", "AssumeRolePolicyDocument", "MaxSessionDuration", "PermissionsBoundary", "Description"
        )
        role = scope.call("iam", "create_role", RoleName=name, Tags=tag_list(properties), **options)["Role"]
        made = Created(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})
        try:
            self._give(scope, name, properties)
        except Exception:
            self.delete(scope, made, properties)
            raise
        return made

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """In place, unless the name or path changes; policies attached by others stay."""
        if pick(old, "RoleName", "Path") != pick(new, "RoleName", "Path"):
            raise ReplacementNeededError
        name = made.physical_id
        scope.call("iam", "update_assume_role_policy", RoleName=name, PolicyDocument=new["AssumeRolePolicyDocument"])
        scope.call("iam", "update_role", RoleName=name, **pick(new, "Description", "MaxSessionDuration"))
        self._bound(scope, name, old, new)
        self._give(scope, name, new)
        self._take(scope, name, old, keeping=new)
        gone = sorted(set(tag_map(old) or {}) - set(tag_map(new) or {}))
        if gone:
            scope.call("iam", "untag_role", RoleName=name, TagKeys=gone)
        if tag_list(new):
            scope.call("iam", "tag_role", RoleName=name, Tags=tag_list(new))
        return made

    @override
    def read(self, scope: Scope, made: Created, wanted: Properties) -> Properties | None:
        """Whoever has the name: a role deleted and made again by hand may be as the template wants it."""
        found = scope.find("iam", "get_role", RoleName=made.physical_id)
        if found is None:
            return None
        role = found["Role"]
        live = {"Tags": [], **pick(role, "AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Tags")}
        live |= pick(role.get("PermissionsBoundary", {}), PermissionsBoundary="PermissionsBoundaryArn")
        attached = scope.call("iam", "list_attached_role_policies", RoleName=made.physical_id)["AttachedPolicies"]
        return {**live, "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached]}

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """The template's policies go first; one attached by somebody else makes IAM refuse: DeleteConflict."""
        self._take(scope, made.physical_id, properties, keeping={})
        scope.call("iam", "delete_role", RoleName=made.physical_id)

    @staticmethod
    def _give(scope: Scope, name: str, properties: Properties) -> None:
        for arn in properties.get("ManagedPolicyArns", []):
            provide(scope.account, arn)
            scope.call("iam", "attach_role_policy", RoleName=name, PolicyArn=arn)
        for policy, document in _inline(properties).items():
            scope.call("iam", "put_role_policy", RoleName=name, PolicyName=policy, PolicyDocument=document)

    @staticmethod
    def _take(scope: Scope, name: str, old: Properties, keeping: Properties) -> None:
        for arn in set(old.get("ManagedPolicyArns", [])) - set(keeping.get("ManagedPolicyArns", [])):
            ignoring_absence(scope, "detach_role_policy", RoleName=name, PolicyArn=arn)
        for policy in set(_inline(old)) - set(_inline(keeping)):
            ignoring_absence(scope, "delete_role_policy", RoleName=name, PolicyName=policy)

    @staticmethod
    def _bound(scope: Scope, name: str, old: Properties, new: Properties) -> None:
        if "PermissionsBoundary" in new:
            boundary = new["PermissionsBoundary"]
            scope.call("iam", "put_role_permissions_boundary", RoleName=name, PermissionsBoundary=boundary)
        elif "PermissionsBoundary" in old:
            scope.call("iam", "delete_role_permissions_boundary", RoleName=name)


class ManagedPolicy(CheckedType):
    """AWS::IAM::ManagedPolicy, with its path."""

    compared = ("PolicyDocument", "Tags")
    name_property = "ManagedPolicyName"
    longest_name = 128

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """The policy, attached to the roles the template lists."""
        options = pick(properties, "Path", "Description", "PolicyDocument")
        policy = scope.call("iam", "create_policy", PolicyName=name, Tags=tag_list(properties), **options)["Policy"]
        self._attach(scope, policy["Arn"], properties.get("Roles", []))
        return Created(policy["Arn"], {"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """A new default version, the oldest making room for it."""
        fixed = ("ManagedPolicyName", "Path", "Description")
        if pick(old, *fixed) != pick(new, *fixed):
            raise ReplacementNeededError
        arn = made.physical_id
        if old["PolicyDocument"] != new["PolicyDocument"]:
            self._drop_versions(scope, arn, keep=POLICY_VERSIONS - 1)
            scope.call(
                "iam", "create_policy_version", PolicyArn=arn, PolicyDocument=new["PolicyDocument"], SetAsDefault=True
            )
        self._attach(scope, arn, new.get("Roles", []))
        for role in set(old.get("Roles", [])) - set(new.get("Roles", [])):
            ignoring_absence(scope, "detach_role_policy", RoleName=role, PolicyArn=arn)
        return made

    @override
    def read(self, scope: Scope, made: Created, wanted: Properties) -> Properties | None:
        """The version in force."""
        arn = made.physical_id
        found = scope.find("iam", "get_policy", PolicyArn=arn)
        if found is None:
            return None
        version = scope.call("iam", "get_policy_version", PolicyArn=arn, VersionId=found["Policy"]["DefaultVersionId"])[
            "PolicyVersion"
        ]
        return {"PolicyDocument": version["Document"], "Tags": found["Policy"].get("Tags", [])}

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Detached from the template's roles, older versions gone, then the policy."""
        for role in properties.get("Roles", []):
            ignoring_absence(scope, "detach_role_policy", RoleName=role, PolicyArn=made.physical_id)
        self._drop_versions(scope, made.physical_id, keep=1)
        scope.call("iam", "delete_policy", PolicyArn=made.physical_id)

    @staticmethod
    def _attach(scope: Scope, arn: str, roles: list[str]) -> None:
        for role in roles:
            scope.call("iam", "attach_role_policy", RoleName=role, PolicyArn=arn)

    @staticmethod
    def _drop_versions(scope: Scope, arn: str, keep: int) -> None:
        versions = scope.call("iam", "list_policy_versions", PolicyArn=arn)["Versions"]
        spare = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
        for version in sorted(spare, key=lambda each: int(each[1:]))[: max(0, len(versions) - keep)]:
            scope.call("iam", "delete_policy_version", PolicyArn=arn, VersionId=version)
