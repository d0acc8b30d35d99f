"""A function whose process is gone: nothing of it runs any more, and the machine tries again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.aws.services.functions import FunctionFailed

if TYPE_CHECKING:
    from sandbox.aws.gateway import Call
    from tests.simulation.conftest import Story


def exit_at(story: Story, function: str, operation: str, times: int = 1) -> None:
    """The function dies before that call, so many times."""
    left = [None] * times

    def before(call: Call) -> None:
        if left and call.operation == operation and f"{function}Function" in call.session.principal.arn:
            left.pop()
            story.world.functions.exit()

    story.world.cloud.gateway.before.append(before)


def lease(story: Story) -> dict[str, str]:
    return next(record for record in story.world.records() if record["sk"] == "lease")


def test_what_clean_up_would_undo_stays(story: Story) -> None:
    exit_at(story, "EnsureAccess", "CreatePolicy")
    account_id = story.member()
    functions = story.world.boto3_session(story.world.cloud.topology.hub).client("lambda").list_functions()
    arn = next(f["FunctionArn"] for f in functions["Functions"] if "EnsureAccess" in f["FunctionName"])
    request = {"account_id": account_id, "profile": "default", "execution": "mine", "generation": 1}
    request |= {"token": "nobody's", "writes": True}
    claim = {"pk": {"S": f"account#{account_id}"}, "sk": {"S": "claim"}, "holder": {"S": "mine"}}
    registry = story.world.boto3_session(story.world.cloud.topology.hub).client("dynamodb")
    registry.put_item(TableName=story.world.outputs["RegistryTableName"], Item=claim)
    with pytest.raises(FunctionFailed) as failed:
        story.world.functions.invoke(arn, {**request, "now": story.clock.now().isoformat()})
    assert failed.value.payload["errorType"] == "Runtime.ExitError"
    assert lease(story)["holder"] == "mine#default"


def test_the_machine_tries_again(story: Story) -> None:
    exit_at(story, "EnsureAccess", "CreatePolicy", times=2)
    account_id = story.tagged()
    assert story.status(account_id) == "connected"
    assert story.last_connection.path.count("EnsureAccess") == 2, "once to be elected, and once to write"
    assert "holder" not in lease(story)


def test_nothing_to_exit_outside_a_function(story: Story) -> None:
    with pytest.raises(RuntimeError, match="no function runs"):
        story.world.functions.exit()
