"""Follow executions until they have ended."""

from __future__ import annotations

from datetime import datetime
from itertools import chain, repeat
from typing import TYPE_CHECKING, Self

from pydantic import Field

from control_plane.failure import explain
from quickctl.output import Rendering, Result, age, clock_time, elapsed, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quickctl.aws import Execution
    from quickctl.cli import Cli

PAUSES = (2, 3, 5, 10)  # seconds before it is described again; the last one is repeated
RUNNING = "RUNNING"


class One(Result):
    """An execution that was started."""

    execution: str = Field(description="its ARN")
    status: str = Field(description="RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED")
    started: datetime = Field(description="when it was started")
    ended: datetime | None = Field(description="when it ended; null while it runs")
    error: str = Field(description="of a failure: the error's name")
    reason: str = Field(description="of a failure: AWS's message")
    remedy: str = Field(description="of a failure: what to do")


class Started(Result):
    """Executions that were started."""

    executions: tuple[One, ...] = Field(description="each of them")

    @classmethod
    def of(cls, executions: Iterable[Execution]) -> Self:
        """The executions as they are now."""
        return cls(executions=tuple(map(_one, executions)))

    @property
    def failed(self) -> bool:
        """Whether one of them has ended, and not well."""
        return any(each.status not in (RUNNING, "SUCCEEDED") for each in self.executions)


def follow(cli: Cli, started: Sequence[Execution]) -> Started:
    """Wait until all of them have ended, and say on stderr what they are waited for."""
    found = {each.arn: each for each in started}
    for each in started:
        cli.printer.note(f"started {each.arn}; press Ctrl+C to stop following, it goes on by itself")
    pauses = chain(PAUSES, repeat(PAUSES[-1]))
    try:
        while running := [each for each in found.values() if each.status == RUNNING]:
            cli.sleep(next(pauses))
            for each in running:
                found[each.arn] = cli.aws.execution(each.arn) or each
    except KeyboardInterrupt:
        cli.printer.note("not followed any further")
    return Started.of(found.values())


def _one(execution: Execution) -> One:
    failure = explain("", "", {"Error": execution.error, "Cause": execution.cause}) if execution.error else None
    return One(
        execution=execution.arn,
        status=execution.status,
        started=execution.started,
        ended=execution.stopped,
        error=execution.error,
        reason=failure.reason.removeprefix("account : : ") if failure else "",
        remedy=failure.remedy if failure else "",
    )


def render_started(found: Started) -> Rendering:
    """A table, and the remedy of what failed."""
    rows = (
        (
            each.execution.split(":", 6)[-1],
            each.status,
            clock_time(each.started),
            age(elapsed(each.started, each.ended)),
        )
        for each in found.executions
    )
    yield table(("EXECUTION", "STATUS", "STARTED", "TOOK"), rows)
    for each in found.executions:
        if each.error:
            yield f"{each.error}: {each.reason}"
            yield f"  do: {each.remedy}"
