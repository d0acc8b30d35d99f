"""What two ends are compared by: everything an operator could see, but for times, generations and chance."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.conftest import Story
    from tests.simulation.crashes.bed import Bed

End = dict[str, Any]
PASSING = {
    "pk",
    "sk",
    "since",
    "updated",
    "generation",
    "remove_after",
    "event",
    "event_by",
    "event_at",
    "elected_at",
    "proof_at",
}  # attributes that tell a time, or when
ASKED = "default is asked for: the tag quick-athena says enabled"
NOT_ASKED = "nothing is asked for: the account has no tag quick-athena"
CHANCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read(bed: Bed) -> End:
    """How everything stands now, for everybody."""
    story = bed.story
    return {
        **_registry(story),
        "access policy": story.world.allowed_roles(),
        **_policies(story),
        **_data_sources(story),
        "proofs": story.proofs(),
        **_in_accounts(bed),
        "running": [each.name for each in story.world.step_functions.executions if each.status == "RUNNING"],
        "broken": [name for name, _ in story.clock.failures],
    }


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What differs, in words."""
    names = sorted(wanted.keys() | found.keys())
    pairs = ((name, wanted.get(name), found.get(name)) for name in names)
    return [f"{name}: wanted {ours}, found {theirs}" for name, ours, theirs in pairs if ours != theirs]


def against_the_tag(bed: Bed, *, wanted: bool) -> list[str]:
    """What is not as the tag asks, for an account whose way there may have been any."""
    story, account = bed.story, bed.account
    seen = read(bed)
    expected = {
        "access": wanted,
        "connected": wanted,
        "claim": {"reason": ASKED if wanted else NOT_ASKED},
        "proof": "queried" if wanted else "",
        "running": [],
        "broken": [],
    }
    found = {
        "access": story.role(account) in seen["access policy"],
        "connected": story.status(account) == "connected",
        "claim": seen.get(f"account#{account} claim"),
        "proof": (story.world.record(account) or {}).get("proof", ""),
        "running": seen["running"],
        "broken": seen["broken"],
    }
    return differences(expected, found)


def deployments(bed: Bed) -> Counter[str]:
    """How often each account was the target of each kind of stack set operation."""
    regions = bed.story.world.stack_sets.catalog._sets.values()
    operations = [operation for sets in regions for each in sets.values() for operation in each.operations.values()]
    return Counter(
        f"{operation.action} {account}"
        for operation in operations
        if not operation.detects_drift
        for account, _ in operation.targets
    )


def _registry(story: Story) -> End:
    """Records, claims, pending changes and the lease; not what the watch and the revocation budget keep."""
    kept = [r for r in story.world.records() if r["pk"].startswith(("account#", "access#"))]
    found = {f"{record['pk']} {record['sk']}": _lasting(record) for record in kept}
    lease = "access#lease lease"
    found[lease] = {name: value for name, value in found.get(lease, {}).items() if name == "holder"}
    return {name: value for name, value in found.items() if not name.startswith("access#revoked")}


def _lasting(record: Mapping[str, Any]) -> dict[str, str]:
    return {name: CHANCE.sub("<id>", str(value)) for name, value in record.items() if name not in PASSING}


def _policies(story: Story) -> End:
    """Every policy under our path, and whether it is attached."""
    with story.world.cloud.administering(story.world.cloud.topology.hub):
        found = story.world.cloud.client("iam").list_policies(Scope="Local", PathPrefix="/quick-athena/")["Policies"]
    return {f"policy {each['PolicyName']}": each["AttachmentCount"] for each in found}


def _data_sources(story: Story) -> End:
    hub = story.world.cloud.topology.hub
    with story.world.cloud.administering(hub):
        quick = story.world.cloud.client("quicksight")
        found = quick.list_data_sources(AwsAccountId=hub)["DataSources"]
        return {
            f"data source {each['DataSourceId']}": (
                _working(each["Status"]),
                each["Name"],
                each["DataSourceParameters"],
                sorted(
                    (who["Principal"], tuple(sorted(who["Actions"])))
                    for who in quick.describe_data_source_permissions(
                        AwsAccountId=hub, DataSourceId=each["DataSourceId"]
                    )["Permissions"]
                ),
            )
            for each in found
        }


def _working(status: str) -> str:
    """Made or changed last: it works all the same."""
    return "works" if status.endswith("_SUCCESSFUL") else status


def _in_accounts(bed: Bed) -> End:
    """Stack instances, and the roles they made."""
    story = bed.story
    with story.world.cloud.administering(story.world.cloud.topology.hub):
        client = story.world.cloud.client("cloudformation")
        try:
            found = client.list_stack_instances(StackSetName="quick-athena-default", CallAs="DELEGATED_ADMIN")
        except client.exceptions.StackSetNotFoundException:
            found = {"Summaries": []}
    instances = {f"stack in {each['Account']}": each["Status"] for each in found["Summaries"]}
    return {**instances, **{f"role in {each}": _has_role(story, each) for each in (bed.account, bed.other)}}


def _has_role(story: Story, account: str) -> bool:
    with story.world.cloud.administering(account):  # with a client that is there already
        roles = story.world.cloud.client("iam").list_roles()["Roles"]
    return any(role["RoleName"] == "quick-athena-default" for role in roles)
