"""The branches of an execution: its main line, and one for each iteration of a Map."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.aws.asl.effects import (
    Call,
    Effect,
    ExecutionFailed,
    Fork,
    HeartbeatMissed,
    Invoke,
    Notice,
    Run,
    TaskFailed,
    Wait,
)
from sandbox.aws.asl.execution import Delayed, Pending
from sandbox.aws.asl.execution_run import ExecutionRun
from sandbox.aws.asl.tokens import HeartbeatTimer

if TYPE_CHECKING:
    from sandbox.aws.timer_queue import Timer

MOST_AT_ONCE = 40  # iterations of an inline Map that run concurrently (Step Functions quotas)


class Branch:
    """One generator: the main line of an execution, or one iteration of a Map.

    Each effect it waits for has a ticket; an answer with an old ticket came too late and is ignored.
    """

    def __init__(
        self,
        run: ExecutionRun,
        steps: Run,
        done: Callable[[Any], None],
        failed: Callable[[ExecutionFailed], None],
        iteration: tuple[int, ...] = (),
    ) -> None:
        self.run, self.iteration = run, iteration
        self._steps, self._done, self._failed = steps, done, failed
        self._ticket = 0
        self._timers: list[Timer] = []
        self._join: _Join | None = None
        self._heartbeat: HeartbeatTimer | None = None
        self._pending: Pending | None = None

    def launch(self) -> None:
        """Begin in the clock's pool."""
        self.run.clock.submit(partial(self.answer, self._ticket, None), self._name("begins"))

    def cancel(self) -> None:
        """Ignore all answers from now on, and cancel what waits for this branch."""
        self._ticket += 1
        for timer in self._timers:
            timer.cancel()
        self._timers = []
        if self._heartbeat:
            self._heartbeat.stop()
            self._heartbeat = None
        if self._join:
            self._join.cancel()
            self._join = None
        if self._pending:
            self._pending.abandon()
            self._pending = None

    def answer(self, ticket: int, answer: Any) -> None:
        """Answer the effect that has this ticket; an answer that is a `TaskFailed` is thrown."""
        with self.run.lock:
            if ticket == self._ticket:
                self._pending = None  # it has answered
                self.cancel()
                self.run.guard(partial(self._step, answer))

    def complete(self, ticket: int, answer: Any) -> bool:
        """Take this answer for the effect that has the ticket, and go on soon; False when it is too late."""
        with self.run.lock:
            if ticket != self._ticket:
                return False
            self.cancel()
            self.run.clock.submit(partial(self.answer, self._ticket, answer), self._name("goes on"))
            return True

    def heartbeat(self, ticket: int) -> bool:
        """Begin the heartbeat of the effect that has the ticket anew; False when it is too late."""
        with self.run.lock:
            if ticket == self._ticket and self._heartbeat:
                self._heartbeat.begin()
            return ticket == self._ticket

    def _step(self, answer: Any) -> None:
        while True:
            try:
                effect = self._steps.throw(answer) if isinstance(answer, TaskFailed) else self._steps.send(answer)
            except StopIteration as end:
                return self._done(end.value)
            except ExecutionFailed as failure:
                return self._failed(failure)
            self.run.note(effect, self.iteration)
            if self.run.execution.status != "RUNNING":
                return None  # a listener stopped it
            if not isinstance(effect, Notice):
                return self._wait_for_effect(effect)
            answer = None

    def _wait_for_effect(self, effect: Wait | Fork | Invoke | Call) -> None:
        ticket, clock = self._ticket, self.run.clock
        if isinstance(effect, Wait):
            self._timers.append(clock.call_at(effect.until, partial(self.answer, ticket, None), self._name(effect)))
        elif isinstance(effect, Fork):
            self._join = _Join(self, ticket, effect)
            self._join.begin()
        else:
            self._wait_for_task(ticket, effect)

    def _wait_for_task(self, ticket: int, task: Invoke | Call) -> None:
        if task.token is not None:
            self.run.tokens.register(task.token, self.run.execution, self, ticket)
        self.run.clock.submit(partial(self.run.guard, partial(self._perform, ticket, task)), self._name(task))
        if task.timeout_seconds is not None:
            time_out = partial(self._time_out, ticket)
            self._timers.append(self.run.clock.call_later(task.timeout_seconds, time_out, self._name(task)))
        if task.heartbeat_seconds is not None:
            missed = partial(self.answer, ticket, HeartbeatMissed())
            self._heartbeat = HeartbeatTimer(self.run.clock, task.heartbeat_seconds, missed, self._name(task))
            self._heartbeat.begin()

    def _perform(self, ticket: int, task: Invoke | Call) -> None:
        if ticket != self._ticket:
            return
        try:
            answer = self.run.tasks(self.run.execution, task)
        except TaskFailed as failure:
            answer = failure
        seconds, answer = (answer.seconds, answer.answer) if isinstance(answer, Delayed) else (None, answer)
        if task.token is not None and not isinstance(answer, TaskFailed):
            return  # the result comes with the token
        if isinstance(answer, Pending):
            self._wait_for_pending(ticket, answer)
        elif seconds is None:
            self.answer(ticket, answer)
        else:
            with self.run.lock:
                self._answer_later(ticket, seconds, answer, task)

    def _wait_for_pending(self, ticket: int, pending: Pending) -> None:
        with self.run.lock:
            if ticket != self._ticket:
                return pending.abandon()
            self._pending = pending
        return pending.begin(partial(self.answer, ticket))

    def _time_out(self, ticket: int) -> None:
        with self.run.lock:
            if ticket == self._ticket and self._pending:
                self._pending.time_out()
            self.answer(ticket, TaskFailed("States.Timeout"))

    def _answer_later(self, ticket: int, seconds: float, answer: Any, effect: Effect) -> None:
        if ticket == self._ticket:
            action = partial(self.answer, ticket, answer)
            self._timers.append(self.run.clock.call_later(seconds, action, self._name(effect)))

    def _name(self, what: Any) -> str:
        does = what if isinstance(what, str) else f"{type(what).__name__} in {what.state}"
        return f"{self.run.execution.name}{list(self.iteration) or ''}: {does}"


