"""EnsureConsumerRole and RemoveConsumerRole: read first, queue what is missing, judge by the stack instance."""

from typing import Any

import pytest

from control_plane.errors import (
    ClaimLost,
    ConsumerRoleFailed,
    ConsumerRoleNotRemoved,
    LakeGrantRefused,
    StackSetBusy,
)
from control_plane.lake_grants import without
from control_plane.ports.registry import Record
from control_plane.ports.stack_set_queue import ChangeKind
from control_plane.profiles import Profile
from tests.unit.control_plane.stack_set_world import NAME, StackSetWorld
from tests.unit.control_plane.vocabulary import CONSUMER, OTHER, profile

PLACE = NAME, CONSUMER


def kind_queued(world: StackSetWorld) -> ChangeKind | None:
    change = world.queue.changes.get((NAME, CONSUMER))
    return change.kind if change else None


def change_instance(world: StackSetWorld, **values: Any) -> None:
    world.stack_sets.instances[PLACE] = world.stack_sets.instances[PLACE]._replace(**values)


def test_an_account_without_a_role_gets_one() -> None:
    world = StackSetWorld(ticks=3)
    token = world.ensure(CONSUMER)
    assert kind_queued(world) is ChangeKind.CREATE
    assert world.answer(token) is None
    world.finish()
    assert world.answer(token)["done"]
    assert world.stack_sets.instances[PLACE].parameters == world.parameters
    assert world.operations() == [(CONSUMER,)]


def test_a_ready_role_is_answered_at_once_and_nothing_is_queued() -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    version = world.version(world.parameters)
    answer = world.answer(world.ensure(CONSUMER))
    assert answer == {"done": True, "version": version, "tried": "", "operation_id": ""}
    assert kind_queued(world) is None
    assert len(world.operations()) == 1


def test_a_changed_profile_updates_the_template_first_and_then_the_parameters() -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    world.wanted = profile(databases=["sales"])
    token = world.ensure(CONSUMER)
    assert kind_queued(world) is ChangeKind.UPDATE_TEMPLATE
    world.finish()
    first = world.answer(token)
    assert (first["done"], first["tried"]) == (False, "update-template")
    token = world.ensure(CONSUMER, tried=first["tried"], operation_id=first["operation_id"])
    assert kind_queued(world) is ChangeKind.SET_PARAMETERS
    world.finish()
    second = world.answer(token)
    assert (second["done"], second["tried"]) == (False, "set-parameters")
    assert world.answer(world.ensure(CONSUMER, tried=second["tried"], operation_id="x"))["done"]
    assert world.stack_sets.instances[PLACE].parameters == world.parameters


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"is_current": False, "stack_id": ""}, ChangeKind.SET_PARAMETERS),
        ({"is_current": False}, ChangeKind.UPDATE_TEMPLATE),
        ({"parameters": {"WorkGroup": "other"}}, ChangeKind.SET_PARAMETERS),
        ({"is_current": False, "in_progress": True}, ChangeKind.UPDATE_TEMPLATE),
    ],
)
def test_what_is_wrong_with_an_instance_says_which_change_it_needs(changes: dict[str, Any], kind: ChangeKind) -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    change_instance(world, **changes)
    world.ensure(CONSUMER)
    assert kind_queued(world) is kind


def test_an_instance_that_the_update_could_not_bring_to_its_stack_set_still_gets_its_parameters() -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    change_instance(world, is_current=False, parameters={"WorkGroup": ""})
    world.stack_sets.failing[CONSUMER] = "the old parameters are wrong"
    token = world.ensure(CONSUMER)
    world.finish()
    answer = world.answer(token)
    assert (answer["done"], answer["tried"]) == (False, "update-template")
    world.stack_sets.failing.clear()
    world.ensure(CONSUMER, tried="update-template", operation_id=answer["operation_id"])
    assert kind_queued(world) is ChangeKind.SET_PARAMETERS
    world.finish()
    assert world.answer(world.ensure(CONSUMER, tried="set-parameters", operation_id="x"))["done"]


def test_a_template_that_aws_shows_otherwise_than_it_was_given_stops_nobody() -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    world.stack_sets.body = "new"
    token = world.ensure(CONSUMER)
    world.advance()
    world.stack_sets.definitions[NAME] = "new, formatted", world.parameters
    world.finish()
    assert world.answer(world.ensure(CONSUMER, tried=world.answer(token)["tried"], operation_id="x"))["done"]


def test_parameters_that_were_set_and_are_not_there_are_a_failure() -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    change_instance(world, is_current=False, reason="explicit deny")
    with pytest.raises(ConsumerRoleFailed, match=f"stack set {NAME}, operation op-1: explicit deny"):
        world.ensure(CONSUMER, tried="set-parameters", operation_id="op-1")


GRANTING = {"lake_formation": True, "lake_formation_grants": True, "tables": ["sales/orders"]}


def granting(*columns: str) -> Profile:
    return profile(databases=["sales"], **GRANTING, lake_formation_columns={"sales/orders": list(columns)})


