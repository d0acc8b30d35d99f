"""EnsureConsumerRole: look first, start what is missing, judge by the instance."""

from dataclasses import replace
from typing import Any

import pytest

from control_plane.account import Connection
from control_plane.errors import ConsumerRoleFailed, ConsumerRoleNotRemoved, NotOurs
from control_plane.ports.stack_sets import OperationStatus
from control_plane.profiles import Profile, parameters
from control_plane.steps.consumer_role import Attempt, EnsureResult, RemovalResult, attempt_operation_id, ensure, remove
from tests.fakes import FakeStackSets
from tests.unit.control_plane.vocabulary import CONNECTION, CONSUMER, HUB, OTHER, profile

NAME = CONNECTION.role_name
PLACE = (NAME, CONSUMER)


def step(stack_sets: FakeStackSets, operation: str = "op-1", wanted: Profile | None = None) -> EnsureResult:
    return ensure(CONNECTION, wanted or profile(), HUB, Attempt(operation), stack_sets)


def removal(stack_sets: FakeStackSets, operation: str = "out-1", *, retain: bool = False) -> RemovalResult:
    return remove(CONNECTION, Attempt(operation), stack_sets, retain=retain)


def finished(ticks: int = 1) -> FakeStackSets:
    stack_sets = FakeStackSets(HUB, ticks)
    step(stack_sets, "op-0")
    for _ in range(ticks):
        stack_sets.tick()
    return stack_sets


def test_an_account_travels_from_nothing_to_ready() -> None:
    stack_sets = FakeStackSets(HUB, ticks=3)
    for _ in range(3):
        assert step(stack_sets) == EnsureResult(ready=False, operation_id="op-1")
        stack_sets.tick()
    assert step(stack_sets) == EnsureResult(ready=True)
    assert stack_sets.instances[PLACE].parameters == parameters("default", profile(), HUB)
    assert len(stack_sets.operations) == 1


def test_a_ready_role_starts_nothing() -> None:
    stack_sets = finished()
    assert step(stack_sets) == EnsureResult(ready=True)
    assert list(stack_sets.operations) == [(NAME, "op-0")]


def test_a_changed_profile_is_deployed_to_the_instance_that_exists() -> None:
    stack_sets, changed = finished(), profile(databases=["sales"])
    assert step(stack_sets, wanted=changed) == EnsureResult(ready=False, operation_id="op-1-body")
    stack_sets.tick()
    assert step(stack_sets, wanted=changed) == EnsureResult(ready=False, operation_id="op-1")
    stack_sets.tick()
    assert step(stack_sets, wanted=changed) == EnsureResult(ready=True)


def test_an_instance_that_is_not_current_is_deployed_again() -> None:
    stack_sets = finished()
    stack_sets.instances[PLACE] = replace(stack_sets.instances[PLACE], is_current=False, stack_id="")
    assert step(stack_sets) == EnsureResult(ready=False, operation_id="op-1")
    assert stack_sets.operation(NAME, "op-1") is OperationStatus.RUNNING


def test_a_new_body_reaches_the_stack_set_first_and_then_the_instance_without_touching_another() -> None:
    stack_sets = finished()
    stack_sets.instances[NAME, OTHER] = replace(stack_sets.instances[PLACE], stack_id="arn:other")
    stack_sets.body = "one more statement"
    assert step(stack_sets) == EnsureResult(ready=False, operation_id="op-1-body")
    assert step(stack_sets) == EnsureResult(ready=False, operation_id="op-1-body")
    stack_sets.tick()
    assert step(stack_sets) == EnsureResult(ready=True)
    assert list(stack_sets.operations) == [(NAME, "op-0"), (NAME, "op-1-body")]
    assert not stack_sets.instances[NAME, OTHER].is_current


def test_an_instance_that_another_account_left_behind_its_stack_set_is_brought_to_it() -> None:
    stack_sets = finished()
    stack_sets.instances[PLACE] = replace(stack_sets.instances[PLACE], is_current=False, stack_id="arn:stack")
    before = dict(stack_sets.definitions)
    assert step(stack_sets) == EnsureResult(ready=False, operation_id="op-1-body")
    stack_sets.tick()
    assert step(stack_sets) == EnsureResult(ready=True)
    assert stack_sets.definitions == before


def test_an_instance_that_can_not_be_brought_to_its_stack_set_is_still_given_its_own_parameters() -> None:
    stack_sets = finished()
    stack_sets.instances[PLACE] = replace(
        stack_sets.instances[PLACE], is_current=False, stack_id="arn:stack", parameters={"WorkGroup": ""}
    )
    stack_sets.failing[CONSUMER] = "the old parameters are wrong"
    step(stack_sets)
    stack_sets.tick()
    stack_sets.failing.clear()
    assert step(stack_sets) == EnsureResult(ready=False, operation_id="op-1")
    stack_sets.tick()
    assert step(stack_sets) == EnsureResult(ready=True)


