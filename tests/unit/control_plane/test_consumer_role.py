"""EnsureConsumerRole: look first, start what is missing, judge by the instance."""

from dataclasses import replace

import pytest

from control_plane.account import Connection
from control_plane.errors import ConsumerRoleFailed, NotOurs
from control_plane.ports import OperationStatus
from control_plane.profiles import Profile, parameters
from control_plane.steps.consumer_role import Progress, ensure, token
from tests.fakes import FakeStackSets
from tests.unit.control_plane.vocabulary import CONNECTION, CONSUMER, HUB, OTHER, profile

NAME = CONNECTION.role_name
PLACE = (NAME, CONSUMER)


def step(stack_sets: FakeStackSets, operation: str = "op-1", wanted: Profile | None = None) -> Progress:
    return ensure(CONNECTION, wanted or profile(), HUB, operation, stack_sets)


def finished(ticks: int = 1) -> FakeStackSets:
    stack_sets = FakeStackSets(HUB, ticks)
    step(stack_sets, "op-0")
    for _ in range(ticks):
        stack_sets.tick()
    return stack_sets


def test_an_account_travels_from_nothing_to_ready() -> None:
    stack_sets = FakeStackSets(HUB, ticks=3)
    for _ in range(3):
        assert step(stack_sets) == Progress(ready=False, operation_id="op-1")
        stack_sets.tick()
    assert step(stack_sets) == Progress(ready=True)
    assert stack_sets.instances[PLACE].parameters == parameters("default", profile(), HUB)
    assert len(stack_sets.operations) == 1


def test_a_ready_role_starts_nothing() -> None:
    stack_sets = finished()
    assert step(stack_sets) == Progress(ready=True)
    assert list(stack_sets.operations) == [(NAME, "op-0")]


def test_a_changed_profile_is_deployed_to_the_instance_that_exists() -> None:
    stack_sets, changed = finished(), profile(databases=["sales"])
    assert step(stack_sets, wanted=changed) == Progress(ready=False, operation_id="op-1")
    stack_sets.tick()
    assert step(stack_sets, wanted=changed) == Progress(ready=True)


def test_an_instance_that_is_not_current_is_deployed_again() -> None:
    stack_sets = finished()
    stack_sets.instances[PLACE] = replace(stack_sets.instances[PLACE], is_current=False)
    assert step(stack_sets) == Progress(ready=False, operation_id="op-1")
    assert stack_sets.operation(NAME, "op-1") is OperationStatus.RUNNING


def test_another_operation_on_the_account_is_waited_for() -> None:
    stack_sets = FakeStackSets(HUB, ticks=2)
    step(stack_sets, "op-0")
    assert step(stack_sets) == Progress(ready=False, operation_id="op-0")
    assert stack_sets.operation(NAME, "op-1") is OperationStatus.UNKNOWN


def test_an_operation_that_ended_without_a_role_is_a_failure_in_awss_words() -> None:
    stack_sets = FakeStackSets(HUB)
    stack_sets.failing[CONSUMER] = "explicit deny in a service control policy"
    step(stack_sets)
    stack_sets.tick()
    with pytest.raises(ConsumerRoleFailed) as failed:
        step(stack_sets)
    assert str(failed.value) == (
        "stack set quick-athena-default, operation op-1: FAILED: explicit deny in a service control policy"
    )


def test_a_later_attempt_deploys_again_after_a_failure() -> None:
    stack_sets = FakeStackSets(HUB)
    stack_sets.failing[CONSUMER] = "denied"
    step(stack_sets)
    stack_sets.tick()
    stack_sets.failing.clear()
    assert step(stack_sets, "op-2") == Progress(ready=False, operation_id="op-2")
    stack_sets.tick()
    assert step(stack_sets, "op-2") == Progress(ready=True)


def test_an_operation_that_has_ended_may_show_in_the_instance_a_moment_later() -> None:
    stack_sets = FakeStackSets(HUB)
    step(stack_sets)
    running = stack_sets.instances[PLACE]
    stack_sets.tick()
    stack_sets.instances[PLACE] = running
    assert stack_sets.operation(NAME, "op-1") is OperationStatus.ENDED
    assert step(stack_sets) == Progress(ready=False, operation_id="op-1")


def test_a_strangers_stack_set_is_left_alone() -> None:
    stack_sets = FakeStackSets(HUB)
    stack_sets.tags[NAME] = {"managed-by": "somebody"}
    with pytest.raises(NotOurs):
        step(stack_sets)
    assert not stack_sets.operations


def test_each_attempt_of_an_execution_has_one_operation_id_cloudformation_takes() -> None:
    first = token("arn:execution", 1, CONNECTION)
    assert first == token("arn:execution", 1, CONNECTION)
    others = [
        token("arn:execution", 2, CONNECTION),
        token("arn:other", 1, CONNECTION),
        token("arn:execution", 1, Connection(account_id=OTHER, profile="default")),
        token("arn:execution", 1, Connection(account_id=CONSUMER, profile="sales")),
    ]
    assert len({first, *others}) == 5
    assert first.startswith("qa-")
    assert len(first) <= 128
