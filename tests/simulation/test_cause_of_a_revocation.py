"""Who ended an account's access, by which call and when: it stands in the connection's record."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.aws import DeliveryFaults
from tests.contract import project
from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from sandbox.organization import Sandbox

DAY = 86_400
CAUSE = ("event", "event_by", "event_at")


@derived(world)
def story(world: Sandbox) -> Story:
    """A hub whose grace period is a day."""
    world.deploy(GracePeriodDays="1")
    return Story(world)


def record(story: Story, account_id: str) -> dict[str, Any]:
    """The connection's record."""
    found = story.world.record(account_id)
    assert found
    return found


def cause(story: Story, account_id: str) -> dict[str, Any]:
    """What the record says of the cause, if anything."""
    return {name: value for name, value in record(story, account_id).items() if name in CAUSE}


def lose_events(story: Story) -> None:
    """From now on no event arrives."""
    story.world.events.delivery_faults = DeliveryFaults(seed=1, drop=1.0)


def sweep(story: Story) -> None:
    """Sweep everything."""
    story.world.step_functions.start(story.world.outputs["SweepOrganizationArn"], {"scope": "all"})
    story.run(3_600)


def test_who_untagged_an_account_stands_in_the_record_until_it_is_tagged_again(story: Story) -> None:
    account_id = story.tagged()
    assert cause(story, account_id) == {}
    untagged_at = story.world.clock.now()
    story.world.untag(account_id)
    story.run(90)
    found = cause(story, account_id)
    assert re.fullmatch(r"UntagResource \([0-9a-f-]{36}\)", found["event"])
    assert found["event_by"].endswith(":assumed-role/OrganizationAccountAccessRole/sandbox")
    assert datetime.fromisoformat(found["event_at"]) == untagged_at.replace(microsecond=0)
    story.run(2 * DAY)  # a sweep removes it when the grace period is over
    assert record(story, account_id)["status"] == "removed"
    assert cause(story, account_id) == found
    story.world.tag(account_id, "enabled")
    story.run(900)
    assert story.status(account_id) == "connected"
    assert cause(story, account_id) == {}


def test_a_sweeps_report_says_who_untagged_an_account_it_removed(story: Story) -> None:
    account_id = story.tagged()
    story.world.untag(account_id)
    story.run(90)
    found, told = cause(story, account_id), ""
    for _ in range(3):
        story.run(DAY)
        told = told or next(
            iter(each for each in story.world.last_sweep().get("outcomes", []) if account_id in each), ""
        )
    assert told.startswith("removed: ")
    assert told.endswith(f"; {found['event']} by {found['event_by']} at {found['event_at']}")


def test_of_two_events_the_newer_one_is_the_cause(story: Story) -> None:
    """The untag comes while the account is being connected: the execution that does it is asked for a requeue."""
    story.world.stack_sets.engine.seconds_per_instance = 3600.0
    account_id = story.member()
    story.world.tag(account_id, "enabled")
    story.run(60)
    assert story.claim(account_id)["event"].startswith("TagResource (")
    story.world.untag(account_id)
    story.run(90)
    untag = story.executions("RouteEvent")[-1]
    assert untag.path[-1] == "DeferredToHolder"
    found = cause(story, account_id)
    assert found["event"] == f"UntagResource ({untag.input['detail']['eventID']})"
    assert found["event_at"] == untag.input["detail"]["eventTime"]
    assert story.claim(account_id)["event"] == found["event"]


def test_a_forged_event_leaves_a_short_cause(story: Story) -> None:
    account_id = story.tagged()
    lose_events(story)
    story.world.untag(account_id)
    event = project.sample("organizations/untag_resource.opt_in")
    event["detail"]["requestParameters"]["resourceId"] = account_id
    event["detail"] |= {"eventTime": "9" * 50_000, "eventID": "e" * 50_000, "userIdentity": {"arn": "a" * 50_000}}
    event["time"] = "t" * 50_000
    story.route(event)
    story.run(200)
    assert record(story, account_id)["status"] == "quarantined"
    assert {name: len(value) for name, value in cause(story, account_id).items()} == {
        "event": len("UntagResource ()") + 100,
        "event_by": 300,
        "event_at": len("2026-11-24T08:00:00.000Z"),
    }


def test_an_event_without_a_caller_and_a_time_is_a_cause_all_the_same(story: Story) -> None:
    account_id = story.tagged()
    lose_events(story)
    story.world.untag(account_id)
    event = project.sample("organizations/untag_resource.opt_in")
    event["detail"] = {"eventName": "UntagResource", "requestParameters": {"resourceId": account_id}}
    story.route(event)
    story.run(200)
    found = cause(story, account_id)
    assert record(story, account_id)["status"] == "quarantined"
    assert (found["event"], found["event_by"], found["event_at"]) == (
        f"UntagResource ({event['id']})",
        "unknown",
        event["time"],
    )


def test_access_that_a_sweep_ended_says_that_a_sweep_did(story: Story) -> None:
    account_id = story.tagged()
    lose_events(story)
    story.world.untag(account_id)
    sweep(story)
    found = cause(story, account_id)
    assert record(story, account_id)["status"] == "quarantined"
    assert "sweep" in found["event"]
    assert found["event_by"] == found["event"]