def test_a_first_deployment_never_has_an_older_body() -> None:
    stack_sets = FakeStackSets(HUB)
    stack_sets.definitions[NAME] = "an older body", parameters("default", profile(), HUB)
    assert step(stack_sets) == EnsureResult(ready=False, operation_id="op-1-body")
    stack_sets.tick()
    assert stack_sets.instances == {}
    assert step(stack_sets) == EnsureResult(ready=False, operation_id="op-1")
    stack_sets.tick()
    assert step(stack_sets) == EnsureResult(ready=True)


def test_a_body_that_aws_shows_otherwise_than_it_was_given_stops_nobody() -> None:
    stack_sets = finished()
    stack_sets.body = "new"
    step(stack_sets)
    stack_sets.tick()
    stack_sets.definitions[NAME] = "new, reformatted", stack_sets.definitions[NAME][1]
    assert step(stack_sets) == EnsureResult(ready=True)


def test_another_operation_on_the_account_is_waited_for() -> None:
    stack_sets = FakeStackSets(HUB, ticks=2)
    step(stack_sets, "op-0")
    assert step(stack_sets) == EnsureResult(ready=False, operation_id="op-0")
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
    assert step(stack_sets, "op-2") == EnsureResult(ready=False, operation_id="op-2")
    stack_sets.tick()
    assert step(stack_sets, "op-2") == EnsureResult(ready=True)


def test_an_operation_that_has_ended_may_show_in_the_instance_a_moment_later() -> None:
    stack_sets = FakeStackSets(HUB)
    step(stack_sets)
    running = stack_sets.instances[PLACE]
    stack_sets.tick()
    stack_sets.instances[PLACE] = running
    assert stack_sets.operation(NAME, "op-1") is OperationStatus.ENDED
    assert step(stack_sets) == EnsureResult(ready=False, operation_id="op-1")


def test_an_unmanaged_stack_set_is_left_alone() -> None:
    stack_sets = FakeStackSets(HUB)
    stack_sets.tags[NAME] = {"managed-by": "somebody"}
    with pytest.raises(NotOurs):
        step(stack_sets)
    assert not stack_sets.operations


def test_each_attempt_of_an_execution_has_one_operation_id_cloudformation_takes() -> None:
    first = attempt_operation_id("arn:execution", 1, CONNECTION)
    assert first == attempt_operation_id("arn:execution", 1, CONNECTION)
    others = [
        attempt_operation_id("arn:execution", 2, CONNECTION),
        attempt_operation_id("arn:other", 1, CONNECTION),
        attempt_operation_id("arn:execution", 1, Connection(account_id=OTHER, profile="default")),
        attempt_operation_id("arn:execution", 1, Connection(account_id=CONSUMER, profile="sales")),
    ]
    removing = attempt_operation_id("arn:execution", 1, CONNECTION, removes=True)
    assert len({first, *others, removing}) == 6
    assert first.startswith("qa-")
    assert len(first) <= 128


# --- remove ------------------------------------------------------------------------------------------


def test_a_role_travels_from_there_to_gone() -> None:
    stack_sets = finished(ticks=2)
    assert removal(stack_sets) == RemovalResult(removed=False, operation_id="out-1")
    stack_sets.tick()
    assert removal(stack_sets) == RemovalResult(removed=False, operation_id="out-1")
    stack_sets.tick()
    assert removal(stack_sets) == RemovalResult(removed=True)
    assert list(stack_sets.operations) == [(NAME, "op-0"), (NAME, "out-1")]


def test_a_role_that_never_was_is_gone_without_asking_for_anything() -> None:
    stack_sets = FakeStackSets(HUB)
    assert removal(stack_sets) == RemovalResult(removed=True)
    assert not stack_sets.operations


def test_a_deployment_under_way_is_waited_for_before_its_role_is_removed() -> None:
    stack_sets = FakeStackSets(HUB)
    step(stack_sets, "op-0")
    assert removal(stack_sets) == RemovalResult(removed=False, operation_id="op-0")
    stack_sets.tick()
    assert removal(stack_sets) == RemovalResult(removed=False, operation_id="out-1")


@pytest.mark.parametrize("changes", [{"is_current": False, "reason": "denied"}, {"is_drifted": True}])
def test_a_role_is_removed_from_every_state(changes: dict[str, object]) -> None:
    stack_sets = finished()
    stack_sets.instances[PLACE] = replace(stack_sets.instances[PLACE], **changes)  # type: ignore[arg-type]  # a test's shorthand
    removal(stack_sets)
    stack_sets.tick()
    assert removal(stack_sets) == RemovalResult(removed=True)


@pytest.mark.parametrize("retain", [True, False])
def test_only_an_account_that_is_gone_keeps_its_stack(*, retain: bool) -> None:
    stack_sets = finished()
    removal(stack_sets, retain=retain)
    assert stack_sets.operations[NAME, "out-1"].retain is retain


