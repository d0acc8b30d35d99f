"""Many tags gone at once: what an hour may take away goes, the rest waits for somebody who has seen the list."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.deployed_hub import world
from tests.prototypes import derived
from tests.simulation.conftest import Story

if TYPE_CHECKING:
    from sandbox.organization import Sandbox

CONNECTED = 14
AN_HOUR_TAKES = 5  # however few there are


@derived(world)
def crowd(world: Sandbox) -> tuple[Story, list[str]]:
    """So many connected accounts, and people on the topic."""
    story = Story(world)
    hub: Any = world.boto3_session(world.cloud.topology.hub)
    topic = world.outputs["NotificationsTopicArn"]
    hub.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="platform@example.com")
    accounts = [world.organizations.create_member(f"member-{number}") for number in range(CONNECTED)]
    for account_id in accounts:
        world.tag(account_id, "enabled")
    story.run()
    assert len(world.allowed_roles()) == CONNECTED
    return story, accounts


def untag(story: Story, accounts: list[str]) -> None:
    """All their tags go at one moment; a few minutes pass, in which people are asked but do not answer."""
    for account_id in accounts:
        story.world.untag(account_id)
    story.run(600)


def questions(story: Story) -> list[str]:
    """The e-mails that ask for approval."""
    return [mail.text for mail in story.world.sns.outbox if mail.subject.startswith("Quick Onboarding: approve")]


def token(text: str) -> str:
    """What approves the list in the e-mail."""
    found = re.search(r"--task-token '([^']+)'", text)
    assert found
    return found[1]


def stop_the_watch(story: Story) -> None:
    """Disable the schedules, or the weeks would be full of their runs."""
    scheduler = story.world.boto3_session(story.world.cloud.topology.hub).client("scheduler")
    for listed in scheduler.list_schedules()["Schedules"]:
        stored: Any = scheduler.get_schedule(Name=listed["Name"])
        given = {name: stored[name] for name in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
        scheduler.update_schedule(**given, State="DISABLED")


def step_functions(story: Story) -> Any:
    return story.world.boto3_session(story.world.cloud.topology.hub).client("stepfunctions")


def test_no_more_goes_before_approval_than_an_hour_may_take_and_exactly_the_list_goes_with_it(
    crowd: tuple[Story, list[str]],
) -> None:
    story, accounts = crowd
    leaving = accounts[:10]
    untag(story, leaving)
    assert len(story.world.allowed_roles()) == CONNECTED - AN_HOUR_TAKES
    held = [each for each in leaving if story.status(each) == "held"]
    assert len(held) == 10 - AN_HOUR_TAKES
    (question,) = questions(story)
    assert set(re.findall(r"account (\d{12}), profile default", question)) == set(held)
    step_functions(story).send_task_success(taskToken=token(question), output="{}")
    story.run(600)
    assert len(story.world.allowed_roles()) == CONNECTED - 10
    assert {story.status(each) for each in leaving} == {"quarantined"}
    assert {story.status(each) for each in accounts[10:]} == {"connected"}


def test_a_list_that_grew_refuses_the_old_token_and_asks_anew(crowd: tuple[Story, list[str]]) -> None:
    story, accounts = crowd
    untag(story, accounts[:10])
    (first,) = questions(story)
    untag(story, accounts[10:11])
    _, second = questions(story)
    with pytest.raises(ClientError, match="TaskTimedOut"):
        step_functions(story).send_task_success(taskToken=token(first), output="{}")
    assert len(story.world.allowed_roles()) == CONNECTED - AN_HOUR_TAKES
    step_functions(story).send_task_success(taskToken=token(second), output="{}")
    story.run(600)
    assert len(story.world.allowed_roles()) == CONNECTED - 11


def test_tags_that_come_back_leave_the_list_and_nobody_is_asked_any_more(crowd: tuple[Story, list[str]]) -> None:
    story, accounts = crowd
    untag(story, accounts[:8])
    (question,) = questions(story)
    for account_id in accounts[:8]:
        story.world.tag(account_id, "enabled")
    story.run(600)
    assert len(story.world.allowed_roles()) == CONNECTED
    assert {story.status(each) for each in accounts} == {"connected"}
    with pytest.raises(ClientError, match="TaskTimedOut"):
        step_functions(story).send_task_success(taskToken=token(question), output="{}")
    assert len(questions(story)) == 1


def test_a_refused_list_stays_in_force(crowd: tuple[Story, list[str]]) -> None:
    story, accounts = crowd
    untag(story, accounts[:8])
    (question,) = questions(story)
    step_functions(story).send_task_failure(taskToken=token(question), error="Rejected")
    story.run(7200)
    assert len(story.world.allowed_roles()) == CONNECTED - AN_HOUR_TAKES
    assert len(questions(story)) == 1


@pytest.fixture
def requested(story: Story) -> Story:
    """One untagged account more than an hour may take away, and people who were asked about it."""
    hub: Any = story.world.boto3_session(story.world.cloud.topology.hub)
    topic = story.world.outputs["NotificationsTopicArn"]
    hub.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="platform@example.com")
    accounts = [story.member(f"member-{number}") for number in range(6)]
    for account_id in accounts:
        story.world.tag(account_id, "enabled")
    story.run()
    untag(story, accounts)
    assert len(story.world.allowed_roles()) == len(questions(story)) == 1
    return story


def test_a_question_nobody_answers_is_asked_again_each_week(requested: Story) -> None:
    stop_the_watch(requested)
    requested.run(20 * 7 * 86_400)
    assert len(questions(requested)) == 21
    assert len(requested.world.allowed_roles()) == 1
    step_functions(requested).send_task_success(taskToken=token(questions(requested)[-1]), output="{}")
    requested.run(600)
    assert requested.world.allowed_roles() == []


def test_a_question_that_was_ended_is_asked_again_by_hand(requested: Story) -> None:
    question = requested.executions("ApproveBatch")[-1]
    step_functions(requested).stop_execution(executionArn=question.arn)
    requested.run(600)
    assert len(questions(requested)) == 1
    (batch,) = [
        record["id"] for record in requested.world.records() if (record["pk"], record["sk"]) == ("access#batch", "held")
    ]
    machine = requested.world.outputs["ApproveBatchArn"]
    step_functions(requested).start_execution(stateMachineArn=machine, input=json.dumps({"batch": batch}))
    requested.run(600)
    _, again = questions(requested)
    step_functions(requested).send_task_success(taskToken=token(again), output="{}")
    requested.run(600)
    assert requested.world.allowed_roles() == []


def test_closed_accounts_do_not_count(crowd: tuple[Story, list[str]]) -> None:
    story, accounts = crowd
    for account_id in accounts[:12]:
        with story.world.cloud.administering(story.world.cloud.topology.management):
            story.world.cloud.client("organizations", "us-east-1").close_account(AccountId=account_id)
    story.run(600)
    assert len(story.world.allowed_roles()) == CONNECTED - 12
    assert questions(story) == []
