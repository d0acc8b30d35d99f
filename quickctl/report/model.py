"""What the report shows: the organization's connections, how long they took, what needs people. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Field

from quickctl.commands.capacity import Capacity
from quickctl.commands.history import Passage
from quickctl.commands.status import ORDER, Row
from quickctl.output import Result, elapsed, parsed
from quickctl.questions import AWAITING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from control_plane.sweep.reporting import Report as SweepReport
    from quickctl.steps import Step

NONE = "none"  # the state of an account without a connection
STATES = (*ORDER, NONE)  # the most urgent first
TROUBLED = ("failed", "degraded", "held", AWAITING)
PENDING = ("connecting", "disconnecting", "held", AWAITING)
UNKNOWN = "unit not known"
FINDINGS = {
    "unexpected": ("Unexpected entries in the access policy", "find out who wrote them: docs/howto/answer-an-alarm.md"),
    "reported_only": ("Differ, and are only reported", "check them; quickctl reconcile ACCOUNT repairs one"),
    "withheld": ("Not removed, because the list of accounts was incomplete", "quickctl sweep compares them again"),
    "stack_sets": ("Stack sets that are not what was built", "see what differs: quickctl profiles diff"),
    "orphans": ("Had resources but no record", "nothing: they are reconciled. Find out who made them"),
    "unmanaged": ("Have our names and are not ours", "rename or remove them; we never do"),
    "findings": (
        "Connected, but Quick lacks a part of the profile, or a publisher has no place",
        "create what is missing, or correct the profile; let fewer accounts publish to this one",
    ),
    "malformed": ("Malformed items of the registry, ignored", "find in CloudTrail who wrote them"),
}


class Symbol(Result):
    """One connection in the picture, or an account without one."""

    account_id: str = Field(description="the account")
    name: str = Field(description="its name, or its id")
    profile: str = Field(description="the profile; empty: the account as a whole")
    state: str = Field(description="its state")
    row: int | None = Field(description="its place among the rows; null: it has none")


class Unit(Result):
    """The accounts that are directly in one OU, or in the root."""

    name: str = Field(description="its name")
    symbols: tuple[Symbol, ...] = Field(description="their connections, the most urgent first")

    @property
    def counts(self) -> dict[str, int]:
        """How many symbols there are of each state, the most urgent first."""
        return counts(each.state for each in self.symbols)


class StepTime(Result):
    """How long one step took."""

    step: str = Field(description="the step")
    count: int = Field(description="in how many connections")
    p50: float = Field(description="half of them took no longer, in seconds")
    p95: float = Field(description="95 of 100 took no longer, in seconds")


class Times(Result):
    """How long new connections took, from the call that tagged the account until the record said `connected`."""

    connections: int = Field(description="how many were measured: those among the newest executions")
    p50: float | None = Field(description="half of them took no longer, in seconds; null: none was measured")
    p95: float | None = Field(description="95 of 100 took no longer, in seconds")
    steps: tuple[StepTime, ...] = Field(description="the steps, in their order")


class Finding(Result):
    """Something that the last sweep found, and what to do."""

    what: str = Field(description="what it is")
    items: tuple[str, ...] = Field(description="what was found")
    remedy: str = Field(description="what to do")


class Report(Result):
    """Everything the page shows."""

    at: datetime = Field(description="when it was read")
    stack: str = Field(description="the hub's stack")
    hub: str = Field(description="the hub account")
    region: str = Field(description="Quick's Region")
    units: tuple[Unit, ...] = Field(description="the organization")
    rows: tuple[Row, ...] = Field(description="every connection, as quickctl status has it")
    times: Times = Field(description="how long connections took")
    swept_at: datetime | None = Field(description="when the last sweep ended; null: none has")
    findings: tuple[Finding, ...] = Field(description="what it found")
    capacity: Capacity = Field(description="room and budgets")
    changes: tuple[tuple[str, Passage], ...] = Field(description="what was done last, each with its account")

    @property
    def counts(self) -> dict[str, int]:
        """How many rows there are of each state, the most urgent first."""
        return counts(each.state for each in self.rows)

    @property
    def troubled(self) -> tuple[Row, ...]:
        """What needs people."""
        return tuple(each for each in self.rows if each.state in TROUBLED)

    @property
    def pending(self) -> tuple[Row, ...]:
        """What is under way or waits, the oldest first."""
        found = (each for each in self.rows if each.state in PENDING)
        return tuple(sorted(found, key=lambda each: -(each.age_seconds or 0)))


def counts(states: Iterable[str]) -> dict[str, int]:
    """How often each state occurs, the most urgent first; without those that do not."""
    found = Counter(states)
    return {state: found[state] for state in STATES if found[state]}


def units(places: Mapping[str, tuple[str, str]], rows: Iterable[Row]) -> tuple[Unit, ...]:
    """The organization by units. `places`: the name of each account, and the name of its unit."""
    symbols = defaultdict(list)
    missing = set(places)
    for number, row in enumerate(rows):
        name, unit = places.get(row.account_id, (row.account_name, UNKNOWN))
        missing.discard(row.account_id)
        name = name or row.account_id
        symbols[unit].append(
            Symbol(account_id=row.account_id, name=name, profile=row.profile, state=row.state, row=number)
        )
    for account_id in missing:
        name, unit = places[account_id]
        symbols[unit].append(Symbol(account_id=account_id, name=name, profile="", state=NONE, row=None))
    return tuple(
        Unit(name=unit, symbols=tuple(sorted(symbols[unit], key=lambda each: (STATES.index(each.state), each.name))))
        for unit in sorted(symbols)
    )


def times(measured: Iterable[tuple[Passage, datetime | None, Sequence[Step]]]) -> Times:
    """How long connections took. Each: what was done, when the call was made that asked for it, and the steps."""
    totals, steps = [], defaultdict(list)
    for passage, called_at, parts in measured:
        totals.append(elapsed(called_at or passage.started, passage.ended) or 0)
        for each in parts:
            steps[each.state].append(elapsed(each.started, each.ended) or 0)
    return Times(
        connections=len(totals),
        p50=percentile(totals, 50) if totals else None,
        p95=percentile(totals, 95) if totals else None,
        steps=tuple(
            StepTime(step=name, count=len(took), p50=percentile(took, 50), p95=percentile(took, 95))
            for name, took in steps.items()
        ),
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that so many percent of them do not exceed (nearest rank)."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]


def findings(found: SweepReport | None) -> tuple[Finding, ...]:
    """What a sweep found that people may have to do something about."""
    lists = ((*each, getattr(found, name)) for name, each in FINDINGS.items()) if found else ()
    partial = (found.partial,) if found and found.partial else ()
    every = (
        ("The list of accounts was incomplete", "quickctl sweep; if it stays so, quickctl doctor", partial),
        *lists,
    )
    return tuple(Finding(what=what, items=items, remedy=remedy) for what, remedy, items in every if items)


def swept_at(found: SweepReport | None) -> datetime | None:
    """When that sweep ended."""
    return parsed(found.at) if found else None
