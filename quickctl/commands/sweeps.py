"""`quickctl sweep`: compare the whole organization now, and read the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from control_plane.sweep.reporting import Report, message
from control_plane.sweep.store import ACROSS_SWEEPS
from quickctl.cli import Cli, cli_of
from quickctl.exits import ExitCode, Problem
from quickctl.following import RUNNING, One, Started, follow, render_started
from quickctl.output import Rendering, Result, parsed

if TYPE_CHECKING:
    from datetime import datetime

    from quickctl.aws import Aws

SWEEPS, LAST = "SweepOrganizationArn", "last"


class Swept(Result):
    """A sweep, and its report."""

    executions: tuple[One, ...] = Field(description="the executions that were followed; with --last none")
    report: Report | None = Field(
        description="the report ([its fields](registry.md#the-report-of-a-sweep)); null: not there yet"
    )


def sweep(
    context: typer.Context,
    ou: Annotated[str, typer.Option("--ou", metavar="ID", help="Only the accounts below this OU or root.")] = "",
    last: Annotated[bool, typer.Option("--last", help="Start none; show the report of the last one.")] = False,  # noqa: FBT002 - an option
    wait: Annotated[bool, typer.Option(help="Follow it to its end, and show its report.")] = True,  # noqa: FBT002 - an option
) -> None:
    """Compare the organization with all resources, repair what differs, and show the report."""
    cli = cli_of(context)
    if last and ou:
        raise Problem(ExitCode.USAGE, "--last is about the last sweep, whatever it covered; leave out --ou")
    if last:
        report = last_report(cli.aws)
        if report is None:
            raise Problem(ExitCode.NOT_FOUND, "no sweep has ended yet", "start one: quickctl sweep")
        cli.printer.show(Swept(executions=(), report=report), render)
        return
    began = cli.now()
    ended = _follow(cli, {"scope": ou} if ou else {}, wait=wait)
    report = last_report(cli.aws)
    is_ours = report is not None and _is_after(report, began)
    cli.printer.show(Swept(executions=ended.executions, report=report if is_ours else None), render)
    if ended.failed:
        raise typer.Exit(ExitCode.FAILED)


def _follow(cli: Cli, payload: dict[str, str], *, wait: bool) -> Started:
    """The sweep, followed to its end. If another one is at work, that one does what was asked for."""
    started = [cli.aws.start(SWEEPS, payload)]
    if not wait:
        return Started.of(started)
    ended = follow(cli, started)
    others = [each for each in cli.aws.executions(SWEEPS) if each.status == RUNNING]
    if ended.failed or not others:
        return ended
    return Started(executions=(*ended.executions, *follow(cli, others).executions))


def last_report(aws: Aws) -> Report | None:
    """The report of the last sweep that ended; None before the first one."""
    return aws.sweeps.get(ACROSS_SWEEPS, LAST, Report)


def _is_after(report: Report, began: datetime) -> bool:
    written = parsed(report.at)
    return written is not None and written >= began


def render(found: Swept) -> Rendering:
    """The executions, and the message that people get about a sweep."""
    if found.executions:
        yield from render_started(Started(executions=found.executions))
        yield ""
    if found.report is None:
        yield "There is no report of it yet: quickctl sweep --last shows it later."
        return
    yield f"Report of {found.report.at}, of {', '.join(found.report.scope)}"
    yield ""
    yield message(found.report)[1]