def test_a_stack_that_resists_is_a_failure_in_awss_words_and_a_later_attempt_tries_again() -> None:
    stack_sets = finished()
    stack_sets.failing[CONSUMER] = "Cannot delete entity, must detach all policies first."
    removal(stack_sets)
    stack_sets.tick()
    with pytest.raises(ConsumerRoleNotRemoved, match=r"out-1.*FAILED: Cannot delete entity, must detach"):
        removal(stack_sets)
    stack_sets.failing.clear()
    assert removal(stack_sets, "out-2") == RemovalResult(removed=False, operation_id="out-2")
    stack_sets.tick()
    assert removal(stack_sets, "out-2") == RemovalResult(removed=True)


def test_an_instance_aws_keeps_for_an_account_that_is_gone_is_said_and_no_failure() -> None:
    stack_sets = finished()
    stack_sets.keeping.add(CONSUMER)
    removal(stack_sets, retain=True)
    stack_sets.tick()
    found = removal(stack_sets, retain=True)
    assert (found.removed, found.instance_retained, found.operation_id) == (False, True, "")
    assert found.retained == STILL_LISTED


STILL_LISTED = (
    "the stack set quick-athena-default still lists the account: AWS keeps it although it was asked to forget it"
)


@pytest.mark.parametrize(
    ("known", "recorded"),
    [
        ("the stack arn:stack", f"the stack arn:stack; {STILL_LISTED}"),
        (STILL_LISTED, STILL_LISTED),
        (f"the stack arn:stack; {STILL_LISTED}", f"the stack arn:stack; {STILL_LISTED}"),
    ],
)
def test_a_retained_instance_is_added_once_to_what_stays_in_the_account(known: str, recorded: str) -> None:
    stack_sets = finished()
    stack_sets.keeping.add(CONSUMER)
    remove(CONNECTION, Attempt("out-1"), stack_sets, retain=True, retained=known)
    stack_sets.tick()
    assert remove(CONNECTION, Attempt("out-1"), stack_sets, retain=True, retained=known).retained == recorded


def test_what_stays_in_the_account_is_returned_unchanged_while_the_removal_goes_on() -> None:
    stack_sets = finished()
    for _ in range(2):
        attempt = Attempt("out-1", waits_for="out-1" if stack_sets.operations.get((NAME, "out-1")) else "")
        found = remove(CONNECTION, attempt, stack_sets, retain=False, retained="the results bucket")
        assert found == RemovalResult(removed=False, operation_id="out-1", retained="the results bucket")
    stack_sets.tick()
    done = remove(CONNECTION, Attempt("out-1", waits_for="out-1"), stack_sets, retain=False, retained="the bucket")
    assert done == RemovalResult(removed=True, retained="the bucket")


class OneOperation:
    """Port `StackSets` of which only the status of an operation may be read."""

    def __init__(self, stack_sets: FakeStackSets) -> None:
        self._stack_sets = stack_sets
        self.calls: list[tuple[str, str]] = []

    def operation(self, name: str, operation_id: str) -> OperationStatus:
        """The status of an operation."""
        self.calls.append((name, operation_id))
        return self._stack_sets.operation(name, operation_id)


@pytest.mark.parametrize("waits_for", ["op-0", "op-1-body"])
def test_while_the_operation_runs_that_is_waited_for_its_status_is_the_only_call(waits_for: str) -> None:
    stack_sets = FakeStackSets(HUB, ticks=2)
    step(stack_sets, "op-0")
    stack_sets.operations[NAME, "op-1-body"] = stack_sets.operations[NAME, "op-0"]
    only: Any = OneOperation(stack_sets)
    attempt = Attempt("op-1", waits_for=waits_for)
    assert ensure(CONNECTION, profile(), HUB, attempt, only) == EnsureResult(ready=False, operation_id=waits_for)
    assert remove(CONNECTION, attempt, only, retain=False) == RemovalResult(removed=False, operation_id=waits_for)
    assert only.calls == [(NAME, waits_for)] * 2


@pytest.mark.parametrize("waits_for", ["op-0", "one nobody knows"])
def test_when_the_operation_that_is_waited_for_has_ended_the_instance_decides(waits_for: str) -> None:
    stack_sets = finished()
    assert ensure(CONNECTION, profile(), HUB, Attempt("op-0", waits_for), stack_sets) == EnsureResult(ready=True)


def test_nothing_is_removed_from_an_unmanaged_stack_set() -> None:
    stack_sets = finished()
    stack_sets.tags[NAME] = {"managed-by": "somebody"}
    with pytest.raises(NotOurs):
        removal(stack_sets)
    assert list(stack_sets.operations) == [(NAME, "op-0")]


def test_a_removal_under_way_is_waited_for_and_then_the_role_is_made_anew() -> None:
    stack_sets = finished()
    removal(stack_sets)
    assert step(stack_sets, "op-9") == EnsureResult(ready=False, operation_id="out-1")
    stack_sets.tick()
    assert step(stack_sets, "op-9") == EnsureResult(ready=False, operation_id="op-9")
    stack_sets.tick()
    assert step(stack_sets, "op-9") == EnsureResult(ready=True)
