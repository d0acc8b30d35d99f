"""Port `StackSetQueue`: changes that wait, the batch that is made, and the number of the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from control_plane.aws.stack_set_queue import DynamoDbStackSetQueue
from control_plane.ports.stack_set_queue import Batch, ChangeKind, QueuedChange, QueueState, Rollout
from tests.fakes import FakeStackSetQueue

if TYPE_CHECKING:
    from control_plane.ports.stack_set_queue import StackSetQueue
    from tests.deployed_hub import Deployed

NAME, OTHER = "quick-athena-default", "quick-athena-sales"
NOW, LATER = "2026-11-24T08:00:00.000Z", "2026-11-24T09:00:00.000Z"
CHANGE = QueuedChange(
    account_id="222233334444",
    kind=ChangeKind.CREATE,
    holder="the execution",
    token="a token",
    version="1-2",
    requested_at=NOW,
)
BATCH = Batch(
    operation_id="qa-1", kind=ChangeKind.CREATE, accounts=("222233334444",), version="1-2", started_at=NOW, defines=True
)
ROLLOUT = Rollout(version="1-2", succeeded=7, failures=("one",), failed_at=NOW, shown="a hash")


@pytest.fixture
def queue(deployed: Deployed | None) -> StackSetQueue:
    return DynamoDbStackSetQueue(*deployed.registry("AdvanceOperation")) if deployed else FakeStackSetQueue()


def test_a_change_waits_in_the_queue_of_its_stack_set_only(queue: StackSetQueue) -> None:
    assert queue.read(NAME) == QueueState()
    queue.enqueue(NAME, CHANGE)
    assert queue.read(NAME) == QueueState(changes=(CHANGE,))
    assert queue.read(OTHER) == QueueState()


def test_a_later_change_of_the_account_replaces_the_earlier_one(queue: StackSetQueue) -> None:
    later = CHANGE.model_copy(update={"token": "another", "kind": ChangeKind.DELETE})
    queue.enqueue(NAME, CHANGE)
    queue.enqueue(NAME, later)
    queue.remove(NAME, CHANGE)
    assert queue.read(NAME).changes == (later,)
    queue.remove(NAME, later)
    queue.remove(NAME, later)
    assert queue.read(NAME).changes == ()


def test_there_is_one_batch_at_a_time(queue: StackSetQueue) -> None:
    assert queue.begin_batch(NAME, BATCH)
    other = BATCH.model_copy(update={"operation_id": "qa-2"})
    assert not queue.begin_batch(NAME, other)
    assert queue.read(NAME).batch == BATCH == queue.batch(NAME)
    assert queue.batch(OTHER) is None
    queue.end_batch(NAME, other, ROLLOUT)
    assert queue.read(NAME).batch == BATCH
    queue.end_batch(NAME, BATCH, ROLLOUT)
    assert queue.read(NAME) == QueueState(rollout=ROLLOUT, last_kind=ChangeKind.CREATE)
    assert queue.begin_batch(NAME, other)


def test_an_operators_number_is_replaced_once(queue: StackSetQueue) -> None:
    assert queue.epoch(NAME) == 0
    following = queue.next_epoch(NAME, 0, NOW)
    assert following > 1_700_000_000, "it counts from the time in seconds, so that no number is used twice"
    assert queue.next_epoch(NAME, 0, NOW) == following == queue.epoch(NAME)
    assert queue.next_epoch(NAME, following, NOW) == following + 1


def test_a_malformed_item_is_deleted_and_stops_nobody(queue: StackSetQueue, deployed: Deployed | None) -> None:
    queue.enqueue(NAME, CHANGE)
    if deployed:
        pk = f"stackset#{NAME}"
        deployed.put(pk, "change#333344445555", value={"S": "not JSON"}, token={"S": "x"})
        deployed.put(pk, "change#444455556666", value={"S": CHANGE.model_dump_json()}, token={"S": "x"})
        deployed.put(pk, "batch", value={"N": "1"})
        deployed.put(pk, "rollout", value={"S": "{}"}, last_kind={"S": "whatever"})
        deployed.put(pk, "operator", epoch={"S": "many"})
        queue = DynamoDbStackSetQueue(*deployed.registry("AdvanceOperation"))
    assert queue.batch(NAME) is None
    assert queue.read(NAME) == QueueState(changes=(CHANGE,))
    assert queue.read(NAME) == QueueState(changes=(CHANGE,))
    assert queue.begin_batch(NAME, BATCH)
    assert queue.epoch(NAME) == 0
    assert queue.next_epoch(NAME, 0, NOW) == queue.epoch(NAME) > 0


def test_a_stop_lasts_until_it_is_resumed_and_takes_the_failures_with_it(deployed: Deployed | None) -> None:
    fake = FakeStackSetQueue()

    def queue_of(function: str) -> StackSetQueue:
        return DynamoDbStackSetQueue(*deployed.registry(function)) if deployed else fake

    queue_of("ControlRollout").resume(NAME, NOW)
    queue = queue_of("AdvanceOperation")
    assert queue.begin_batch(NAME, BATCH)
    queue.end_batch(NAME, BATCH, ROLLOUT)
    queue_of("ControlRollout").stop(NAME, "queries fail", NOW)
    assert queue_of("AdvanceOperation").read(NAME).stopped == "queries fail"
    assert queue_of("AssessAccount").stopped(NAME) == "queries fail"
    assert queue_of("AdvanceOperation").read(OTHER).stopped == queue_of("AssessAccount").stopped(OTHER) == ""
    queue_of("ControlRollout").resume(NAME, LATER)
    resumed = queue_of("AdvanceOperation").read(NAME)
    assert (resumed.stopped, resumed.last_kind) == ("", BATCH.kind)
    assert resumed.rollout == ROLLOUT.model_copy(update={"failures": (), "failed_at": "", "resumed": LATER})


def test_a_resume_forgets_the_failures_that_an_operator_stores_just_afterwards(deployed: Deployed | None) -> None:
    fake = FakeStackSetQueue()

    def queue_of(function: str) -> StackSetQueue:
        return DynamoDbStackSetQueue(*deployed.registry(function)) if deployed else fake

    queue = queue_of("AdvanceOperation")
    assert queue.begin_batch(NAME, BATCH)
    before = queue.read(NAME).rollout
    queue_of("ControlRollout").resume(NAME, NOW)
    failed = {"version": "1", "failures": ("denied",), "failed_at": NOW}
    queue = queue_of("AdvanceOperation")
    queue.end_batch(NAME, BATCH, before.model_copy(update=failed))
    assert queue.read(NAME).rollout == Rollout(version="1", resumed=NOW)
    queue.end_batch(NAME, BATCH, queue.read(NAME).rollout.model_copy(update=failed))
    assert queue.read(NAME).rollout.failures == ("denied",), "it failed after the resume"
