"""What the branches of one execution share: its record, its lock and the way to its end."""

from collections.abc import Callable
from threading import RLock
from typing import Any

from sandbox.aws.asl.effects import Effect, ExecutionFailed, Notice
from sandbox.aws.asl.execution import Ended, Event, Execution, Hook, Killed, Tasks
from sandbox.aws.asl.tokens import Tokens
from sandbox.aws.clock import Clock


class ExecutionRun:
    """What the branches of one execution share: its record, its lock and the way to its end."""

    def __init__(self, execution: Execution, tasks: Tasks, clock: Clock, hook: Hook | None, tokens: Tokens) -> None:
        self.execution, self.tasks, self.clock, self.hook, self.tokens = execution, tasks, clock, hook, tokens
        self.lock = RLock()
        self.cancellations: list[Callable[[], None]] = []  # what still runs or waits when the execution ends
        self._at_end: list[Callable[[], object]] = []

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
            for cancel in self.cancellations:
                cancel()
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

    def succeed(self, output: Any) -> None:
        """The main line is over."""
        self.end("SUCCEEDED", output=output)

    def fail(self, failure: ExecutionFailed) -> None:
        """The main line failed, and nothing caught it."""
        self.end("FAILED", failure.error, failure.cause)