def test_a_grant_that_changes_is_taken_away_by_an_operation_of_its_own_and_then_made_anew() -> None:
    world = StackSetWorld()
    world.wanted = granting("id", "amount")
    world.connected(CONSUMER)
    world.wanted = granting("id")
    token, seen = world.ensure(CONSUMER), []
    world.finish()
    while not (answer := world.answer(token))["done"]:
        seen.append((answer["tried"], world.stack_sets.instances[PLACE].parameters["GrantColumns2"]))
        token = world.ensure(CONSUMER, tried=answer["tried"], operation_id=answer["operation_id"])
        world.finish()
    assert seen == [("update-template", "id,amount"), ("set-parameters", "none"), ("set-parameters", "id")]
    assert world.stack_sets.instances[PLACE].parameters == world.parameters


def test_emptied_places_are_no_success_of_an_operation_that_did_not_reach_the_account() -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    world.wanted = granting("id")
    change_instance(world, parameters=without(world.parameters, [1, 2]))
    with pytest.raises(ConsumerRoleFailed, match="is not current, or has other parameters"):
        world.ensure(CONSUMER, tried="set-parameters", operation_id="another")


def test_a_refused_grant_is_an_error_of_its_own() -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    refused = "ResourceLogicalId:Grant1, ResourceType:AWS::LakeFormation::PrincipalPermissions, no administrator"
    change_instance(world, is_current=False, reason=refused)
    with pytest.raises(LakeGrantRefused, match="no administrator"):
        world.ensure(CONSUMER, tried="set-parameters", operation_id="op-1")


def test_who_lost_the_account_queues_nothing() -> None:
    world = StackSetWorld()
    world.registry.put(Record(CONSUMER, None, holder="another"))
    world.registry.put = lambda *_: None  # type: ignore[method-assign]  # the request must not claim it
    with pytest.raises(ClaimLost, match=f"account {CONSUMER}: the execution does not hold its claim"):
        world.ensure(CONSUMER)
    assert not world.queue.changes
    assert not world.operators.started


def test_a_request_starts_the_operator_and_the_next_one_if_that_has_ended() -> None:
    world = StackSetWorld()
    world.ensure(CONSUMER)
    world.ensure(OTHER)
    assert world.operators.started == [(NAME, 0), (NAME, 0)]
    world.operators.ended.add((NAME, 0))
    world.ensure(CONSUMER)
    name, number = world.operators.started[-1]
    assert number > 0
    assert world.queue.epoch(name) == number


def test_who_finds_no_operator_that_runs_asks_again_later() -> None:
    world = StackSetWorld()
    world.operators.start = lambda *_: False  # type: ignore[method-assign]
    with pytest.raises(StackSetBusy, match="operators end faster"):
        world.ensure(CONSUMER)
    assert kind_queued(world) is ChangeKind.CREATE, "it waits all the same"


def test_a_role_is_removed() -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    token = world.remove(CONSUMER)
    assert kind_queued(world) is ChangeKind.DELETE
    world.finish()
    assert world.answer(token)["done"]
    assert world.stack_sets.instances == {}


def test_a_role_that_never_was_is_removed_without_an_operation() -> None:
    world = StackSetWorld()
    answer = world.answer(world.remove(CONSUMER, retained="a bucket"))
    nothing = {"version": "", "tried": "", "operation_id": ""}
    assert answer == {"done": True, "instance_retained": False, "retained": "a bucket", **nothing}
    assert not world.queue.changes


@pytest.mark.parametrize("retain", [False, True])
def test_only_an_inactive_account_keeps_its_stack(*, retain: bool) -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    world.remove(CONSUMER, retain=retain)
    assert kind_queued(world) is (ChangeKind.RETAIN if retain else ChangeKind.DELETE)
    world.finish()
    assert [each.retain for each in world.stack_sets.operations.values()][-1] is retain


@pytest.mark.parametrize("known", ["", "a bucket"])
def test_an_instance_that_aws_keeps_is_recorded_and_no_failure(known: str) -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    world.stack_sets.keeping.add(CONSUMER)
    token = world.remove(CONSUMER, retain=True, retained=known)
    world.finish()
    told = world.answer(token)
    assert (told["done"], told["tried"]) == (False, "retain")
    answer = world.answer(
        world.remove(CONSUMER, retain=True, retained=known, tried="retain", operation_id=told["operation_id"])
    )
    text = f"the stack set {NAME} still lists the account: AWS keeps it although it was asked to forget it"
    assert answer["instance_retained"]
    assert answer["retained"] == "; ".join(filter(None, [known, text]))
    again = world.remove(
        CONSUMER, retain=True, retained=answer["retained"], tried="retain", operation_id=told["operation_id"]
    )
    assert world.answer(again)["retained"] == answer["retained"]


def test_a_removal_that_reached_nobody_is_a_failure() -> None:
    world = StackSetWorld()
    world.connected(CONSUMER)
    operation = next(iter(world.stack_sets.operations))[1]
    with pytest.raises(ConsumerRoleNotRemoved, match="the operation has no result for the account"):
        world.remove(CONSUMER, tried="delete", operation_id=operation)
