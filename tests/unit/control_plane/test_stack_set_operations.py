"""AdvanceOperation: many accounts, few operations, nobody forgotten and nobody waiting for another's trouble."""

from typing import Any

import pytest

from control_plane.access_policy import Shard
from control_plane.account import AccountValues
from control_plane.batches import CANARIES
from control_plane.errors import (
    ConsumerRoleFailed,
    ConsumerRoleNotRemoved,
    MissingPermission,
    NotOurs,
    OperationRefused,
    UnknownProfile,
)
from control_plane.ports.registry import Record
from control_plane.ports.stack_set_queue import Batch, ChangeKind
from control_plane.ports.stack_sets import OperationResult
from control_plane.steps import stack_set_operations
from control_plane.steps.stack_set_operations import MAX_ROUNDS, Progress
from tests.unit.control_plane.stack_set_world import HOLDER, NAME, StackSetWorld, accounts
from tests.unit.control_plane.vocabulary import CONSUMER, OTHER, entry


def proven(number: int = 100, ticks: int = 1, **options: Any) -> StackSetWorld:
    """A world whose version is no longer new."""
    world = StackSetWorld(**options)
    world.connected("999999999999")
    world.stack_sets.ticks = ticks
    world.queue.rollouts[NAME] = world.queue.rollouts[NAME].model_copy(update={"succeeded": number})
    world.stack_sets.operations.clear()
    return world


def test_accounts_that_wait_for_the_same_share_one_operation() -> None:
    world = proven()
    tokens = [world.ensure(each) for each in accounts(50)]
    world.finish()
    assert world.operations() == [tuple(accounts(50))]
    assert all(world.answer(token)["done"] for token in tokens)
    assert not world.queue.changes


def test_a_new_version_goes_to_one_account_first_and_then_to_ten_times_as_many() -> None:
    world = StackSetWorld(largest=500)
    for each in accounts(700):
        world.ensure(each)
    world.finish()
    assert [len(each) for each in world.operations()] == [1, 10, 110, 500, 79]


def test_no_batch_is_larger_than_allowed() -> None:
    world = proven(largest=20)
    for each in accounts(50):
        world.ensure(each)
    world.finish()
    assert [len(each) for each in world.operations()] == [20, 20, 10]


def test_who_comes_last_does_not_wait_for_all_others() -> None:
    world = proven(largest=10)
    for each in accounts(50):
        world.ensure(each)
    world.seconds += 5
    world.ensure(CONSUMER)
    world.advance()
    assert CONSUMER in world.operations()[0]
    assert "000000000001" in world.operations()[0]


def test_one_that_fails_is_its_own_failure_in_awss_words() -> None:
    world = proven()
    world.stack_sets.failing[CONSUMER] = "explicit deny in a service control policy"
    denied, fine = world.ensure(CONSUMER), world.ensure(OTHER)
    world.finish()
    ((operation, _),) = [(each[1], None) for each in world.stack_sets.operations]
    why = f"stack set {NAME}, operation {operation}: FAILED: explicit deny in a service control policy"
    assert world.answer(denied) == ("ConsumerRoleFailed", why)
    assert world.answer(fine)["done"]


def test_an_account_that_no_operation_reaches_is_told_so() -> None:
    world = proven()
    world.stack_sets.departed.add(CONSUMER)
    token, fine = world.ensure(CONSUMER), world.ensure(OTHER)
    world.finish()
    answer = world.answer(token)
    assert (answer["done"], answer["tried"]) == (False, "create")
    with pytest.raises(ConsumerRoleFailed, match="it is no target of the stack set"):
        world.ensure(CONSUMER, tried="create", operation_id=answer["operation_id"])
    assert world.answer(fine)["done"]


def test_a_result_that_aws_shows_late_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proven()
    token = world.ensure(CONSUMER)
    monkeypatch.setattr(world.stack_sets, "results", lambda *_: {CONSUMER: OperationResult()})
    world.finish()
    answer = world.answer(token)
    assert (answer["done"], answer["tried"]) == (False, "create")
    assert world.answer(world.ensure(CONSUMER, tried="create", operation_id=answer["operation_id"]))["done"]


