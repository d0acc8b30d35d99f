"""Every alarm of the templates goes off when what it watches for really happens, tells people, and is silent else.

The list of alarms is read from the templates: one without a story here makes a test fail.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.aws.clock import VirtualClock
from sandbox.organization import Sandbox
from tests.contract import project
from tests.contract.project import FORWARDING, HUB
from tests.prototypes import prototype
from tests.simulation.conftest import START
from tests.simulation.watched import Alarm, Watched, alarms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MINUTE, HOUR, DAY = 60, 3_600, 86_400
PUT_METRIC_ALARM = {
    "AlarmName",
    "AlarmDescription",
    "AlarmActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "Dimensions",
    "Period",
    "EvaluationPeriods",
    "ComparisonOperator",
    "TreatMissingData",
}


@prototype
def watched() -> Iterator[Watched]:
    """A deployed sandbox, and an hour in which nothing was wrong."""
    with Sandbox(VirtualClock(START)) as world:
        story = Watched(world)
        world.warm_up()
        story.run(HOUR)
        assert story.mails() == {}
        assert set(story.states().values()) == {"OK"}
        yield story


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, by real means and until it is told; and which other alarms rightly tell of the same."""

    happens: Callable[[Watched], None]
    also: tuple[Alarm, ...] = ()


# What happens ----------------------------------------------------------------------------------------


def time_passes(minutes: float) -> Callable[[Watched], None]:
    """Nothing but what happens by itself."""
    return lambda story: story.run(minutes * MINUTE)


def without(role: str, action: str, then: Callable[[Watched], None], template: str = HUB) -> Callable[[Watched], None]:
    """A permission is taken from a role; then something happens that needs it."""

    def happens(story: Watched) -> None:
        story.forbid(role, action, template)
        then(story)
        story.run(5 * MINUTE)

    return happens


def stopped(machine: str, begun: Callable[[Watched], None]) -> Callable[[Watched], None]:
    """What something has begun is stopped by hand."""

    def happens(story: Watched) -> None:
        begun(story)
        story.stop(machine)
        story.run(5 * MINUTE)

    return happens


def somebody_writes_into_the_registry(story: Watched) -> None:
    """An item that the control plane never writes, and a sweep."""
    session: Any = story.world.boto3_session(story.world.cloud.topology.hub)
    item = {"pk": {"S": "account#222233334444"}, "sk": {"S": "connection#NOT A PROFILE"}}
    session.client("dynamodb").put_item(TableName=story.world.outputs["RegistryTableName"], Item=item)
    a_sweep_is_made(story)


def an_account_is_tagged(story: Watched) -> None:
    story.tagged()


def a_slow_deployment_begins(story: Watched, hours: float = 1.0) -> None:
    story.world.stack_sets.engine.seconds_per_instance = hours * HOUR
    story.world.tag(story.member(), "enabled")
    story.run(2 * MINUTE)


def a_deployment_never_ends(story: Watched) -> None:
    """The child execution ends after five hours, and its parent fails; the account is tagged again and again."""
    a_slow_deployment_begins(story, hours=7)
    story.run(5 * HOUR + 10 * MINUTE)


