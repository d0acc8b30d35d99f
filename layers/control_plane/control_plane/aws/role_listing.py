"""All instances of our stack sets, read as CloudFormation's delegated administrator."""

from typing import TYPE_CHECKING, Any

from control_plane.account import NAME_PREFIX, Hub
from control_plane.aws.calls import named_errors, unless_missing
from control_plane.aws.stack_sets import CALL_AS, MISSING, definition_of, is_drifted, settings_differing, tags_of
from control_plane.ports.listing import ListPage
from control_plane.sweep.snapshot import RoleSummary, StackSetSummary

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


PAGE = 20
LONGEST = 200  # characters of one difference


class AwsRoleListing:
    """Port `RoleListing` over CloudFormation."""

    def __init__(self, client: "CloudFormationClient", hub: Hub) -> None:
        self._client, self._hub = client, hub

    def stack_sets(self, token: str) -> ListPage[StackSetSummary]:
        """At most 20 stack sets. Those with a name of ours are described."""
        following: Any = {"NextToken": token} if token else {}
        with named_errors():
            found: Any = self._client.list_stack_sets(Status="ACTIVE", CallAs=CALL_AS, MaxResults=PAGE, **following)
            names = [each["StackSetName"] for each in found["Summaries"]]
            read = [self._described(name) for name in names if name.startswith(NAME_PREFIX)]
        return ListPage([each for each in read if each], found.get("NextToken", ""))

    def _described(self, name: str) -> StackSetSummary | None:
        answer = unless_missing(MISSING, self._client.describe_stack_set, StackSetName=name, CallAs=CALL_AS)
        if answer is None:
            return None  # deleted since it was listed
        found = answer["StackSet"]
        definition = definition_of(found)
        return StackSetSummary(
            name=name,
            body=definition.body,
            values=definition.values,
            ownership_mismatch=self._hub.ownership_mismatch(tags_of(found))[:LONGEST],
            untagged=definition.untagged,
            tag_mismatches=tuple(definition.tag_mismatches),
            settings=tuple(each[:LONGEST] for each in settings_differing(found, self._hub)),
            is_empty=not found.get("Regions"),
        )

    def page(self, profile: str, token: str) -> ListPage[RoleSummary]:
        """At most 100 instances; none when the stack set does not exist."""
        following: Any = {"NextToken": token} if token else {}
        name, call = NAME_PREFIX + profile, self._client.list_stack_instances
        found = unless_missing(MISSING, call, StackSetName=name, CallAs=CALL_AS, **following)
        if found is None:
            return ListPage(())
        ours = [each for each in found["Summaries"] if each["Region"] == self._hub.region]
        return ListPage([_role(profile, each) for each in ours], found.get("NextToken", ""))


def _role(profile: str, instance: Any) -> RoleSummary:
    return RoleSummary(
        account_id=instance["Account"],
        profile=profile,
        is_current=instance["Status"] == "CURRENT",
        is_drifted=is_drifted(instance),
        stack_id=instance.get("StackId", ""),
    )
