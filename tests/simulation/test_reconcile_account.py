"""An organization event in, the right world out: each test is a story on the whole sandbox."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aws.clock import VirtualClock
from sandbox.organization import Sandbox
from tests.contract import project
from tests.simulation.conftest import START, Story

if TYPE_CHECKING:
    from pathlib import Path


def assert_connected(story: Story, account_id: str, profile: str = "default") -> None:
    hub = story.world.cloud.topology.hub
    record = story.world.record(account_id, profile)
    source = story.data_source(account_id, profile)
    assert record is not None
    assert source is not None
    assert (record["status"], record["proof"]) == ("connected", "queried")
    assert source["Status"] == "CREATION_SUCCESSFUL"
    parameters = source["DataSourceParameters"]["AthenaParameters"]
    assert parameters["RoleArn"] == f"arn:aws:iam::{hub}:role/quick-athena-run-as"
    assert parameters["ConsumerAccountRoleArn"] == story.role(account_id, profile)
    assert story.world.allowed_roles().count(story.role(account_id, profile)) == 1
    assert story.has_role(account_id, profile)
    assert story.proofs() == []


def assert_nothing(story: Story, account_id: str) -> None:
    assert story.data_source(account_id) is None
    assert story.role(account_id) not in story.world.allowed_roles()
    assert not story.has_role(account_id)


def test_a_tagged_account_ends_connected(story: Story) -> None:
    account_id = story.tagged()
    assert_connected(story, account_id)
    assert story.last.status == "SUCCEEDED"
    assert "holder" not in story.claim(account_id)


def test_an_account_created_with_the_tag_ends_connected(story: Story) -> None:
    story.world.create_account("finance", tag="enabled")
    story.run()
    created = [r["pk"].removeprefix("account#") for r in story.world.records() if r["sk"] == "connection#default"]
    assert len(created) == 1
    assert_connected(story, created[0])


def test_an_account_nobody_tagged_has_nothing(story: Story) -> None:
    outsider = story.member("legacy")
    story.tagged()
    assert_nothing(story, outsider)
    assert story.status(outsider) is None


def test_another_tag_starts_nothing(story: Story) -> None:
    account_id = story.member()
    with story.world.cloud.administering(story.world.cloud.topology.management):
        story.world.cloud.client("organizations", "us-east-1").tag_resource(
            ResourceId=account_id, Tags=[{"Key": "cost-centre", "Value": "42"}]
        )
    story.run()
    assert story.world.step_functions.executions == []


def test_an_untag_revokes_and_deletes_nothing(story: Story) -> None:
    account_id = story.tagged()
    story.world.untag(account_id)
    story.run()
    assert story.status(account_id) == "quarantined"
    assert story.world.allowed_roles() == []
    assert story.has_role(account_id)
    assert story.data_source(account_id) is not None


def test_a_returning_tag_restores_without_deploying_anything(story: Story) -> None:
    account_id = story.tagged()
    story.world.untag(account_id)
    story.run()
    before = len(list(story.world.cloud.gateway.log.of("CreateStackInstances", "CreateDataSource")))
    story.world.tag(account_id, "enabled")
    story.run()
    assert_connected(story, account_id)
    assert len(list(story.world.cloud.gateway.log.of("CreateStackInstances", "CreateDataSource"))) == before


def test_a_connected_account_is_left_as_it_is(story: Story) -> None:
    account_id = story.tagged()
    again = story.start({"account_id": account_id})
    story.run()
    assert "ReconcileConnection" not in again.path
    assert again.status == "SUCCEEDED"


@pytest.mark.parametrize("pauses", list(itertools.product([0, 15, 40, 90], repeat=2)))
def test_tag_untag_tag_ends_connected_and_untag_last_ends_quarantined(story: Story, pauses: tuple[int, int]) -> None:
    steady, leaving = story.member("steady"), story.member("leaving")
    first, second = pauses
    story.world.tag(steady, "enabled")
    story.world.tag(leaving, "enabled")
    story.run(first)
    story.world.untag(steady)
    story.run(second)
    story.world.tag(steady, "enabled")
    story.world.untag(leaving)
    story.run()
    assert_connected(story, steady)
    assert story.status(leaving) in ("quarantined", "removed", None)
    if story.status(leaving) == "removed":  # its tag went before anything was created
        assert not story.has_role(leaving)
    assert story.role(leaving) not in story.world.allowed_roles()


def test_an_untag_does_not_wait_behind_a_slow_deployment(story: Story) -> None:
    story.world.stack_sets.engine.seconds_per_instance = 3600.0
    account_id = story.member()
    story.world.tag(account_id, "enabled")
    story.run(60)
    story.world.untag(account_id)
    story.run(90)
    assert story.status(account_id) == "quarantined"
    assert "Superseded" in story.executions("ReconcileConnection")[0].path
    assert story.executions("RouteEvent")[-1].path[-1] == "DeferredToHolder"


def test_a_repeat_for_a_claimed_account_costs_four_transitions_and_no_function(story: Story) -> None:
    account_id = story.member()
    story.world.tag(account_id, "enabled")
    story.run(20)
    before = len(list(story.world.cloud.gateway.log.of("Invoke")))
    begun = len(story.world.step_functions.executions)
    for number in range(5):
        event = project.sample("organizations/tag_resource.opt_in")
        event["detail"]["requestParameters"]["resourceId"] = account_id
        event["detail"]["eventID"] = f"e-{number}"
        story.route(event)
    story.run(0.5)
    repeats = story.world.step_functions.executions[begun:]
    assert [each.path for each in repeats] == [
        ["RequestRequeue", "DescribeHolder", "IsHolderRunning", "DeferredToHolder"]
    ] * 5
    assert len(list(story.world.cloud.gateway.log.of("Invoke"))) == before
    claim = story.claim(account_id)
    assert (claim["requeue_requested"], claim["requeue_requests"]) == ("TagResource (e-4)", 5)
    assert claim["requested_by"].endswith(":assumed-role/OrganizationAdministrator/mary.major")
    story.run()
    assert_connected(story, account_id)
    assert {"requeue_requested", "holder", "requeue_requests", "requested_by"} & set(story.claim(account_id)) == set()


def test_an_event_is_routed_then_its_account_reconciled_then_each_connection(story: Story) -> None:
    account_id = story.tagged()
    assert_connected(story, account_id)
    (routed,), (reconciled,), (connected,) = map(
        story.executions, ("RouteEvent", "ReconcileAccount", "ReconcileConnection")
    )
    assert routed.path == ["RequestRequeue", "FindAccount", "ChooseTarget", "StartReconcile"]
    assert reconciled.path == [
        "IsInputValid",
        "Claim",
        "AssessAccount",
        "ReconcileConnections",
        "ReconcileConnection",
        "HasReaders",
        "ConnectionEnded",
        "WasAnythingRemoved",
        "Release",
        "HasAnyConnectionFailed",
        "Reconciled",
    ]
    assert connected.path[:3] == ["ReadInput", "ChooseStep", "RecordConnecting"]
    assert connected.path[-2:] == ["RecordConnected", "PublishOutcome"]
    assert connected.name.startswith(f"{account_id}-default-")
    assert story.claim(account_id)["event"].startswith("TagResource (")


def test_an_event_about_several_accounts_has_exactly_those_looked_at(story: Story) -> None:
    first, second, third = (story.member(f"member-{number}") for number in range(3))
    for account_id in (first, second, third):
        story.world.organizations.directory.find(account_id).tags["quick-athena"] = "enabled"  # type: ignore[union-attr]
    management = story.world.cloud.topology.management
    details = {"accountId": management, "memberAccountId": first, "also": [{"accountId": second}]}
    story.route({"detail": {"eventName": "SomethingNew", "eventID": "e-1", "serviceEventDetails": details}})
    story.run()
    sweep = next(each for each in story.world.step_functions.executions if each.machine_name == "SweepOrganization")
    assert (sweep.input["scope"], sweep.status) == ([first, second], "SUCCEEDED")
    assert_connected(story, first)
    assert_connected(story, second)
    assert_nothing(story, third)


def test_an_execution_that_lost_its_account_overwrites_no_record_and_changes_no_access(story: Story) -> None:
    account_id = story.tagged()
    generation = int(story.claim(account_id)["generation"])
    for action, end in (("forget", "Superseded"), ("quarantine", "Superseded")):
        planned = {"profile": "default", "action": action, "reason": "old", "account_inactive": False, "error": ""}
        payload = {
            "account_id": account_id,
            "account_name": "sales",
            "holder": "an execution that ended",
            "generation": generation - 1,
            "planned": {**planned, "remove_after": "2026-12-01T00:00:00Z", "retained": "", "first_connection": False},
        }
        arn = story.world.outputs["ReconcileAccountArn"].replace("ReconcileAccount", "ReconcileConnection")
        orphan = story.world.step_functions.start(arn, payload)
        story.run(60)
        assert (orphan.status, orphan.path[-1]) == ("SUCCEEDED", end)
        assert_connected(story, account_id)


def test_two_executions_at_once_leave_one_connection(story: Story) -> None:
    account_id = story.member()
    story.world.tag(account_id, "enabled")
    story.start({"account_id": account_id})
    story.start({"account_id": account_id})
    story.run()
    assert_connected(story, account_id)
    assert len(list(story.world.cloud.gateway.log.of("CreateStackInstances"))) == 1


def test_a_claim_whose_holder_died_is_taken_over(story: Story) -> None:
    account_id = story.member()
    first = story.start({"account_id": account_id})
    story.world.tag(account_id, "enabled")
    story.run(30)
    with story.world.cloud.administering(story.world.cloud.topology.hub):
        story.world.cloud.client("stepfunctions").stop_execution(executionArn=first.arn)
    second = story.start({"account_id": account_id})
    story.run()
    assert first.status in ("ABORTED", "SUCCEEDED")
    assert second.status == "SUCCEEDED"
    assert_connected(story, account_id)


def test_several_profiles_are_several_connections_and_one_failing_is_not_anothers(story: Story) -> None:
    account_id = story.tagged(value="default salse")
    assert_connected(story, account_id)
    record = story.world.record(account_id, "salse")
    assert record is not None
    assert (record["status"], record["error"]) == ("failed", "UnknownProfile")
    assert account_id in record["reason"]
    assert "default" in record["reason"]
    assert story.last.status == "FAILED"


def test_a_corrected_tag_forgets_the_refused_profile(story: Story) -> None:
    account_id = story.tagged(value="default salse")
    story.world.tag(account_id, "default")
    story.run()
    assert story.status(account_id, "salse") == "removed"
    assert story.last.status == "SUCCEEDED"


def test_an_unreadable_tag_changes_nothing_and_says_why(story: Story) -> None:
    account_id = story.tagged()
    story.world.tag(account_id, "enabled default")
    story.run()
    assert_connected(story, account_id)
    claim = story.claim(account_id)
    assert (claim["status"], claim["error"]) == ("failed", "InvalidTagValue")
    assert story.last.status == "FAILED"
    story.world.tag(account_id, "enabled")
    story.run()
    assert "error" not in story.claim(account_id)


def test_a_tag_on_the_management_account_is_refused_in_words(story: Story) -> None:
    management = story.world.cloud.topology.management
    story.world.tag(management, "enabled")
    story.run()
    assert story.claim(management)["error"] == "AccountNotReachable"
    assert_nothing(story, management)


def unread_and_sweeps(story: Story) -> dict[str, dict[str, str]]:
    """What is remembered of the sweep and of events nobody could read, by sort key."""
    return {record["sk"]: record for record in story.world.records() if record["pk"] in ("sweep", "unread", "report")}


def test_a_tag_on_the_root_starts_a_sweep_of_what_is_below_it(story: Story) -> None:
    root = story.world.organizations.root_id
    story.world.tag(root, "enabled")
    story.run(30)
    routed, sweep = story.world.step_functions.executions[:2]
    assert routed.path == ["RequestRequeue", "FindAccount", "ChooseTarget", "StartSweep"]
    assert (sweep.machine_name, sweep.input["scope"]) == ("SweepOrganization", root)
    assert sweep.input["reason"].startswith("TagResource")


def test_an_event_about_no_account_ends_at_once(story: Story) -> None:
    routed = story.route(
        {"detail": {"eventName": "TagResource", "requestParameters": {"resourceId": "p-examplepolicyid"}}}
    )
    story.run()
    assert (routed.status, routed.path[-1]) == ("SUCCEEDED", "NothingToReconcile")


def test_an_event_without_an_account_is_kept_whole_and_fails(story: Story) -> None:
    event = {"detail": {"eventName": "SomethingNew", "text": 'He said "no"'}}
    routed = story.route(event)
    story.run()
    assert (routed.status, routed.error) == ("FAILED", "NoAccountInEvent")
    record = unread_and_sweeps(story)[f"unread#{routed.name}"]
    assert json.loads(record["event"]) == event
    assert record["error"] == "NoAccountInEvent"
    assert datetime.fromtimestamp(int(record["expires_at"]), UTC) == START + timedelta(days=90)
    assert "no account id in SomethingNew" in record["reason"]
    assert [each.input["scope"] for each in story.executions("SweepOrganization")] == ["all"]


@pytest.mark.parametrize(
    "payload", [{"account_id": "1"}, {"account_id": 222233334444}, {}, [], {"detail": {"eventName": "TagResource"}}]
)
def test_a_reconcile_without_an_account_id_fails_says_how_to_start_it_and_starts_no_sweep(
    story: Story, payload: Any
) -> None:
    execution = story.start(payload)
    story.run()
    assert (execution.status, execution.error) == ("FAILED", "InvalidInput")
    assert "RouteEvent" in str(execution.cause)
    assert story.world.step_functions.executions == [execution]


def test_a_role_name_that_is_taken_fails_with_awss_own_words(story: Story) -> None:
    account_id = story.member()
    story.world.boto3_session(account_id).client("iam").create_role(
        RoleName="quick-athena-default",
        AssumeRolePolicyDocument=f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{account_id}"}},'
        '"Action":"sts:AssumeRole"}]}',
    )
    story.world.tag(account_id, "enabled")
    story.run()
    record = story.world.record(account_id)
    assert record is not None
    assert (record["status"], record["error"], record["step"]) == (
        "failed",
        "ConsumerRoleFailed",
        "EnsureConsumerRole",
    )
    assert "already exists" in record["reason"]
    assert story.role(account_id) not in story.world.allowed_roles()


def test_iams_delay_is_waited_out(story: Story) -> None:
    story.world.iam.propagation_seconds = 180.0
    account_id = story.tagged()
    assert_connected(story, account_id)
    assert story.last_connection.path.count("EnsureDataSource") > 5


@pytest.mark.parametrize("how", ["InvalidParameterValueException", "GENERIC_SQL_FAILURE"])
def test_iams_delay_is_waited_out_however_quick_tells_it(story: Story, how: str) -> None:
    story.world.iam.propagation_seconds = 60.0
    story.world.quick.refuses_as = how
    account_id = story.tagged()
    assert_connected(story, account_id)
    assert story.last_connection.path.count("EnsureDataSource") > 3


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("ConflictException", "DataSourceFailed", "times in 0:20:00)"),
        ("LimitExceededException", "DataSourceFailed", "no more"),
    ],
)
def test_a_creation_quick_refuses_for_an_hour_is_a_failure_that_says_how(
    story: Story, code: str, error: str, words: str
) -> None:
    story.world.faults.order(
        service="quicksight", operation="CreateDataSource", code=code, message="no more", times=None, seconds=3600
    )
    account_id = story.member()
    story.world.tag(account_id, "enabled")
    story.run(3000)
    record = story.world.record(account_id)
    assert record is not None
    assert (record["status"], record["error"]) == ("failed", error)
    assert f"({code})" in record["reason"]
    assert record["reason"].endswith(words)
    assert story.role(account_id) not in story.world.allowed_roles()


@pytest.mark.parametrize("code", ["ConflictException", "AccessDeniedException"])
def test_a_creation_quick_refuses_for_minutes_is_connected_then(story: Story, code: str) -> None:
    story.world.faults.order(
        service="quicksight", operation="CreateDataSource", code=code, message="not yet", times=None, seconds=180
    )
    assert_connected(story, story.tagged())


@pytest.mark.parametrize("how", ["AccessDeniedException", "ACCESS_DENIED"])
def test_a_refusal_that_outlasts_iams_delay_is_a_failure_with_quicks_message(story: Story, how: str) -> None:
    story.world.iam.propagation_seconds = 3600.0
    story.world.quick.refuses_as = how
    account_id = story.member()
    story.world.tag(account_id, "enabled")
    story.run(3000)
    record = story.world.record(account_id)
    assert record is not None
    assert (record["status"], record["error"]) == ("failed", "DataSourceDenied")
    assert "sts:AssumeRole" in record["reason"]
    assert story.data_source(account_id) is None


def test_a_permission_taken_from_a_function_is_named(story: Story) -> None:
    hub = story.world.boto3_session(story.world.cloud.topology.hub).client("iam")
    role = next(r["RoleName"] for r in hub.list_roles()["Roles"] if "EnsureDataSourceFunction" in r["RoleName"])
    for name in hub.list_role_policies(RoleName=role)["PolicyNames"]:
        hub.delete_role_policy(RoleName=role, PolicyName=name)
    story.run(60)
    account_id = story.tagged()
    record = story.world.record(account_id)
    assert record is not None
    assert (record["error"], record["step"]) == ("MissingPermission", "EnsureDataSource")
    assert "quicksight:DescribeDataSource" in record["reason"]


def hold_the_lease(story: Story, until: str) -> None:
    """Somebody else writes the access policy until then."""
    with story.world.cloud.administering(story.world.cloud.topology.hub):
        story.world.cloud.client("dynamodb").put_item(
            TableName=story.world.outputs["RegistryTableName"],
            Item={
                "pk": {"S": "access#lease"},
                "sk": {"S": "lease"},
                "holder": {"S": "somebody else"},
                "expires": {"S": f"2026-11-24T{until}.000000+00:00"},
            },
        )


def writes(story: Story) -> list[str]:
    """The access policy's writes so far."""
    log = story.world.cloud.gateway.log.of("CreatePolicy", "CreatePolicyVersion")
    return [entry.operation for entry in log if "AccessFunction" in entry.role]


