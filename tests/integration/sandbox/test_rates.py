"""AWS's request rates: who is too fast is refused, and everybody else is not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.rates import NEW_ACCOUNT, PUBLISHED, Rate
from tests.deployed_hub import client_as, hub, world

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.organization import Sandbox

__all__ = ["client_as", "hub", "world"]

SLOW = {("dynamodb", "GetItem"): Rate(2, 5, "ThrottlingException", "a test")}


@pytest.fixture
def calls(world: Sandbox, client_as: Callable[[str, str], Any]) -> Callable[[int], int]:
    """How many of so many calls of a role at one moment are answered."""
    client = client_as("AssessAccount", "dynamodb")
    key = {"pk": {"S": "grants#organization"}, "sk": {"S": "accounts"}}

    def make(number: int) -> int:
        return [_code_of(client, world.outputs["RegistryTableName"], key) for _ in range(number)].count("")

    return make


def _code_of(client: Any, table: str, key: Any) -> str:
    """The error code of a call; empty: it was answered."""
    try:
        client.get_item(TableName=table, Key=key)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def without_schedules(world: Sandbox) -> None:
    """Nobody but the test reads the registry: what is due when it runs depends on the time of day."""
    scheduler: Any = world.boto3_session(world.cloud.topology.hub).client("scheduler")
    for schedule in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])


def test_a_burst_is_answered_and_then_so_many_a_second(world: Sandbox, calls: Callable[[int], int]) -> None:
    without_schedules(world)
    assert calls(20) == 20, "not enforced"
    world.rates.enforce(SLOW)
    assert [calls(20), calls(20)] == [5, 0]
    world.clock.run(until=world.clock.now() + timedelta(seconds=1))  # type: ignore[attr-defined]  # a virtual clock
    assert calls(20) == 2
    world.clock.run(until=world.clock.now() + timedelta(minutes=1))  # type: ignore[attr-defined]
    assert calls(20) == 5
    assert world.rates.refused["dynamodb", "GetItem"] == 15 + 20 + 18 + 15


def test_administrators_are_not_refused(world: Sandbox) -> None:
    world.rates.enforce(SLOW)
    client: Any = world.boto3_session(world.cloud.topology.hub).client("dynamodb")
    for _ in range(20):
        client.get_item(TableName=world.outputs["RegistryTableName"], Key={"pk": {"S": "any"}, "sk": {"S": "any"}})
    assert not world.rates.refused


def test_every_rate_has_a_source_and_says_whether_aws_publishes_it() -> None:
    assert all(rate.source and rate.per_second > 0 and rate.burst > 0 for rate in NEW_ACCOUNT.values())
    assert all(rate.is_published for rate in PUBLISHED.values())


def test_accounts_tagged_at_one_moment_are_all_connected_within_the_rates(world: Sandbox) -> None:
    accounts = [world.organizations.create_member(f"many-{number}") for number in range(12)]
    world.rates.enforce(NEW_ACCOUNT)
    for account_id in accounts:
        world.tag(account_id, "enabled")
    world.clock.run()  # type: ignore[attr-defined]
    assert world.rates.refused["lambda", "Invoke"], "the rates were met"
    assert {str((world.record(each, "default") or {}).get("status")) for each in accounts} == {"connected"}