def test_an_account_that_is_ready_goes_on_while_others_still_deploy(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proven(ticks=5)
    first, second = world.ensure(CONSUMER), world.ensure(OTHER)
    world.advance()
    results = world.stack_sets.results
    done = next(iter(results(*next(iter(world.stack_sets.operations))).values()))._replace(has_succeeded=True)
    monkeypatch.setattr(world.stack_sets, "results", lambda *place: {**results(*place), CONSUMER: done})
    world.advance()
    assert world.answer(first)["done"]
    assert world.answer(second) is None


def test_of_a_lone_account_only_the_operation_is_asked_for_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proven(ticks=5)
    world.ensure(CONSUMER)
    world.advance()
    monkeypatch.setattr(world.stack_sets, "results", None)
    assert not world.advance().done


def test_who_is_to_be_assessed_anew_goes_on_and_is_not_deployed() -> None:
    world = proven()
    untagged, taken_over, fine = world.ensure(CONSUMER), world.ensure(OTHER), world.ensure("000000000001")
    world.registry.set(CONSUMER, None, requeue_requested="UntagResource")
    world.registry.set(OTHER, None, holder="another")
    world.advance()
    assert not any(world.answer(each)["done"] or world.answer(each)["tried"] for each in (untagged, taken_over))
    assert world.answer(fine) is None
    assert world.operations() == [("000000000001",)]


def test_who_is_untagged_while_it_is_deployed_does_not_wait_for_the_end() -> None:
    world = proven(ticks=100)
    token = world.ensure(CONSUMER)
    world.advance()
    world.registry.set(CONSUMER, None, requeue_requested="UntagResource")
    assert not world.advance().done
    assert (world.answer(token)["done"], world.answer(token)["tried"]) == (False, "")


def test_who_asks_again_while_it_is_deployed_needs_no_second_operation() -> None:
    world = proven(ticks=3)
    world.ensure(CONSUMER)
    world.advance()
    world.seconds += 1
    token = world.ensure(CONSUMER)
    world.finish()
    assert world.answer(token)["done"]
    assert len(world.operations()) == 1


def test_what_is_asked_while_an_operation_runs_gets_one_of_its_own_if_that_fails() -> None:
    world = proven()
    world.stack_sets.failing[CONSUMER] = "denied"
    old = world.ensure(CONSUMER)
    world.advance()
    world.seconds += 1
    new = world.ensure(CONSUMER)
    world.stack_sets.tick()
    world.stack_sets.failing.clear()
    world.finish()
    assert world.answer(old) is None, "its token was replaced"
    assert world.answer(new)["done"]
    assert len(world.operations()) == 2


def test_removals_and_deployments_take_turns() -> None:
    world = proven(largest=2)
    world.connected(*accounts(2))
    world.stack_sets.operations.clear()
    for each in accounts(8)[2:]:
        world.ensure(each)
    world.seconds += 1
    token = world.remove("000000000001")
    world.finish()
    assert ("000000000001",) in world.operations()[:2]
    assert world.answer(token)["done"]


def test_a_role_that_may_still_be_assumed_is_not_removed() -> None:
    world = proven()
    world.connected(CONSUMER, OTHER)
    world.policies.write(Shard(1, (entry(),)))
    allowed, revoked = world.remove(CONSUMER), world.remove(OTHER)
    world.finish()
    assert world.answer(allowed) == ("AccessNotRevoked", f"{entry()} is in the access policy")
    assert world.answer(revoked)["done"]
    assert (NAME, CONSUMER) in world.stack_sets.instances


def test_a_stack_that_resists_is_a_failure_in_awss_words() -> None:
    world = proven()
    world.connected(CONSUMER)
    world.stack_sets.failing[CONSUMER] = "must detach all policies first"
    token = world.remove(CONSUMER)
    world.finish()
    answer = world.answer(token)
    assert (answer["done"], answer["tried"]) == (False, "delete")
    why = f"operation {answer['operation_id']}, arn:{NAME}/{CONSUMER}: must detach all policies first"
    with pytest.raises(ConsumerRoleNotRemoved, match=why):
        world.remove(CONSUMER, tried="delete", operation_id=answer["operation_id"])


def test_an_unmanaged_stack_set_is_left_alone() -> None:
    world = StackSetWorld()
    world.stack_sets.tags[NAME] = {"managed-by": "somebody"}
    token = world.ensure(CONSUMER)
    world.finish()
    assert world.answer(token) == (NotOurs.__name__, f"the stack set {NAME} is not ours")
    assert not world.stack_sets.operations


def test_nothing_is_removed_from_an_unmanaged_stack_set() -> None:
    world = proven()
    world.connected(CONSUMER)
    world.stack_sets.tags[NAME] = {"managed-by": "somebody"}
    world.stack_sets.operations.clear()
    token = world.remove(CONSUMER)
    world.finish()
    assert world.answer(token)[0] == NotOurs.__name__
    assert not world.stack_sets.operations


def test_a_profile_that_is_no_more_fails_its_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    world = StackSetWorld()
    token = world.ensure(CONSUMER)

    def unknown(*_: object) -> None:
        raise UnknownProfile("no such profile")

    monkeypatch.setattr("control_plane.steps.stack_set_operations.parameters", unknown)
    world.finish()
    assert world.answer(token) == ("UnknownProfile", "no such profile")


def test_one_that_aws_refuses_to_deploy_to_stops_no_other() -> None:
    world = proven()
    world.stack_sets.refusing["000000000013"] = OperationRefused("ValidationError: not a member")
    tokens = {each: world.ensure(each) for each in accounts(20)}
    world.finish()
    answers = {each: world.answer(token) for each, token in tokens.items()}
    assert answers.pop("000000000013") == ("OperationRefused", "ValidationError: not a member")
    assert all(each["done"] for each in answers.values())


def test_an_instance_that_is_gone_meanwhile_is_read_again() -> None:
    world = proven()
    world.connected(CONSUMER)
    world.stack_sets.instances[NAME, CONSUMER] = world.stack_sets.instances[NAME, CONSUMER]._replace(
        is_current=False, in_progress=True
    )
    token = world.ensure(CONSUMER)
    del world.stack_sets.instances[NAME, CONSUMER]
    world.finish()
    answer = world.answer(token)
    assert (answer["done"], answer["tried"]) == (False, "update-template")
    token = world.ensure(CONSUMER, tried=answer["tried"], operation_id=answer["operation_id"])
    world.finish()
    assert world.answer(token)["done"]


def test_three_failed_canaries_stop_a_version_for_an_hour() -> None:
    world = StackSetWorld()
    tokens = {each: world.ensure(each) for each in accounts(10)}
    for each in accounts(10):
        world.stack_sets.failing[each] = "bad policy"
    world.finish()
    errors = [world.answer(token)[0] for token in tokens.values()]
    assert errors.count("ConsumerRoleFailed") == CANARIES
    assert errors.count("RolloutStopped") == 10 - CANARIES
    assert "account 000000000001: FAILED: bad policy" in world.answer(tokens["000000000009"])[1]
    assert [len(each) for each in world.operations()] == [1] * CANARIES
    world.stack_sets.failing.clear()
    stopped = world.ensure(CONSUMER)
    world.finish()
    assert world.answer(stopped)[0] == "RolloutStopped"
    world.seconds += 3600
    mended = world.ensure(CONSUMER)
    world.finish()
    assert world.answer(mended)["done"]


def test_an_operation_that_somebody_stops_says_nothing_about_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proven()
    token = world.ensure(CONSUMER)
    world.advance()
    cancelled = OperationResult(has_failed=True, was_cancelled=True, reason="CANCELLED: stopped")
    monkeypatch.setattr(world.stack_sets, "results", lambda *_: {CONSUMER: cancelled})
    world.finish()
    assert world.answer(token)["done"] is False, "it asks again, and is told why it can't have the role"
    assert world.queue.rollouts[NAME].succeeded == 100


def test_what_a_person_stopped_goes_to_nobody_until_it_is_resumed() -> None:
    world = proven()
    world.queue.stop(NAME, "queries fail", world.now)
    stopped = [world.ensure(each) for each in accounts(5)]
    world.finish()
    assert {world.answer(each) for each in stopped} == {
        ("RolloutStopped", f"stack set {NAME} was stopped by a person: queries fail")
    }
    assert world.operations() == []
    world.queue.resume(NAME, world.now)
    token = world.ensure(CONSUMER)
    world.finish()
    assert world.answer(token)["done"]


def test_a_stop_ends_the_deployment_that_runs_and_no_removal() -> None:
    world = proven(ticks=10)
    world.connected(OTHER)
    tokens = [world.ensure(each) for each in accounts(5)]
    world.advance()
    world.queue.stop(NAME, "queries fail", world.now)
    removal = world.remove(OTHER)
    world.advance()
    left = world.queue.read(NAME).batch
    assert left is None or not left.kind.deploys
    assert not any(world.answer(each)["done"] for each in tokens), "they ask again, and are told then"
    world.finish()
    assert world.answer(removal)["done"]


def test_resuming_forgets_the_canaries_that_failed() -> None:
    world = StackSetWorld()
    for each in accounts(CANARIES):
        world.stack_sets.failing[each] = "bad policy"
        world.ensure(each)
    world.finish()
    world.stack_sets.failing.clear()
    world.queue.resume(NAME, world.now)
    token = world.ensure(CONSUMER)
    world.finish()
    assert world.answer(token)["done"], "a cause outside of the version was mended, and nobody waits for an hour"


def test_a_new_version_is_not_stopped_by_the_one_before() -> None:
    world = StackSetWorld()
    for each in accounts(5):
        world.stack_sets.failing[each] = "bad policy"
        world.ensure(each)
    world.finish()
    world.stack_sets.body, world.stack_sets.failing = "mended", {}
    token = world.ensure(CONSUMER)
    world.finish()
    assert world.answer(token)["done"]


def test_a_version_that_begins_to_fail_everywhere_goes_back_to_one_account() -> None:
    world = proven(largest=10)
    for each in accounts(12):
        world.stack_sets.failing[each] = "bad policy"
        world.ensure(each)
    world.finish()
    assert [len(each) for each in world.operations()] == [10], "and then it is stopped: ten have failed"


def test_a_new_definition_reaches_one_account_with_a_stack_first() -> None:
    world = proven()
    world.connected(*accounts(5))
    world.stack_sets.operations.clear()
    world.stack_sets.body = "one more statement"
    for each in accounts(5):
        world.ensure(each)
    new = world.ensure(CONSUMER)
    world.advance()
    world.stack_sets.tick()
    assert world.operations() == [("000000000001",)]
    assert world.stack_sets.definitions[NAME] == ("one more statement", world.parameters)
    world.finish()
    assert world.answer(new)["done"]


def test_a_definition_is_updated_for_accounts_without_a_stack_too() -> None:
    world = StackSetWorld()
    world.stack_sets.definitions[NAME] = "an older body", world.parameters
    token = world.ensure(CONSUMER)
    world.finish()
    assert world.operations() == [(CONSUMER,), (CONSUMER,)]
    assert world.answer(token)["done"]


def test_a_definition_that_aws_shows_otherwise_is_updated_once() -> None:
    world = StackSetWorld()
    world.stack_sets.definitions[NAME] = "an older body", world.parameters
    token = world.ensure(CONSUMER)
    world.advance()
    world.stack_sets.tick()
    world.stack_sets.definitions[NAME] = "built, formatted", world.parameters
    world.finish()
    assert world.operations() == [(CONSUMER,), (CONSUMER,)]
    assert world.answer(token)["done"]
    world.stack_sets.definitions[NAME] = "changed by somebody", world.parameters
    world.ensure(OTHER)
    world.finish()
    assert world.stack_sets.definitions[NAME] == ("built", world.parameters)


def test_a_batch_whose_operation_never_started_is_given_up() -> None:
    world = proven()
    token = world.ensure(CONSUMER)
    world.queue.batches[NAME] = Batch(
        operation_id="qa-lost", kind=ChangeKind.CREATE, accounts=(CONSUMER,), version="x", started_at=world.now
    )
    world.finish()
    assert world.answer(token)["done"]
    assert len(world.operations()) == 1


def test_who_waits_is_told_when_nobody_can_say_how_the_operation_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    world = proven()
    token = world.ensure(CONSUMER)
    world.advance()

    def denied(*_: object) -> None:
        raise MissingPermission("not authorized")

    monkeypatch.setattr(world.stack_sets, "operation", denied)
    with pytest.raises(MissingPermission):
        world.advance()
    assert world.answer(token) == ("MissingPermission", "not authorized")
    assert world.queue.batches, "the next operator follows it, once somebody has mended the permission"


def test_nothing_is_begun_while_another_operator_is_at_work() -> None:
    world = proven()
    world.ensure(CONSUMER)
    world.queue.begin_batch = lambda *_: False  # type: ignore[method-assign]  # it stored its batch a moment ago
    assert world.advance() == Progress(done=False, pause=3)
    assert not world.stack_sets.operations


def test_an_operator_ends_when_nothing_waits_and_its_number_is_used_up() -> None:
    world = StackSetWorld()
    before = world.queue.epoch(NAME)
    assert world.advance() == Progress(done=True)
    assert world.queue.epoch(NAME) > before
    assert not world.operators.started


def test_what_is_stored_while_an_operator_ends_gets_the_next_one() -> None:
    world = StackSetWorld()
    read = world.queue.read
    calls = []

    def reads(name: str) -> Any:
        calls.append(name)
        if len(calls) == 2:  # after its number was replaced
            world.ensure(CONSUMER)
            world.operators.started.clear()
        return read(name)

    world.queue.read = reads  # type: ignore[method-assign,assignment]
    assert world.advance().done
    assert world.operators.started == [(NAME, world.queue.epoch(NAME))]


def test_an_operator_with_a_long_history_hands_over() -> None:
    world = proven(ticks=5)
    world.ensure(CONSUMER)
    assert not world.advance(rounds=MAX_ROUNDS - 1).done
    world.operators.started.clear()
    assert world.advance(rounds=MAX_ROUNDS).done
    assert world.operators.started == [(NAME, world.queue.epoch(NAME))]


def test_the_longer_an_operation_runs_the_less_often_it_is_looked_at() -> None:
    world = proven(ticks=1000)
    world.ensure(CONSUMER)
    assert [world.advance(seconds).pause for seconds in (0, 60, 300, 3600)] == [15, 15, 30, 60]


def test_a_detection_of_drift_gives_way() -> None:
    world = proven()
    world.stack_sets.stopped_detections = 0
    world.ensure(CONSUMER)
    world.finish()
    assert world.stack_sets.stopped_detections == 1


def test_who_waits_is_told_what_was_tried_only_if_it_was_what_it_asked_for() -> None:
    world = proven()
    token = world.ensure(CONSUMER)
    change = world.queue.changes[NAME, CONSUMER]
    world.queue.enqueue(NAME, change.model_copy(update={"version": "an older one"}))
    world.finish()
    assert (world.answer(token)["done"], world.answer(token)["tried"]) == (False, "")


def test_the_holder_is_the_one_who_asked() -> None:
    world = StackSetWorld()
    world.ensure(CONSUMER)
    assert world.queue.changes[NAME, CONSUMER].holder == HOLDER
    assert world.registry.superseded({CONSUMER: HOLDER}) == frozenset()
    world.registry.put(Record(CONSUMER, None, holder="another"))
    assert world.registry.superseded({CONSUMER: HOLDER}) == {CONSUMER}


def test_of_a_large_batch_only_so_many_are_answered_in_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_set_operations, "MAX_ANSWERS", 20)
    world = proven()
    tokens = [world.ensure(each) for each in accounts(50)]
    world.advance()
    world.stack_sets.tick()
    answered = []
    for _ in range(3):
        progress = world.advance()
        answered.append(sum(world.answer(each) is not None for each in tokens))
    assert (answered, progress.done) == ([20, 40, 50], True)
    assert world.operations() == [tuple(accounts(50))]


