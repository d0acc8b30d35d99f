"""IAM's inline policies. moto's own models store them as Python text."""

from typing import Any

from botocore.exceptions import ClientError
from typing_extensions import override

from sandbox.aws.services.cloudformation.resource import (
    CheckedType,
    Created,
    Properties,
    ReplacementNeededError,
    ResourceType,
    pick,
)
from sandbox.aws.services.cloudformation.scope import Scope


def ignoring_absence(scope: Scope, operation: str, **parameters: Any) -> None:
    """A call of IAM that takes something away, which may be gone already."""
    try:
        scope.call("iam", operation, **parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise


def versioned(document: Any) -> Any:
    """SAM writes policies without a Version. IAM takes them; moto refuses all but the newest."""
    return {"Version": "2012-10-17", **document} if isinstance(document, dict) else document


class InlinePolicy(ResourceType):
    """AWS::IAM::Policy: an inline policy of the listed roles. Its reference says it is not checked for drift."""

    name_property = "PolicyName"
    longest_name = 128

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Put into each role."""
        for role in properties.get("Roles", []):
            document = versioned(properties["PolicyDocument"])
            scope.call("iam", "put_role_policy", RoleName=role, PolicyName=name, PolicyDocument=document)
        return Created(name, {"Id": name})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Put again, and taken from the roles no longer listed."""
        if old.get("PolicyName") != new.get("PolicyName"):
            raise ReplacementNeededError
        dropped = [role for role in old.get("Roles", []) if role not in new.get("Roles", [])]
        self.delete(scope, made, {"Roles": dropped})
        return self.create(scope, made.physical_id, new)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Taken from each role."""
        for role in properties.get("Roles", []):
            ignoring_absence(scope, "delete_role_policy", RoleName=role, PolicyName=made.physical_id)


class RolePolicy(CheckedType):
    """AWS::IAM::RolePolicy: an inline policy of one role, a resource of its own. moto leaves it out with a warning."""

    longest_name = 128
    compared = ("PolicyDocument",)

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the policy's name and the role's."""
        scope.call("iam", "put_role_policy", **pick(properties, "RoleName", "PolicyName", "PolicyDocument"))
        return Created(f"{properties['PolicyName']}|{properties['RoleName']}")

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Put again."""
        if pick(old, "RoleName", "PolicyName") != pick(new, "RoleName", "PolicyName"):
            raise ReplacementNeededError
        return self.create(scope, made.physical_id, new)

    @override
    def read(self, scope: Scope, made: Created, wanted: Properties) -> Properties | None:
        """Gone with its role, too."""
        found = scope.find("iam", "get_role_policy", **pick(wanted, "RoleName", "PolicyName"))
        return None if found is None else pick(found, "PolicyDocument")

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """The role stays."""
        ignoring_absence(scope, "delete_role_policy", **pick(properties, "RoleName", "PolicyName"))
