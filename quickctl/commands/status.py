"""`quickctl status`: every connection, its state and why."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field
from rich.console import Group
from rich.live import Live

from control_plane.account import Connection
from control_plane.ports.registry import STATUSES, Record
from quickctl.cli import Cli, account_id, cli_of
from quickctl.exits import ExitCode, Problem
from quickctl.output import Format, Rendering, Result, age, elapsed, parsed, state_text, table
from quickctl.questions import AWAITING, awaiting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


STATES = (*STATUSES, AWAITING)
ORDER = ("failed", "degraded", "held", AWAITING, "connecting", "disconnecting", "quarantined", "connected", "removed")


class Row(Result):
    """A connection, an account that failed as a whole, or a new connection that waits for approval."""

    account_id: str = Field(description="the account")
    account_name: str = Field(description="its name, as last recorded; empty: none is recorded")
    profile: str = Field(description="the profile; empty: the account failed as a whole")
    state: str = Field(description=f"{', '.join(STATUSES)}; or {AWAITING}: new, waits for approval")
    proof: str = Field(description="how far a connection is proven: `queried`, `created`, or empty")
    since: datetime | None = Field(description="when it got its state; of a failure: when it failed")
    age_seconds: float | None = Field(description="how long ago that is")
    error: str = Field(description="of a failure: the error's name")
    reason: str = Field(description="why: what the tag says; of a failure: step and AWS's message")
    step: str = Field(description="the step that is at work, or that failed")
    remedy: str = Field(description="of a failure: what to do")
    remove_after: datetime | None = Field(description="of a quarantine: when its grace period ends")


class Status(Result):
    """All rows that the filters let through, the most urgent first."""

    at: datetime = Field(description="when the registry was read")
    counts: dict[str, int] = Field(description="how many rows there are of each state")
    rows: tuple[Row, ...] = Field(description="the rows")


def status(
    context: typer.Context,
    state: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help=f"Only these states: {', '.join(STATES)}. Repeatable.")
    ] = None,
    profile: Annotated[
        list[str] | None, typer.Option("--only", metavar="PROFILE", help="Only connections of these profiles.")
    ] = None,
    account: Annotated[list[str] | None, typer.Option(metavar="ACCOUNT", help="Only these accounts.")] = None,
    watch: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="Show it anew every so many seconds, until you press Ctrl+C."),
    ] = 0,
) -> None:
    """Show every connection: its state, how far it is proven, for how long, and why."""
    cli = cli_of(context)
    wanted = Filters(_states(state or []), frozenset(profile or []), frozenset(map(account_id, account or [])))
    if watch and cli.printer.format is not Format.TABLE:
        raise Problem(ExitCode.USAGE, "--watch shows tables only", "leave out --output, or call it again and again")
    if watch:
        _watch(cli, wanted, watch)
    else:
        cli.printer.show(_read(cli, wanted), render)


class Filters:
    """Which rows to show; nothing named: all."""

    def __init__(self, states: Collection[str], profiles: Collection[str], accounts: Collection[str]) -> None:
        self._states, self._profiles, self._accounts = states, profiles, accounts

    def match(self, row: Row) -> bool:
        """Whether the row is to be shown."""
        pairs = ((self._states, row.state), (self._profiles, row.profile), (self._accounts, row.account_id))
        return all(not named or value in named for named, value in pairs)


def _states(named: Iterable[str]) -> frozenset[str]:
    for each in named:
        if each not in STATES:
            raise typer.BadParameter(f"{each!r} is no state: {', '.join(STATES)}", param_hint="--state")
    return frozenset(named)


def _read(cli: Cli, wanted: Filters) -> Status:
    now = cli.now()
    rows = [each for each in rows_of(cli.aws.registry.every(), awaiting(cli.aws), now) if wanted.match(each)]
    counts = Counter(each.state for each in rows)
    return Status(at=now, counts={name: counts[name] for name in ORDER if counts[name]}, rows=tuple(rows))


def rows_of(records: Iterable[Record], waiting: Mapping[str, str], now: datetime) -> list[Row]:
    """The rows, the most urgent first; of the same state the newest first."""
    found = [row for each in records if (row := _row(each, now))]
    found += [_row_of_awaiting(key, unit) for key, unit in waiting.items()]
    return sorted(
        found, key=lambda each: (ORDER.index(each.state), each.age_seconds or 0, each.account_id, each.profile)
    )


def _row(record: Record, now: datetime) -> Row | None:
    """None for a claim without a failure, and for what is malformed: a sweep reports it."""
    if not record.is_valid or (record.profile is None and record.status != "failed"):
        return None
    since = parsed(record.updated) if record.status == "failed" else record.since
    return Row(
        account_id=record.account_id,
        account_name=record.account_name,
        profile=record.profile or "",
        state=record.status,
        proof=record.proof if record.status == "connected" else "",
        since=since,
        age_seconds=elapsed(since, now),
        error=record.error,
        reason=record.reason.removeprefix(f"account {record.account_id}: "),
        step=record.step,
        remedy=record.remedy,
        remove_after=record.remove_after,
    )


def _row_of_awaiting(key: str, unit: str) -> Row:
    connection = Connection.of_key(key)
    return Row(
        account_id=connection.account_id if connection else key,
        account_name="",
        profile=connection.profile if connection else "",
        state=AWAITING,
        proof="",
        since=None,
        age_seconds=None,
        error="",
        reason=f"the tag of {unit} asks for it; see quickctl approvals",
        step="",
        remedy="",
        remove_after=None,
    )


def render(found: Status) -> Rendering:
    """A table, and how many there are of each state."""
    columns = ("ACCOUNT", "NAME", "PROFILE", "STATE", "FOR", "REASON")
    rows = (
        (
            each.account_id,
            each.account_name,
            each.profile or "(account)",
            state_text(each.state, each.proof),
            age(each.age_seconds),
            f"{each.error}: {each.reason}" if each.error else each.reason,
        )
        for each in found.rows
    )
    if found.rows:
        yield table(columns, rows)
    yield ", ".join(f"{count} {name}" for name, count in found.counts.items()) or "nothing is connected or in progress"


def _watch(cli: Cli, wanted: Filters, seconds: float) -> None:
    with Live(console=cli.printer.console, auto_refresh=False, screen=cli.printer.console.is_terminal) as live:
        try:
            while True:
                live.update(Group(*render(_read(cli, wanted))), refresh=True)
                cli.sleep(seconds)
        except KeyboardInterrupt:
            return