def organizations_is_throttled_for_hours(story: Watched) -> None:
    """An account is assessed again and again, because somebody asks for it at every wait."""
    story.world.stack_sets.engine.seconds_per_instance = 8 * HOUR
    account_id = story.member()
    for _ in range(6 * 60 // 4):
        story.world.tag(account_id, "enabled")
        story.run(4 * MINUTE)
    story.run(10 * MINUTE)


def a_stopped_reconcile_is_left_alone(story: Watched) -> None:
    stopped("ReconcileAccount", a_slow_deployment_begins)(story)
    story.stop("ReconcileConnection")  # else the child goes on, and shows that it is alive
    story.run(HOUR)


def people_are_asked(story: Watched) -> None:
    """One untagged account more than an hour may take away."""
    leaving = [story.member(f"leaving-{number}") for number in range(6)]
    for account_id in leaving:
        story.world.tag(account_id, "enabled")
    story.run()
    for account_id in leaving:
        story.world.untag(account_id)
    story.run(10 * MINUTE)


def nobody_answers_for_a_year(story: Watched) -> None:
    people_are_asked(story)
    story.stop_the_clock()  # or the watch would run 35,000 times
    story.run(366 * DAY)


def the_schedules_are_disabled(story: Watched) -> None:
    story.stop_the_clock()
    story.run(HOUR + 5 * MINUTE)


def an_event_without_an_account_arrives(story: Watched) -> None:
    event = project.sample("organizations/tag_resource.opt_in")
    del event["detail"]["requestParameters"]["resourceId"]
    story.world.events.publish(*story.places[FORWARDING], "default", event)
    story.run(20 * MINUTE)


def routing_is_stopped(story: Watched) -> None:
    """Lambda is throttled, so that the execution waits; then somebody stops it."""
    story.world.faults.order(
        service="lambda", operation="Invoke", code="TooManyRequestsException", role="RouteEventRole", times=None
    )
    story.world.tag(story.member(), "enabled")
    story.run(2 * MINUTE)
    story.stop("RouteEvent")
    story.run(5 * MINUTE)


def lowered(story: Watched, alarm: str, times: float) -> None:
    """The alarm goes off at a threshold that is so many times lower."""
    (made,) = story.ask("cloudwatch", "describe_alarms", AlarmNames=[story.named(alarm)])["MetricAlarms"]
    kept = {key: value for key, value in made.items() if key in PUT_METRIC_ALARM}
    story.ask("cloudwatch", "put_metric_alarm", **kept | {"Threshold": made["Threshold"] / times})


def an_account_is_tagged_all_the_time(story: Watched) -> None:
    """A hundredth of a storm against a hundredth of the threshold: a whole one is thousands of executions."""
    lowered(story, "RouteStorm", 100)
    a_slow_deployment_begins(story, hours=2)
    (account_id,) = (
        record["pk"].removeprefix("account#") for record in story.world.records() if record["sk"] == "claim"
    )
    for _ in range(5 * 9):
        story.world.tag(account_id, "enabled")
        story.run(100)


def a_role_loses_a_permission_before_its_next_proof(story: Watched) -> None:
    account_id = story.tagged()
    iam: Any = story.world.boto3_session(account_id).client("iam")
    policy = {"RoleName": "quick-athena-default", "PolicyName": "query-athena"}
    document = iam.get_role_policy(**policy)["PolicyDocument"]
    document["Statement"] = [each for each in document["Statement"] if each["Sid"] != "ResultsObjects"]
    iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))
    story.world.iam.settle()
    key = {"pk": {"S": f"account#{account_id}"}, "sk": {"S": "connection#default"}}
    table = story.world.outputs["RegistryTableName"]
    story.ask("dynamodb", "update_item", TableName=table, Key=key, UpdateExpression="REMOVE proof_at")
    story.start({"account_id": account_id})
    story.run(HOUR)


def no_more_sweeps_are_made(story: Watched) -> None:
    """A sweep ends; then somebody disables its schedule, and only that. Two days are an hour here."""
    lowered(story, "SweepMissing", 48)
    a_sweep_is_made(story)
    story.disable(story.named("SweepDaily"))
    story.run(90 * MINUTE)


def a_sweep_begins(story: Watched) -> None:
    story.ask("stepfunctions", "start_execution", stateMachineArn=story.named("SweepOrganization"), input="{}")
    story.run(3)


def a_sweep_is_made(story: Watched) -> None:
    a_sweep_begins(story)
    story.run(10 * MINUTE)


def a_stack_set_of_our_name_is_made_by_hand(story: Watched) -> None:
    story.ask(
        "cloudformation",
        "create_stack_set",
        StackSetName="quick-athena-evil",
        TemplateBody="Resources: {Role: {Type: AWS::S3::Bucket}}",
        PermissionModel="SERVICE_MANAGED",
        CallAs="DELEGATED_ADMIN",
    )
    a_sweep_is_made(story)


