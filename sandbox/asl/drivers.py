"""Executions: runs of state machines stepped on a clock, on threads or one, as the clock has it.

No thread ever sleeps for a machine: a Wait is a moment on the clock, a task an action in its pool.
"""

from collections.abc import Callable
from functools import partial
from random import Random
from threading import RLock
from typing import TYPE_CHECKING, Any

from sandbox.asl.context import Context
from sandbox.asl.effects import Effect, ExecutionFailed, Notice
from sandbox.asl.execution import Delayed, Ended, Event, Execution, Hook, Killed, Listener, Pending, Tasks
from sandbox.asl.interpreter import run
from sandbox.asl.strands import Strand
from sandbox.asl.tokens import Tokens
from sandbox.asl.values import StateMachine
from sandbox.clock import Clock

if TYPE_CHECKING:
    from sandbox.agenda import Moment

LONGEST_SECONDS = 31_536_000  # a year, whatever the machine says (Step Functions service quotas)

__all__ = [
    "Course",
    "Delayed",
    "Ended",
    "Event",
    "Execution",
    "Hook",
    "Killed",
    "Listener",
    "Pending",
    "Tasks",
    "start",
    "stop",
    "when_ended",
]


def start(
    machine: StateMachine,
    execution: Execution,
    tasks: Tasks,
    clock: Clock,
    before_effect: Hook | None = None,
    tokens: Tokens | None = None,
) -> Execution:
    """Start the execution; it goes on by itself as the clock runs.

    `tasks` performs a task and returns its result (the payload of an `Invoke`), or raises `TaskFailed`.
    `before_effect` sees each effect but notices, before anything of it happens, and may raise `Killed`.
    A task with a token goes on when it is answered through `tokens`.
    """
    execution.course = Course(execution, tasks, clock, before_effect, tokens or Tokens())
    execution.course.begin(machine)
    return execution


def stop(execution: Execution, error: str | None = None, cause: str | None = None) -> None:
    """Abort the execution; a task that runs already goes on, but nobody hears its answer."""
    if execution.course:
        execution.course.end("ABORTED", error, cause)


def when_ended(execution: Execution, action: Callable[[], object]) -> None:
    """Do that when the execution is over, as an action of its own on the clock; soon, if it is over already."""
    if execution.course:
        execution.course.when_ended(action)


class Course:
    """What the strands of one execution share: its record, its lock and the way to its end."""

    def __init__(self, execution: Execution, tasks: Tasks, clock: Clock, hook: Hook | None, tokens: Tokens) -> None:
        self.execution, self.tasks, self.clock, self.hook, self.tokens = execution, tasks, clock, hook, tokens
        self.lock = RLock()
        self.root: Strand | None = None
        self.limit: Moment | None = None
        self._at_end: list[Callable[[], object]] = []

    def begin(self, machine: StateMachine) -> None:
        """Start the main line, and the time limit."""
        execution = self.execution
        execution.started = self.clock.now()
        context = Context(
            execution_id=execution.arn,
            execution_name=execution.name,
            start_time=execution.started,
            now=self.clock.now,
            role_arn=execution.role_arn,
            machine_id=execution.machine_arn,
            machine_name=execution.machine_name,
            random=Random(execution.seed),  # noqa: S311 - jitter, and the same in every run
        )
        self.root = Strand(self, run(machine, execution.input, context), self._succeed, self._fail)
        seconds, asked = min(machine.timeout_seconds or LONGEST_SECONDS, LONGEST_SECONDS), machine.timeout_seconds
        time_out = partial(self.end, "TIMED_OUT")
        name = f"{execution.name} times out"
        self.limit = self.clock.call_later(seconds, time_out, name, background=asked is None)
        self.root.launch()

    def note(self, what: Effect | Ended, iteration: tuple[int, ...] = ()) -> None:
        """Write a line of the history, and ask the hook before an effect."""
        self.execution.history.append(Event(self.clock.now(), what, iteration))
        for listener in self.execution.listeners:
            listener(self.execution, what)
        if not isinstance(what, Notice | Ended):
            self.execution.effects += 1
            if self.hook:
                self.hook(self.execution, what)

    def end(self, status: str, error: str | None = None, cause: str | None = None, output: Any = None) -> None:
        """End the execution, whatever of it still runs or waits; only the first end counts."""
        with self.lock:
            execution = self.execution
            if execution.status != "RUNNING":
                return
            execution.status, execution.output = status, output
            execution.error, execution.cause, execution.stopped = error, cause, self.clock.now()
            if self.root:
                self.root.cancel()
            if self.limit:
                self.limit.cancel()
            self.note(Ended(status, error, cause))
            for action in self._at_end:
                self._submit_at_end(action)

    def when_ended(self, action: Callable[[], object]) -> None:
        """Remember what is to be done at the end; the clock does it, so that no two executions are locked at once."""
        with self.lock:
            if self.execution.status == "RUNNING":
                self._at_end.append(action)
            else:
                self._submit_at_end(action)

    def _submit_at_end(self, action: Callable[[], object]) -> None:
        self.clock.submit(action, f"{self.execution.name} is over")

    def guard(self, work: Callable[[], None]) -> None:
        """Do something of the execution; a kill ends it, a bug ends it too and goes on to the clock."""
        try:
            work()
        except Killed:
            self.end("ABORTED")
        except Exception as bug:
            self.end("FAILED", "States.Runtime", repr(bug))
            raise

    def _succeed(self, output: Any) -> None:
        self.end("SUCCEEDED", output=output)

    def _fail(self, failure: ExecutionFailed) -> None:
        self.end("FAILED", failure.error, failure.cause)
