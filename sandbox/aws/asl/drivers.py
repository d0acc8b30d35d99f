"""Executions: runs of state machines stepped on a clock, on threads or one, as the clock has it.

No thread ever sleeps for a machine: a Wait is a timer on the clock, a task an action in its pool.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from sandbox.aws.asl.branches import Branch
from sandbox.aws.asl.context import Context
from sandbox.aws.asl.execution import Delayed, Ended, Event, Execution, Hook, Killed, Listener, Pending, Tasks
from sandbox.aws.asl.execution_run import ExecutionRun
from sandbox.aws.asl.interpreter import run as walk
from sandbox.aws.asl.tokens import Tokens
from sandbox.aws.asl.values import StateMachine
from sandbox.aws.clock import Clock

LONGEST_SECONDS = 31_536_000  # a year, whatever the machine says (Step Functions service quotas)

__all__ = [
    "Delayed",
    "Ended",
    "Event",
    "Execution",
    "ExecutionRun",
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
    run = execution.run = ExecutionRun(execution, tasks, clock, before_effect, tokens or Tokens())
    execution.started = clock.now()
    main_line = Branch(run, walk(machine, execution.input, _context(execution, clock)), run.succeed, run.fail)
    seconds, asked = min(machine.timeout_seconds or LONGEST_SECONDS, LONGEST_SECONDS), machine.timeout_seconds
    time_out, name = partial(run.end, "TIMED_OUT"), f"{execution.name} times out"
    limit = clock.call_later(seconds, time_out, name, background=asked is None)
    run.cancellations = [main_line.cancel, limit.cancel]
    main_line.launch()
    return execution


def stop(execution: Execution, error: str | None = None, cause: str | None = None) -> None:
    """Abort the execution; a task that runs already goes on, but its answer is ignored."""
    if execution.run:
        execution.run.end("ABORTED", error, cause)


def when_ended(execution: Execution, action: Callable[[], object]) -> None:
    """Do that when the execution is over, as an action of its own on the clock; soon, if it is over already."""
    if execution.run:
        execution.run.when_ended(action)


def _context(execution: Execution, clock: Clock) -> Context:
    assert execution.started
    return Context(
        execution_id=execution.arn,
        execution_name=execution.name,
        start_time=execution.started,
        now=clock.now,
        role_arn=execution.role_arn,
        machine_id=execution.machine_arn,
        machine_name=execution.machine_name,
        random=Random(execution.seed),  # noqa: S311 - jitter, and the same in every run
    )
