"""`quickctl report`: the whole organization as one HTML file."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from quickctl.cli import Cli, cli_of
from quickctl.commands.capacity import capacity_of
from quickctl.commands.history import children, passage
from quickctl.commands.status import rows_of
from quickctl.commands.sweeps import last_report
from quickctl.exits import ExitCode, Problem
from quickctl.output import Rendering, Result, parsed
from quickctl.questions import awaiting
from quickctl.report import model
from quickctl.serving import serve
from quickctl.steps import Step, steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quickctl.aws import Execution

FILE = Path("quick-onboarding.html")
CHANGES = 50  # of the newest executions are read: each takes a call, and a new connection another one
ENDED_WELL = "connected"


class Written(Result):
    """The file that was written, and what it is about."""

    file: str = Field(description="the file")
    size: int = Field(description="its bytes")
    at: datetime = Field(description="when AWS was asked")
    accounts: int = Field(description="accounts of the organization")
    counts: dict[str, int] = Field(description="how many connections there are of each state")


def report(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=f"Where to write it. Default: `{FILE}`.")] = FILE,
    serve_it: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--serve", help="Write no file: serve it to this computer, until you press Ctrl+C.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, metavar="PORT", help="With --serve; 0: a free one.")] = 0,
    every: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="With --serve: how often AWS is asked at most.")
    ] = 5,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Write one HTML file about the whole organization: states, times, what needs people, drift, capacity, changes."""
    from quickctl.report.page import page  # noqa: PLC0415 - other commands need not wait for its templates

    cli = cli_of(context)
    read = Reader(cli)
    if serve_it:
        serve(lambda: page(read(), every), port, every, lambda url: _announce(cli, url, show=open_it))
        return
    found = read()
    text = page(found)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Problem(ExitCode.USAGE, f"{file} can't be written: {error.strerror}", "name another FILE") from error
    accounts = len({symbol.account_id for unit in found.units for symbol in unit.symbols})
    written = Written(file=str(file), size=len(text.encode()), at=found.at, accounts=accounts, counts=found.counts)
    cli.printer.show(written, render)
    if open_it:
        typer.launch(file.absolute().as_uri())


def _announce(cli: Cli, url: str, *, show: bool) -> None:
    cli.printer.note(f"serving {url} to this computer; Ctrl+C ends it")
    if show:
        typer.launch(url)


def render(found: Written) -> Rendering:
    """A sentence."""
    yield f"Wrote {found.file} ({found.size // 1024} KiB) about {found.accounts} accounts."


class Reader:
    """Reads what the report shows. What never changes again (an execution's end, a unit's name) is read once."""

    def __init__(self, cli: Cli) -> None:
        self._aws, self._now = cli.aws, cli.now
        self._ended: dict[str, tuple[Execution, Sequence[Step]]] = {}
        self._units: dict[str, str] = {}

    def __call__(self) -> model.Report:
        """Everything as it is now."""
        aws, now = self._aws, self._now()
        records = list(aws.registry.every())
        rows = rows_of(records, awaiting(aws), now)
        newest = [(account, profile, *self._executed(each)) for account, profile, each in self._newest()]
        swept = last_report(aws)
        return model.Report(
            at=now,
            stack=aws.deployment.stack_name,
            hub=aws.deployment.account_id,
            region=aws.deployment.region,
            units=model.units(self._places(), rows),
            rows=tuple(rows),
            times=model.times(
                (passage(profile, each), _called_at(each), parts)
                for _, profile, each, parts in newest
                if _is_new_connection(each)
            ),
            swept_at=model.swept_at(swept),
            findings=model.findings(swept),
            capacity=capacity_of(aws, records, now),
            changes=tuple((account, passage(profile, each)) for account, profile, each, _ in newest),
        )

    def _newest(self) -> Iterator[tuple[str, str, Execution]]:
        return islice(children(self._aws), CHANGES)

    def _executed(self, named: Execution) -> tuple[Execution, Sequence[Step]]:
        """The execution with its input and output and, of a new connection, its steps."""
        if named.arn in self._ended:
            return self._ended[named.arn]
        found = self._aws.execution(named.arn) or named
        is_new = _is_new_connection(found)
        read = found, steps("", self._aws.history(found.arn)) if is_new else ()
        if found.stopped:
            self._ended[named.arn] = read
        return read

    def _places(self) -> Mapping[str, tuple[str, str]]:
        """The name of each account but the hub, and that of its unit. Two units of one name have their ids, too."""
        listed = [each for each in self._aws.listed_accounts() if each.account_id != self._aws.deployment.account_id]
        units = {each.units[0] for each in listed if each.units}
        for unit in units - set(self._units):
            self._units[unit] = self._aws.unit_name(unit)
        often = Counter(self._units[each] for each in units)
        names = {
            each: self._units[each] if often[self._units[each]] == 1 else f"{self._units[each]} ({each})"
            for each in units
        }
        return {each.account_id: (each.name, names[each.units[0]] if each.units else model.UNKNOWN) for each in listed}


def _is_new_connection(execution: Execution) -> bool:
    """Whether it connected what was not connected before."""
    given, answer = execution.input, execution.output
    planned = given.get("planned") if isinstance(given, dict) else None
    is_first = isinstance(planned, dict) and planned.get("first_connection") is True
    return is_first and isinstance(answer, dict) and answer.get("outcome") == ENDED_WELL


def _called_at(execution: Execution) -> datetime | None:
    """When the call was made that asked for it; None when no call did."""
    given = execution.input
    return parsed(str(given.get("event_at", ""))) if isinstance(given, dict) else None
