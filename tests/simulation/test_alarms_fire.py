"""Every alarm of the templates goes off when what it watches for really happens, tells people, and is silent else.

The list of alarms is read from the templates: one without a story here makes a test fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sandbox.clock import VirtualClock
from sandbox.world import Sandbox
from tests.contract import project
from tests.contract.project import FORWARDING, HUB
from tests.simulation.conftest import START
from tests.simulation.watched import Alarm, Watched, alarms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MINUTE, HOUR, DAY = 60, 3_600, 86_400


@pytest.fixture
def watched() -> Iterator[Watched]:
    """A deployed sandbox, and an hour in which nothing was wrong."""
    with Sandbox(VirtualClock(START)) as world:
        story = Watched(world)
        story.run(HOUR)
        assert story.mails() == {}
        assert set(story.states().values()) == {"OK"}
        yield story


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, by real means and until it is told; and which other alarms rightly tell of the same."""

    happens: Callable[[Watched], None]
    also: tuple[Alarm, ...] = ()


# What goes wrong -------------------------------------------------------------------------------------


def a_step_may_not_do_its_work(story: Watched) -> None:
    story.forbid("EnsureDataSourceFunctionRole", "quicksight:DescribeDataSource")
    story.tagged()
    story.run(5 * MINUTE)


def a_deployment_never_ends(story: Watched) -> None:
    story.world.stack_sets.engine.seconds_per_instance = 7.0 * HOUR
    story.world.tag(story.member(), "enabled")
    story.run(6 * HOUR + 10 * MINUTE)


def a_reconcile_is_stopped(story: Watched) -> None:
    story.world.stack_sets.engine.seconds_per_instance = 1.0 * HOUR
    story.world.tag(story.member(), "enabled")
    story.run(2 * MINUTE)
    story.stop("ReconcileAccount")
    story.run(5 * MINUTE)


def a_reconcile_is_stopped_and_nobody_asks_again(story: Watched) -> None:
    a_reconcile_is_stopped(story)
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


def nobody_can_be_asked(story: Watched) -> None:
    story.forbid("AskForApprovalFunctionRole", "sns:Publish")
    people_are_asked(story)


def a_question_is_stopped(story: Watched) -> None:
    people_are_asked(story)
    story.stop("ApproveRevocations")
    story.run(5 * MINUTE)


def nobody_answers_for_a_year(story: Watched) -> None:
    people_are_asked(story)
    story.stop_the_clock()  # or the watch would run 35,000 times
    story.run(366 * DAY)


def the_rule_may_not_start_the_machine(story: Watched) -> None:
    story.forbid("StartReconcileRole", "states:StartExecution")
    story.tagged()
    story.run(5 * MINUTE)


def the_rule_may_not_reach_the_hub(story: Watched) -> None:
    story.forbid("ForwardRole", "events:PutEvents", FORWARDING)
    story.tagged()
    story.run(5 * MINUTE)


def the_schedule_may_not_start_the_watch(story: Watched) -> None:
    story.forbid("ScheduleRole", "lambda:InvokeFunction")
    story.run(20 * MINUTE)


def the_watch_may_not_read(story: Watched) -> None:
    story.forbid("WatchRegistryFunctionRole", "dynamodb:Query")
    story.run(20 * MINUTE)


def the_schedule_is_disabled(story: Watched) -> None:
    story.stop_the_clock()
    story.run(HOUR + 5 * MINUTE)


def an_event_without_an_account_arrives(story: Watched) -> None:
    event = project.sample("organizations/tag_resource.opt_in")
    del event["detail"]["requestParameters"]["resourceId"]
    story.world.events.publish(*story.places[FORWARDING], "default", event)
    story.run(20 * MINUTE)


RECONCILE_FAILED, RECONCILE_ABORTED = (HUB, "ReconcileFailed"), (HUB, "ReconcileAborted")
WATCH_SILENT, RUNS_FAILED = (HUB, "WatchSilent"), (HUB, "RunsFailed")

STORIES: dict[Alarm, Trouble] = {
    RECONCILE_FAILED: Trouble(a_step_may_not_do_its_work),
    (HUB, "ReconcileTimedOut"): Trouble(a_deployment_never_ends),
    RECONCILE_ABORTED: Trouble(a_reconcile_is_stopped),
    (HUB, "ApprovalFailed"): Trouble(nobody_can_be_asked),
    (HUB, "ApprovalTimedOut"): Trouble(nobody_answers_for_a_year, also=(WATCH_SILENT,)),
    (HUB, "ApprovalAborted"): Trouble(a_question_is_stopped),
    (HUB, "EventsUndelivered"): Trouble(the_rule_may_not_start_the_machine),
    (FORWARDING, "EventsUndelivered"): Trouble(the_rule_may_not_reach_the_hub),
    RUNS_FAILED: Trouble(the_schedule_may_not_start_the_watch),
    (HUB, "RecordsStuck"): Trouble(a_reconcile_is_stopped_and_nobody_asks_again, also=(RECONCILE_ABORTED,)),
    (HUB, "EventsUnread"): Trouble(an_event_without_an_account_arrives, also=(RECONCILE_FAILED,)),
    (HUB, "WatchFailing"): Trouble(the_watch_may_not_read, also=(RUNS_FAILED,)),
    WATCH_SILENT: Trouble(the_schedule_is_disabled),
}

# Alarms that no real trouble in the sandbox sets off, and why.
NOT_SHOWN: dict[Alarm, str] = {
    (HUB, f"{machine}Throttled"): "the sandbox has no quota of state transitions, so it never slows an execution down"
    for machine in ("Reconcile", "Approval")
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


def test_a_quiet_day_sets_off_no_alarm(watched: Watched) -> None:
    account_id = watched.tagged()
    watched.world.untag(account_id)
    watched.run(6 * HOUR)
    watched.world.tag(account_id, "enabled")
    watched.run(DAY)
    assert watched.status(account_id) == "connected"
    assert watched.states() == dict.fromkeys(alarms(), "OK")
    assert watched.mails() == {}