class _Join:
    """The iterations of one Map: starts so many at once, gathers the outputs, fails with the first."""

    def __init__(self, parent: Branch, ticket: int, fork: Fork) -> None:
        self._parent, self._ticket, self._fork = parent, ticket, fork
        self._waiting = deque(range(len(fork.branches)))
        self._outputs: dict[int, Any] = {}
        self._branches: list[Branch] = []

    def begin(self) -> None:
        """Start the first iterations; without any, the Map is over."""
        for _ in range(min(self._fork.max_concurrency or MOST_AT_ONCE, MOST_AT_ONCE)):
            self._launch_next()
        self._finish()

    def cancel(self) -> None:
        """Stop all iterations."""
        self._waiting.clear()
        for branch in self._branches:
            branch.cancel()

    def _launch_next(self) -> None:
        if self._waiting:
            index = self._waiting.popleft()
            parent, steps = self._parent, self._fork.branches[index]()
            done = partial(self._one_done, index)
            branch = Branch(parent.run, steps, done, self._one_failed, (*parent.iteration, index))
            self._branches.append(branch)
            branch.launch()

    def _one_done(self, index: int, output: Any) -> None:
        self._outputs[index] = output
        self._launch_next()
        self._finish()

    def _finish(self) -> None:
        if len(self._outputs) == len(self._fork.branches):
            self._parent.answer(self._ticket, [self._outputs[index] for index in sorted(self._outputs)])

    def _one_failed(self, failure: ExecutionFailed) -> None:
        self._parent.answer(self._ticket, TaskFailed(failure.error, failure.cause))