def test_a_busy_writer_is_waited_for(story: Story) -> None:
    account_id = story.member()
    hold_the_lease(story, until="08:03:00")
    story.world.tag(account_id, "enabled")
    story.run()
    assert story.last_connection.path.count("EnsureAccess") > 1
    assert_connected(story, account_id)


def test_changes_that_pile_up_are_written_in_one_go(story: Story) -> None:
    accounts = [story.member(f"member-{number}") for number in range(12)]
    hold_the_lease(story, until="08:03:00")
    for account_id in accounts:
        story.world.tag(account_id, "enabled")
    story.run()
    for account_id in accounts:
        assert_connected(story, account_id)
    assert writes(story) == ["CreatePolicy"]


def test_a_suspended_account_is_revoked(story: Story) -> None:
    account_id = story.tagged()
    with story.world.cloud.administering(story.world.cloud.topology.management):
        story.world.cloud.client("organizations", "us-east-1").close_account(AccountId=account_id)
    story.run()
    story.start({"account_id": account_id})
    story.run()
    assert story.status(account_id) == "quarantined"
    assert story.world.allowed_roles() == []


def test_an_invalid_profiles_file_is_a_recorded_named_failure(tmp_path: Path) -> None:
    (tmp_path / "profiles.yaml").write_text("profiles: {default: {description: everything, databases: ['*']}}", "utf-8")
    with Sandbox(VirtualClock(START), tmp_path) as world:
        world.create_organization()
        world.deploy()
        story = Story(world)
        account_id = story.tagged()
        claim = story.claim(account_id)
        assert (claim["status"], claim["error"], claim["step"]) == ("failed", "InvalidProfiles", "AssessAccount")
        assert "profiles.default.databases" in claim["reason"]
        assert "profiles.default.owners" in claim["reason"]
        assert story.last.status == "FAILED"
        assert_nothing(story, account_id)