def somebody_writes_a_pending_change(story: Watched) -> None:
    (table,) = story.ask("dynamodb", "list_tables")["TableNames"]
    item = {"pk": {"S": "access#pending"}, "sk": {"S": "*#default"}, "allow": {"BOOL": True}}
    story.ask("dynamodb", "put_item", TableName=table, Item=item)
    an_account_is_tagged(story)


def somebody_writes_an_entry(story: Watched) -> None:
    an_account_is_tagged(story)
    story.add_entries("arn:aws:iam::*:role/quick-athena-*")
    a_sweep_is_made(story)


def others_attach_policies(story: Watched, count: int) -> None:
    """Somebody uses the run-as role for something else, too."""
    role = story.world.outputs["RunAsRoleArn"].rsplit("/", 1)[-1]
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for number in range(count):
        made = story.ask("iam", "create_policy", PolicyName=f"by-hand-{number}", PolicyDocument=text)["Policy"]
        story.ask("iam", "attach_role_policy", RoleName=role, PolicyArn=made["Arn"])


def the_access_policy_is_filled(entries: int) -> Callable[[Watched], None]:
    """Others attach so many policies that one shard is left, and it has so many entries when an account is added."""

    def happens(story: Watched) -> None:
        an_account_is_tagged(story)
        others_attach_policies(story, 19)
        story.add_entries(*(f"arn:aws:iam::{number:012}:role/quick-athena-default" for number in range(entries)))
        story.world.tag(story.member("one-more"), "enabled")
        story.run(10 * MINUTE)

    return happens


SWEEP_FAILED = (HUB, "SweepFailed")
RECONCILE_FAILED, RECONCILE_ABORTED = (HUB, "ReconcileFailed"), (HUB, "ReconcileAborted")
ROUTE_FAILED = (HUB, "RouteFailed")
WATCH_SILENT, RUNS_FAILED = (HUB, "WatchSilent"), (HUB, "RunsFailed")

STORIES: dict[Alarm, Trouble] = {
    RECONCILE_FAILED: Trouble(
        without("EnsureDataSourceFunctionRole", "quicksight:DescribeDataSource", an_account_is_tagged)
    ),
    (HUB, "ReconcileTimedOut"): Trouble(organizations_is_throttled_for_hours),
    RECONCILE_ABORTED: Trouble(stopped("ReconcileAccount", a_slow_deployment_begins)),
    (HUB, "OperationFailed"): Trouble(
        without("AdvanceOperationFunctionRole", "dynamodb:Query", an_account_is_tagged), also=(RECONCILE_FAILED,)
    ),
    (HUB, "OperationAborted"): Trouble(stopped("OperateStackSet", a_slow_deployment_begins)),
    (HUB, "ApprovalFailed"): Trouble(without("AskForApprovalFunctionRole", "sns:Publish", people_are_asked)),
    (HUB, "ApprovalTimedOut"): Trouble(nobody_answers_for_a_year, also=(WATCH_SILENT,)),
    (HUB, "ApprovalAborted"): Trouble(stopped("ApproveBatch", people_are_asked)),
    SWEEP_FAILED: Trouble(without("StartReconcilesFunctionRole", "dynamodb:Query", a_sweep_is_made)),
    (HUB, "SweepAborted"): Trouble(stopped("SweepOrganization", a_sweep_begins)),
    (HUB, "SweepPartial"): Trouble(
        without("CollectSnapshotFunctionRole", "organizations:ListAccounts", a_sweep_is_made), also=(SWEEP_FAILED,)
    ),
    (HUB, "StackSetsDiffer"): Trouble(a_stack_set_of_our_name_is_made_by_hand),
    (HUB, "RecordsMalformed"): Trouble(somebody_writes_into_the_registry),
    (HUB, "ChangesRefused"): Trouble(somebody_writes_a_pending_change),
    (HUB, "EntriesUnexpected"): Trouble(somebody_writes_an_entry),
    (HUB, "AccessPolicyFilling"): Trouble(the_access_policy_is_filled(78)),
    (HUB, "AccessPolicyNearlyFull"): Trouble(the_access_policy_is_filled(95), also=((HUB, "AccessPolicyFilling"),)),
    (HUB, "EventsUndelivered"): Trouble(without("StartRouteRole", "states:StartExecution", an_account_is_tagged)),
    (FORWARDING, "EventsUndelivered"): Trouble(
        without("ForwardRole", "events:PutEvents", an_account_is_tagged, FORWARDING)
    ),
    RUNS_FAILED: Trouble(without("ScheduleRole", "lambda:InvokeFunction", time_passes(15))),
    (HUB, "RouteStorm"): Trouble(an_account_is_tagged_all_the_time),
    (HUB, "RecordsStuck"): Trouble(a_stopped_reconcile_is_left_alone, also=(RECONCILE_ABORTED,)),
    (HUB, "SweepMissing"): Trouble(no_more_sweeps_are_made),
    (HUB, "ConnectionsDegraded"): Trouble(a_role_loses_a_permission_before_its_next_proof),
    (HUB, "EventsUnread"): Trouble(an_event_without_an_account_arrives, also=(ROUTE_FAILED,)),
    ROUTE_FAILED: Trouble(without("RouteEventRole", "lambda:InvokeFunction", an_account_is_tagged)),
    (HUB, "RouteAborted"): Trouble(routing_is_stopped),
    (HUB, "WatchFailing"): Trouble(
        without("WatchRegistryFunctionRole", "dynamodb:Query", time_passes(15)), also=(RUNS_FAILED,)
    ),
    WATCH_SILENT: Trouble(the_schedules_are_disabled),
}

