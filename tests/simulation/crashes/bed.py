"""The world under trial, watched effect by effect and call by call."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.aws.services.functions import PROCESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.asl.effects import Effect
    from sandbox.aws.asl.execution import Execution
    from sandbox.aws.gateway import Call
    from tests.simulation.conftest import Story

MACHINES = ("RouteEvent", "ReconcileAccount", "ReconcileConnection", "OperateStackSet")
ROLE = re.compile(r"quick-onboarding-(\w+?)(Function)?Role-")
BACKGROUND = {"WatchRegistry", "Schedule"}  # not on an account's way


@dataclass(frozen=True)
class Spot:
    """Where something may go wrong: an effect of a machine, or a call and whether a function makes it."""

    name: str
    by_function: bool = False


@dataclass
class Bed:
    """A story, its accounts, and everything that was asked of AWS for them since `watch`.

    Whoever wants to make trouble adds itself to one of the three lists; numbers count from zero.
    """

    story: Story
    account: str
    other: str  # a second account, for trials that need company
    company: bool = False
    effects: list[Spot] = field(default_factory=list)
    calls: list[Spot] = field(default_factory=list)
    at_effect: list[Callable[[int, Execution, Effect], None]] = field(default_factory=list)
    before_call: list[Callable[[int, Call], None]] = field(default_factory=list)
    after_call: list[Callable[[int, Call], None]] = field(default_factory=list)
    struck: bool = False  # the trouble has begun
    struck_at: int = 0  # how many effects there had been
    _open: dict[int, int] = field(default_factory=dict)

    def watch(self) -> None:
        """Begin to count, and to let others make trouble."""
        world = self.story.world
        world.step_functions.hook = self._effect
        world.cloud.gateway.before.insert(0, self._before)
        world.cloud.gateway.after.append(self._after)

    def strike(self) -> None:
        """The trouble begins now, and only once."""
        self.struck, self.struck_at = True, len(self.effects)
        for troublemakers in (self.at_effect, self.before_call, self.after_call):
            troublemakers.clear()

    def reconcile(self) -> None:
        """The account is reconciled, as by an event or the sweep."""
        self.story.start({"account_id": self.account})

    def _effect(self, execution: Execution, effect: Effect) -> None:
        if execution.machine_name in MACHINES:
            what = f"{type(effect).__name__} {getattr(effect, 'state', '')}"
            self.effects.append(Spot(f"{execution.machine_name}: {what}"))
            for each in list(self.at_effect):
                each(len(self.effects) - 1, execution, effect)

    def _before(self, call: Call) -> None:
        role = ROLE.search(call.session.principal.arn)
        if role is None or role[1] in BACKGROUND:
            return
        inside = PROCESS.get() is not None and role[2] is not None
        self.calls.append(Spot(f"{role[1]}: {call.service} {call.operation}", inside))
        number = self._open[id(call)] = len(self.calls) - 1
        for each in list(self.before_call):
            each(number, call)

    def _after(self, call: Call, _outcome: str) -> None:
        number = self._open.pop(id(call), None)
        if number is not None:
            for each in list(self.after_call):
                each(number, call)
