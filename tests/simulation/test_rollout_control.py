"""A person stops a roll-out, and has it go on, by invoking one function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.conftest import Story


def control(story: Story, **payload: str) -> Any:
    """What a person does, as an administrator of the hub."""
    client: Any = story.world.boto3_session(story.world.cloud.topology.hub).client("lambda")
    name = story.world.outputs["ControlRolloutFunctionName"]
    answer = client.invoke(FunctionName=name, Payload=json.dumps({"profile": "default", **payload}))
    assert "FunctionError" not in answer
    return json.loads(answer["Payload"].read())


def test_a_stopped_roll_out_reaches_nobody_else_and_goes_on_when_it_is_resumed(story: Story) -> None:
    accounts = [story.member(f"member-{number}") for number in range(4)]
    for account_id in accounts:
        story.world.tag(account_id, "enabled")
    story.run(20)
    assert story.executions("OperateStackSet")[0].status == "RUNNING"
    answer = control(story, action="stop", reason="queries fail")
    assert answer == {"stack_set": "quick-athena-default", "action": "stop"}
    story.run(1200)
    assert len(story.world.allowed_roles()) <= 1, "the canary may have been ready just then"
    records: list[Any] = [story.world.record(each, "default") for each in accounts]
    failed = [each for each in records if each["status"] == "failed"]
    assert len(failed) >= 3
    assert {each["error"] for each in failed} == {"RolloutStopped"}
    assert "stopped by a person: queries fail" in failed[0]["reason"]
    control(story, action="resume", reason="it was the network")
    story.run(1800)
    assert {story.status(each) for each in accounts} == {"connected"}


def test_a_role_that_was_changed_keeps_its_access_while_its_roll_out_is_stopped(story: Story) -> None:
    account_id = story.tagged()
    role = story.world.allowed_roles()
    iam: Any = story.world.boto3_session(account_id).client("iam")
    iam.update_role(RoleName="quick-athena-default", MaxSessionDuration=43200)
    control(story, action="stop", reason="queries fail")
    sweep(story)  # has CloudFormation compare the role
    sweep(story)
    record: Any = story.world.record(account_id, "default")
    assert (record["status"], record["error"]) == ("failed", "RolloutStopped")
    assert record["reason"].endswith("not rebuilt, because a person stopped the roll-out: queries fail")
    assert any(account_id in each for each in story.world.last_sweep()["failed"])
    assert story.world.allowed_roles() == role
    assert iam.get_role(RoleName="quick-athena-default")["Role"]["MaxSessionDuration"] == 43200
    control(story, action="resume", reason="it was the network")
    story.run(1800)
    assert story.status(account_id) == "connected"
    assert iam.get_role(RoleName="quick-athena-default")["Role"]["MaxSessionDuration"] == 3600


def sweep(story: Story) -> None:
    """Compare the whole organization, to the end."""
    story.world.step_functions.start(story.world.outputs["SweepOrganizationArn"], {})
    story.run(1800)
