"""All instances of our stack sets, seen as CloudFormation's delegated administrator."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.account import NAME_PREFIX, Hub
from control_plane.aws.calls import code_of, named_errors
from control_plane.aws.stack_sets import CALL_AS, is_drifted, tags_of
from control_plane.sweep.facts import Role
from control_plane.sweep.ports import Read

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


class AwsRoleListing:
    """Port `RoleListing` over CloudFormation."""

    def __init__(self, client: "CloudFormationClient", hub: Hub) -> None:
        self._client, self._hub = client, hub

    def profiles(self) -> list[str]:
        """The profiles that have a stack set of ours, those the file has no more included."""
        with named_errors():
            pages = self._client.get_paginator("list_stack_sets").paginate(Status="ACTIVE", CallAs=CALL_AS)
            names = [each["StackSetName"] for page in pages for each in page["Summaries"]]
            named = [name for name in names if name.startswith(NAME_PREFIX)]
            return [name.removeprefix(NAME_PREFIX) for name in named if self._is_ours(name)]

    def _is_ours(self, name: str) -> bool:
        found = self._client.describe_stack_set(StackSetName=name, CallAs=CALL_AS)["StackSet"]
        return not self._hub.unmarked(tags_of(found))

    def page(self, profile: str, token: str) -> Read[Role]:
        """At most 100 instances; none when there is no such stack set."""
        following: Any = {"NextToken": token} if token else {}
        try:
            with named_errors():
                found: Any = self._client.list_stack_instances(
                    StackSetName=NAME_PREFIX + profile, CallAs=CALL_AS, **following
                )
        except ClientError as error:
            if code_of(error) == "StackSetNotFoundException":
                return Read(())
            raise
        ours = [each for each in found["Summaries"] if each["Region"] == self._hub.region]
        return Read([_role(profile, each) for each in ours], found.get("NextToken", ""))


def _role(profile: str, instance: Any) -> Role:
    return Role(
        account_id=instance["Account"],
        profile=profile,
        is_current=instance["Status"] == "CURRENT",
        is_drifted=is_drifted(instance),
        stack_id=instance.get("StackId", ""),
    )
