"""An operator of a stack set dies, loses an answer or stands still at any of its calls: all the same ends well.

A batch of accounts is deployed, one of which fails, while others are removed. Whatever happens on the way, each account
is deployed to once, nobody is forgotten, and everybody is told what would have been said without the trouble.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.control_plane.stack_set_world import NAME, StackSetWorld, accounts

if TYPE_CHECKING:
    from control_plane.steps.stack_set_operations import OperatorDependencies

NEW, LEAVING = accounts(12)[:9], accounts(12)[9:]
BAD = NEW[4]
PORTS = ("queue", "stack_sets", "policies", "claims", "waiting", "operators")


class Trouble(StrEnum):
    """What happens at one call."""

    NONE = "none"
    DIES = "dies before it"
    ANSWER_LOST = "its answer is lost"
    STANDS_STILL = "stands still before it, as long as a function may, while another operator works"


class Died(BaseException):
    """What a killed function does: nothing more, not even its clean-up."""


@dataclass
class Watched:
    """A port whose calls are counted, and one of which meets trouble."""

    port: Any
    world: TroubledWorld

    def __getattr__(self, name: str) -> Any:
        """The port's own attribute; each call of a method is counted."""
        found = getattr(self.port, name)

        def call(*values: Any, **named: Any) -> Any:
            self.world.calls += 1
            is_here = self.world.calls == self.world.point
            if is_here and self.world.trouble is Trouble.STANDS_STILL:
                self.world.let_another_work()
            if is_here and self.world.trouble is Trouble.DIES:
                raise Died
            answer = found(*values, **named)
            if is_here and self.world.trouble is Trouble.ANSWER_LOST:
                raise Died
            return answer

        return call if callable(found) else found


@dataclass
class TroubledWorld(StackSetWorld):
    """A stack set whose operator meets trouble at the call with this number."""

    trouble: Trouble = Trouble.NONE
    point: int = 0
    calls: int = 0

    @property
    def operator_dependencies(self) -> OperatorDependencies:
        """What an operator works with; every call of it is watched."""
        found = super().operator_dependencies
        watched: dict[str, Any] = {name: Watched(getattr(found, name), self) for name in PORTS}
        return found._replace(**watched)

    def let_another_work(self) -> None:
        """Another operator of the same queue looks five times within a minute."""
        self.point = -1
        for _ in range(5):
            self.advance_unless_dead()
            self.stack_sets.tick()

    def advance_unless_dead(self) -> bool:
        """One look of the operator, which the state machine repeats if it dies. Whether nothing is left to do."""
        try:
            return self.advance().done
        except Died:
            return False


def settle(world: TroubledWorld) -> None:
    """Let the operator look again and again, until nothing waits."""
    for _ in range(100):
        done = world.advance_unless_dead()
        world.stack_sets.tick()
        if done and not world.queue.read(NAME).changes:
            return
    raise AssertionError("something waits for ever")


def after(trouble: Trouble, point: int) -> tuple[TroubledWorld, dict[str, Any]]:
    """The world after the trouble, and what each account was told last. Who was told to ask again has done so."""
    world = TroubledWorld(largest=4)
    world.connected(*LEAVING)
    world.queue.rollouts[NAME] = world.queue.rollouts[NAME].model_copy(update={"succeeded": 100})
    world.stack_sets.operations.clear()
    world.stack_sets.failing[BAD] = "bad policy"
    world.trouble, world.point, world.calls = trouble, point, 0
    waiting = {each: world.ensure(each) for each in NEW} | {each: world.remove(each) for each in LEAVING}
    answers: dict[str, Any] = {}
    for _ in range(5):
        settle(world)
        answers |= {account: world.answer(token) for account, token in waiting.items()}
        assert None not in answers.values(), "somebody was forgotten"
        again = [each for each, found in answers.items() if isinstance(found, dict) and not found["done"]]
        if not again:
            return world, answers
        last = {each: {name: answers[each][name] for name in ("tried", "operation_id")} for each in again}
        waiting = {
            each: (world.ensure if each in NEW else world.remove)(each, **last[each])  # as the state machine does
            for each in again
        }
    raise AssertionError(f"{again} ask for ever")


def said(answers: dict[str, Any]) -> dict[str, Any]:
    """What accounts were told, without the ids of operations."""
    return {
        account: found["done"] if isinstance(found, dict) else (found[0], found[1].rpartition(": ")[2])
        for account, found in answers.items()
    }


@cache
def undisturbed() -> tuple[int, dict[str, Any]]:
    """How many calls there are without trouble, and what everybody is told."""
    world, answers = after(Trouble.NONE, 0)
    return world.calls, said(answers)


def test_without_trouble_all_but_one_get_what_they_need() -> None:
    calls, answers = undisturbed()
    assert answers == {**dict.fromkeys([*NEW, *LEAVING], True), BAD: ("ConsumerRoleFailed", "bad policy")}
    assert calls > 50, "each of them is tried below"


@pytest.mark.parametrize("trouble", [each for each in Trouble if each is not Trouble.NONE])
@pytest.mark.parametrize("point", range(1, undisturbed()[0] + 1))
def test_whatever_happens_at_a_call_each_account_is_deployed_to_once_and_told(trouble: Trouble, point: int) -> None:
    _, expected = undisturbed()
    world, answers = after(trouble, point)
    assert said(answers) == expected
    deployed = Counter(
        account for each in world.stack_sets.operations.values() if not each.removes for account in each.accounts
    )
    assert deployed == Counter(NEW)
    assert not world.queue.changes
    assert not world.queue.batches
    assert {account for _, account in world.stack_sets.instances} == set(NEW)
