"""The end of a connection: revoked first, then everything of ours goes, and somebody is told what that breaks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.prototypes import prototype
from tests.quick_assets import make_assets
from tests.simulation.conftest import Story, deployed
from tests.simulation.test_reconcile_account import assert_connected, assert_nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

GRACE = timedelta(days=1, minutes=1)  # a day, because each day of a simulation costs seconds


@prototype
def graceless() -> Iterator[Story]:
    """A hub that was deployed without a grace period."""
    yield from deployed(GracePeriodDays="0")


@prototype
def story() -> Iterator[Story]:
    """A hub whose grace period is a day."""
    yield from deployed(GracePeriodDays="1")


def reconcile(story: Story, account_id: str) -> None:
    """Somebody asks for a look at the account, and everything that follows has happened."""
    story.start({"account_id": account_id})
    story.run()


def untagged(story: Story, account_id: str) -> None:
    """The tag goes, and the grace period passes."""
    story.world.untag(account_id)
    story.run()
    story.run(GRACE.total_seconds())


def calls(story: Story, function: str, *operations: str) -> list[int]:
    """Places in the log of the calls of these operations that a function of ours made."""
    log = enumerate(story.world.cloud.gateway.log.entries)
    return [n for n, entry in log if entry.operation in operations and f"{function}Function" in entry.role]


def revocations(story: Story) -> list[int]:
    """Whenever an entry was taken out of the access policy."""
    return calls(story, "RevokeAccess", "DetachRolePolicy", "CreatePolicyVersion")


def deletes(story: Story) -> list[int]:
    """Whenever something of a connection was deleted for good."""
    roles = calls(story, "AdvanceOperation", "DeleteStackInstances")
    return calls(story, "RemoveDataSource", "DeleteDataSource") + roles


def record(story: Story, account_id: str) -> dict[str, Any]:
    found = story.world.record(account_id)
    assert found is not None
    return found


def assert_removed(story: Story, account_id: str) -> None:
    assert_nothing(story, account_id)
    found = record(story, account_id)
    assert found["status"] == "removed"
    assert not {"unsettled", "error", "step", "remove_after"} & set(found)
    assert story.last.status == "SUCCEEDED"
    assert "holder" not in story.claim(account_id)


def sent(story: Story) -> list[tuple[str, str]]:
    """Subject and text of what people were told."""
    return [(each.subject or "", each.text) for each in story.world.sns.published]


# --- the grace period ---------------------------------------------------------------------------------


def test_after_the_grace_period_nothing_is_left_and_revoking_came_before_every_delete(story: Story) -> None:
    account_id = story.tagged()
    untagged(story, account_id)
    assert (story.status(account_id), deletes(story)) == ("quarantined", [])
    reconcile(story, account_id)
    assert_removed(story, account_id)
    assert max(revocations(story)) < min(deletes(story))
    assert len(deletes(story)) == 2
    retained = record(story, account_id)["retained"]
    assert retained.startswith("the results bucket of the stack arn:aws:cloudformation:")
    assert f":{account_id}:stack/StackSet-quick-athena-default-" in retained


def test_before_the_grace_period_is_over_a_look_deletes_nothing(story: Story) -> None:
    account_id = story.tagged()
    story.world.untag(account_id)
    story.run()
    story.run(timedelta(hours=23).total_seconds())
    reconcile(story, account_id)
    assert (story.status(account_id), deletes(story)) == ("quarantined", [])


def test_without_a_grace_period_everything_goes_at_once_and_still_revoked_first(graceless: Story) -> None:
    account_id = graceless.tagged()
    graceless.world.untag(account_id)
    graceless.run()
    assert_removed(graceless, account_id)
    assert max(revocations(graceless)) < min(deletes(graceless))
    assert graceless.last.path.count("AssessAccount") == 2


def test_a_removed_account_is_left_as_it_is(story: Story) -> None:
    account_id = story.tagged()
    untagged(story, account_id)
    reconcile(story, account_id)
    before = record(story, account_id)
    reconcile(story, account_id)
    assert record(story, account_id) == before


def test_a_tag_that_returns_within_the_grace_period_restores_and_one_that_returns_after_it_connects_anew(
    story: Story,
) -> None:
    account_id = story.tagged()
    story.world.untag(account_id)
    story.run(3600)
    story.world.tag(account_id, "enabled")
    story.run()
    assert_connected(story, account_id)
    assert deletes(story) == []
    untagged(story, account_id)
    reconcile(story, account_id)
    assert_removed(story, account_id)
    story.world.tag(account_id, "enabled")
    story.run()
    assert_connected(story, account_id)
    assert not {"retained", "dependents", "remove_after"} & set(record(story, account_id))


@pytest.mark.parametrize("seconds", [0.5, 2, 7, 12, 20, 30, 45, 55, 70])
def test_a_tag_that_returns_in_the_middle_of_disconnecting_ends_connected(graceless: Story, seconds: float) -> None:
    account_id = graceless.tagged()
    graceless.world.untag(account_id)
    graceless.run(6 + seconds)
    graceless.world.tag(account_id, "enabled")
    graceless.run()
    assert_connected(graceless, account_id)
    assert graceless.last.status == "SUCCEEDED"


# --- accounts that are gone ---------------------------------------------------------------------------


def close(story: Story, account_id: str) -> None:
    with story.world.cloud.administering(story.world.cloud.topology.management):
        story.world.cloud.client("organizations", "us-east-1").close_account(AccountId=account_id)
    story.run()


def leave(story: Story, account_id: str) -> None:
    with story.world.cloud.administering(story.world.cloud.topology.management):
        story.world.cloud.client("organizations", "us-east-1").remove_account_from_organization(AccountId=account_id)
    story.run()


@pytest.mark.parametrize("goes", [close, leave])
def test_an_account_that_is_gone_keeps_its_stack_and_that_is_said(story: Story, goes: Any) -> None:
    account_id = story.tagged()
    goes(story, account_id)
    reconcile(story, account_id)
    assert story.status(account_id) == "quarantined"
    story.run(GRACE.total_seconds())
    reconcile(story, account_id)
    found = record(story, account_id)
    assert (found["status"], story.last.status) == ("removed", "SUCCEEDED")
    assert found["retained"].startswith("the stack arn:aws:cloudformation:")
    assert "nobody of ours can reach it" in found["retained"]
    assert "kept" not in found
    assert story.data_source(account_id) is None
    assert max(revocations(story)) < min(deletes(story))
    assert story.has_role(account_id)


def test_what_aws_keeps_of_an_account_that_left_is_said_and_never_tried_again(
    graceless: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = graceless.tagged()

    def forgets_nothing(_stack_set: Any, _operation: Any, instance: Any) -> None:
        instance.detailed_status = "SUCCEEDED"

    monkeypatch.setattr(graceless.world.stack_sets.engine, "_delete", forgets_nothing)
    leave(graceless, account_id)
    reconcile(graceless, account_id)
    found = record(graceless, account_id)
    assert (found["status"], found.get("reason")) == ("removed", "the account is not in the organization")
    assert "still lists the account" in found["retained"]
    assert found["retained"].startswith("the stack arn:aws:cloudformation:")
    asked = deletes(graceless)
    reconcile(graceless, account_id)
    assert deletes(graceless) == asked
    assert graceless.last.status == "SUCCEEDED"


# --- half made, failed --------------------------------------------------------------------------------


def test_a_connection_whose_role_failed_is_removed_too(graceless: Story) -> None:
    account_id = graceless.member()
    iam = graceless.world.boto3_session(account_id).client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": account_id}, "Action": "sts:AssumeRole"}],
    }
    iam.create_role(RoleName="quick-athena-default", AssumeRolePolicyDocument=json.dumps(trust))
    graceless.world.tag(account_id, "enabled")
    graceless.run()
    assert record(graceless, account_id)["error"] == "ConsumerRoleFailed"
    graceless.world.untag(account_id)
    graceless.run()
    assert graceless.has_role(account_id), "somebody else's role"
    iam.delete_role(RoleName="quick-athena-default")
    assert_removed(graceless, account_id)


def test_a_connection_whose_data_source_was_refused_is_removed_too(graceless: Story) -> None:
    graceless.world.iam.propagation_seconds = 3600.0
    account_id = graceless.member()
    graceless.world.tag(account_id, "enabled")
    graceless.run(600)
    assert graceless.data_source(account_id) is not None or graceless.status(account_id) == "connecting"
    graceless.world.untag(account_id)
    graceless.run()
    assert_removed(graceless, account_id)


@pytest.mark.parametrize("seconds", [2, 7, 20, 50, 56, 60])
def test_a_connection_half_made_is_removed_too(graceless: Story, seconds: float) -> None:
    account_id = graceless.member()
    graceless.world.tag(account_id, "enabled")
    graceless.run(6 + seconds)
    graceless.world.untag(account_id)
    graceless.run()
    assert_nothing(graceless, account_id)
    assert graceless.status(account_id) in ("removed", None)


def test_a_data_source_whose_update_failed_is_removed_too(graceless: Story) -> None:
    account_id = graceless.tagged()
    set_data_source(graceless, account_id, WorkGroup="nowhere")
    assert (graceless.data_source(account_id) or {})["Status"] == "UPDATE_FAILED"
    graceless.world.untag(account_id)
    graceless.run()
    assert_removed(graceless, account_id)


# --- what depends on it -------------------------------------------------------------------------------


def source_arn(story: Story, account_id: str) -> str:
    place = story.world.cloud.topology
    return f"arn:aws:quicksight:{place.region}:{place.hub}:datasource/quick-athena-{account_id}-default"


def test_dependents_are_recorded_and_told_with_their_owners_before_they_break(graceless: Story) -> None:
    account_id, other = graceless.tagged(), graceless.tagged("finance")
    hub = graceless.world.cloud.topology.hub
    for name in ("Orders", "Returns"):
        make_assets(graceless.world.cloud, hub, source_arn(graceless, account_id), name)
    make_assets(graceless.world.cloud, hub, source_arn(graceless, other), "Invoices")
    graceless.world.untag(account_id)
    graceless.run()
    assert_removed(graceless, account_id)
    dependents = record(graceless, account_id)["dependents"].splitlines()
    owned = "(owners: group/default/quick-athena-owners)"
    assert dependents == [
        f"{kind} {name} {owned}" for kind in ("data set", "analysis", "dashboard") for name in ("Orders", "Returns")
    ]
    ((subject, text),) = sent(graceless)
    assert account_id in subject
    assert text.endswith("\n".join(dependents))
    assert_connected(graceless, other)


def test_many_assets_are_asked_for_slowly_and_a_returning_tag_still_saves_the_data_source(graceless: Story) -> None:
    account_id = graceless.tagged()
    for number in range(20):
        make_assets(
            graceless.world.cloud, graceless.world.cloud.topology.hub, source_arn(graceless, account_id), f"N{number}"
        )
    graceless.run()
    start = len(graceless.world.cloud.gateway.log.entries)
    graceless.world.untag(account_id)
    graceless.run(25)
    assert graceless.status(account_id) == "disconnecting"
    asked = [
        e
        for e in graceless.world.cloud.gateway.log.entries[start:]
        if e.operation.startswith(("Describe", "List")) and "RemoveDataSource" in e.role and e.service == "quicksight"
    ]
    assert 0 < len(asked) <= 3 * 25
    graceless.world.tag(account_id, "enabled")
    graceless.run()
    assert_connected(graceless, account_id)
    assert deletes(graceless) == []


# --- drift --------------------------------------------------------------------------------------------


def detect(story: Story) -> None:
    with story.world.cloud.administering(story.world.cloud.topology.hub):
        story.world.cloud.client("cloudformation").detect_stack_set_drift(
            StackSetName="quick-athena-default", CallAs="DELEGATED_ADMIN"
        )
    story.run()


def drift(story: Story, account_id: str) -> str:
    with story.world.cloud.administering(story.world.cloud.topology.hub):
        found = story.world.cloud.client("cloudformation").describe_stack_instance(
            StackSetName="quick-athena-default",
            StackInstanceAccount=account_id,
            StackInstanceRegion=story.world.cloud.topology.region,
            CallAs="DELEGATED_ADMIN",
        )["StackInstance"]
    return str(found["DriftStatus"])


def test_a_role_that_was_changed_is_built_anew_and_the_data_source_stays(story: Story) -> None:
    account_id = story.tagged()
    iam = story.world.boto3_session(account_id).client("iam")
    iam.update_role(RoleName="quick-athena-default", MaxSessionDuration=43200)
    detect(story)
    assert drift(story, account_id) == "DRIFTED"
    made = (story.data_source(account_id) or {})["CreatedTime"]
    reconcile(story, account_id)
    assert_connected(story, account_id)
    assert (story.data_source(account_id) or {})["CreatedTime"] == made
    assert iam.get_role(RoleName="quick-athena-default")["Role"]["MaxSessionDuration"] == 3600
    detect(story)
    assert drift(story, account_id) == "IN_SYNC"
    reconcile(story, account_id)
    assert "ReconcileConnection" not in story.last.path


def set_data_source(story: Story, account_id: str, name: str = "by hand", **athena: str) -> None:
    hub = story.world.cloud.topology.hub
    found = story.data_source(account_id) or {}
    with story.world.cloud.administering(hub):
        story.world.cloud.client("quicksight").update_data_source(
            AwsAccountId=hub,
            DataSourceId=found["DataSourceId"],
            Name=name,
            DataSourceParameters={"AthenaParameters": {**found["DataSourceParameters"]["AthenaParameters"], **athena}},
        )
    story.run()


def share(story: Story, account_id: str, **changes: Any) -> None:
    hub = story.world.cloud.topology.hub
    with story.world.cloud.administering(hub):
        story.world.cloud.client("quicksight").update_data_source_permissions(
            AwsAccountId=hub, DataSourceId=f"quick-athena-{account_id}-default", **changes
        )


def shared(story: Story, account_id: str) -> dict[str, int]:
    """How many actions each group has."""
    hub = story.world.cloud.topology.hub
    with story.world.cloud.administering(hub):
        found = story.world.cloud.client("quicksight").describe_data_source_permissions(
            AwsAccountId=hub, DataSourceId=f"quick-athena-{account_id}-default"
        )["Permissions"]
    return {each["Principal"].rpartition("/")[2]: len(each["Actions"]) for each in found}


def assert_repaired_in_place(story: Story, account_id: str) -> None:
    reconcile(story, account_id)
    assert "RecordConnecting" in story.last_connection.path
    assert_connected_or_updated(story, account_id)
    assert deletes(story) == []
    reconcile(story, account_id)
    assert "ReconcileConnection" not in story.last.path


def assert_connected_or_updated(story: Story, account_id: str) -> None:
    assert story.status(account_id) == "connected"
    assert (story.data_source(account_id) or {})["Status"] in ("CREATION_SUCCESSFUL", "UPDATE_SUCCESSFUL")


def test_settings_and_name_changed_by_hand_are_put_right_in_place(story: Story) -> None:
    account_id = story.tagged()
    set_data_source(story, account_id, "by hand", WorkGroup="primary")
    assert_repaired_in_place(story, account_id)
    found = story.data_source(account_id) or {}
    assert found["Name"] == f"sales ({account_id}) default"
    assert found["DataSourceParameters"]["AthenaParameters"]["WorkGroup"] == "quick-athena-default"


def test_sharing_changed_by_hand_is_put_right_in_place(story: Story) -> None:
    account_id = story.tagged()
    before = shared(story, account_id)
    hub = story.world.cloud.topology
    with story.world.cloud.administering(hub.hub):
        quick = story.world.cloud.client("quicksight")
        outsider = quick.create_group(AwsAccountId=hub.hub, Namespace="default", GroupName="curious")["Group"]["Arn"]
    view = ["DescribeDataSource", "DescribeDataSourcePermissions", "PassDataSource"]
    actions = [f"quicksight:{name}" for name in view]
    authors = outsider.replace("curious", "quick-athena-authors")
    share(
        story,
        account_id,
        GrantPermissions=[{"Principal": outsider, "Actions": actions}],
        RevokePermissions=[{"Principal": authors, "Actions": actions}],
    )
    assert shared(story, account_id) != before
    assert_repaired_in_place(story, account_id)
    assert shared(story, account_id) == before


# --- what resists -------------------------------------------------------------------------------------


def attach(story: Story, account_id: str) -> Any:
    """Somebody attaches a policy to the consumer role; answers how to detach it."""
    iam = story.world.boto3_session(account_id).client("iam")
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    policy = iam.create_policy(PolicyName="by-hand", PolicyDocument=json.dumps(allowed))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="quick-athena-default", PolicyArn=policy)
    return lambda: iam.detach_role_policy(RoleName="quick-athena-default", PolicyArn=policy)


def test_a_policy_attached_by_hand_stops_the_removal_in_words_and_detaching_it_lets_the_retry_succeed(
    graceless: Story,
) -> None:
    account_id = graceless.tagged()
    detach = attach(graceless, account_id)
    graceless.world.untag(account_id)
    graceless.run()
    found = record(graceless, account_id)
    assert (found["status"], found["error"], found["step"]) == (
        "failed",
        "ConsumerRoleNotRemoved",
        "RemoveConsumerRole",
    )
    assert "must detach all policies first" in found["reason"]
    assert f":{account_id}:stack/" in found["reason"]
    assert "detach the policy" in found["remedy"]
    assert graceless.role(account_id) not in graceless.world.allowed_roles()
    assert graceless.last.status == "FAILED"
    detach()
    reconcile(graceless, account_id)
    assert_removed(graceless, account_id)


def test_a_role_whose_removal_failed_is_built_anew_when_the_tag_returns(graceless: Story) -> None:
    account_id = graceless.tagged()
    detach = attach(graceless, account_id)
    graceless.world.untag(account_id)
    graceless.run()
    detach()
    graceless.world.tag(account_id, "enabled")
    graceless.run()
    assert_connected(graceless, account_id)


def test_one_connection_is_removed_although_another_fails_and_the_execution_says_so(graceless: Story) -> None:
    account_id = graceless.tagged()
    graceless.world.tag(account_id, "salse")
    graceless.run()
    assert graceless.status(account_id) == "removed"
    assert graceless.status(account_id, "salse") == "failed"
    assert (graceless.last.status, graceless.last.error) == ("FAILED", "UnknownProfile")


def test_something_that_comes_back_each_time_ends_in_a_failure_and_no_endless_loop(graceless: Story) -> None:
    account_id = graceless.tagged()
    quick: Any = graceless.world.quick
    forget = quick._engine.forget
    store = quick._sources.store
    quick._engine.forget = lambda source: (
        forget(source),
        graceless.clock.call_later(9, lambda: store.add(source), "back"),
    )
    graceless.world.untag(account_id)
    graceless.run()
    assert (graceless.last.status, graceless.last.error) == ("FAILED", "NotConverging")
    claim = graceless.claim(account_id)
    assert (claim["step"], claim["error"]) == ("ReconcileConnections", "NotConverging")
    assert graceless.role(account_id) not in graceless.world.allowed_roles()