# Alarms that no real trouble in the sandbox sets off, and why.
NOT_SHOWN: dict[Alarm, str] = {
    (HUB, f"{machine}Throttled"): "the sandbox has no quota of state transitions, so it never slows an execution down"
    for machine in ("Route", "Reconcile", "Connection", "Operation", "Approval", "Sweep")
} | {
    (HUB, "SweepTimedOut"): "nothing a small organization can do makes a sweep wait for twelve hours",
    (HUB, "RouteTimedOut"): "all retries of all states together last less than six hours",
}


# What is shown ---------------------------------------------------------------------------------------


def test_every_alarm_of_the_templates_has_a_story_or_a_reason_why_not() -> None:
    assert sorted([*STORIES, *NOT_SHOWN]) == sorted(alarms())


@pytest.mark.parametrize(("template", "alarm"), STORIES)
def test_trouble_sets_off_its_alarm_and_no_other_and_people_are_told(
    watched: Watched, template: str, alarm: str
) -> None:
    trouble = STORIES[template, alarm]
    trouble.happens(watched)
    mails = watched.mails()
    assert set(mails) == {(template, alarm), *trouble.also}
    told = mails[template, alarm][0]
    written = project.resources(template, "Alarm")[alarm]["Properties"]
    assert told["NewStateValue"] == "ALARM"
    assert told["AlarmDescription"] == written["AlarmDescription"]
    assert told["Trigger"]["MetricName"] == written["MetricName"]


def test_a_sweep_measures_the_access_policy_on_a_day_when_nobody_writes_it(watched: Watched) -> None:
    others_attach_policies(watched, 20)
    a_sweep_is_made(watched)
    assert set(watched.mails()) == {(HUB, "AccessPolicyFilling"), (HUB, "AccessPolicyNearlyFull")}


def test_a_quiet_day_sets_off_no_alarm(watched: Watched) -> None:
    account_id = watched.tagged()
    watched.world.untag(account_id)
    watched.run(6 * HOUR)
    watched.world.tag(account_id, "enabled")
    watched.run(DAY)
    assert watched.status(account_id) == "connected"
    assert watched.states() == dict.fromkeys(alarms(), "OK")
    assert watched.mails() == {}