def test_whoever_has_answered_only_a_part_looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_set_operations, "MAX_ANSWERS", 1)
    world = proven()
    world.ensure(CONSUMER)
    world.ensure(OTHER)
    assert world.advance().pause == 15
    world.stack_sets.tick()
    assert world.advance().pause == 3


# --- accounts whose tags fit the profile to them ----------------------------------------------------------------

EU, US = AccountValues(databases=("quick_eu",)), AccountValues(databases=("quick_us",))


def test_accounts_whose_tags_say_the_same_share_an_operation_and_others_get_one_of_their_own() -> None:
    world = proven()
    for each in accounts(6):
        world.ensure(each, values=EU if int(each) % 2 else US)
    world.finish()
    assert world.operations() == [tuple(accounts(6)[::2]), tuple(accounts(6)[1::2])]
    databases = [world.stack_sets.instances[NAME, each].parameters["DatabaseArns"] for each in accounts(2)]
    assert ["quick_eu" in each for each in databases] == [True, False]


def test_a_changed_tag_sets_the_parameters_of_that_account_only() -> None:
    world = proven()
    world.connected(*accounts(3))
    world.stack_sets.operations.clear()
    token = world.ensure(CONSUMER_ONE, values=EU)
    world.finish()
    assert world.operations() == [(CONSUMER_ONE,)]
    assert world.answer(token) == {**world.answer(token), "done": False, "tried": "set-parameters"}
    last = {"tried": "set-parameters", "operation_id": world.answer(token)["operation_id"]}
    assert world.answer(world.ensure(CONSUMER_ONE, values=EU, **last))["done"]


def test_what_somebody_writes_into_the_queue_gives_no_more_than_the_profile_has() -> None:
    world = proven()
    good, forged = accounts(2)
    world.ensure(forged)
    (change,) = world.queue.read(NAME).changes
    world.queue.enqueue(NAME, change.model_copy(update={"values": AccountValues(databases=("finance",))}))
    token = world.ensure(good)
    world.finish()
    assert world.answer(token)["done"]
    assert world.operations() == [(good,)]
    assert world.answer(change.token)[0] == "AccountTagRefused"


CONSUMER_ONE = accounts(1)[0]
