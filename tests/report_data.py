"""An organization for the report's tests: accounts in every state, in as many units as are asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from quickctl.commands.capacity import Capacity
from quickctl.commands.history import Passage
from quickctl.commands.status import Row
from quickctl.report import model
from quickctl.steps import Step

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
STEPS = {"EnsureConsumerRole": 48, "EnsureAccess": 9, "EnsureDataSource": 21, "EnsureProof": 14}
OFTEN = ("connected",) * 30  # for each of the other states
STATES = (*OFTEN, *(each for each in model.STATES if each not in (model.NONE, "connected")))
ATTACK = "<script>alert(1)</script>\"'><img src=https://example.com/x>&"  # an account's name may be this


def row(number: int, state: str, name: str = "", reason: str = "the tag quick-athena says enabled") -> Row:
    """A connection in that state."""
    failed = state in ("failed", "degraded")
    return Row(
        account_id=f"{222200000000 + number}",
        account_name=name or f"team-{number:04}",
        profile="default",
        state=state,
        proof="queried" if state == "connected" else "",
        since=NOW - timedelta(minutes=number),
        age_seconds=60.0 * number,
        error="ConsumerRoleFailed" if failed else "",
        reason=reason,
        step="EnsureConsumerRole" if failed or state == "connecting" else "",
        remedy="read the stack's events in that account, fix what they name, then quickctl retry" if failed else "",
        remove_after=None,
    )


def passage(seconds: float) -> Passage:
    """A new connection that took so long."""
    return Passage(
        started=NOW,
        ended=NOW + timedelta(seconds=seconds),
        profile="default",
        action="connect",
        reason="the tag quick-athena says enabled",
        event="TagResource (1)",
        event_by="arn:aws:iam::111122223333:user/ops",
        outcome="connected",
        execution="arn:aws:states:eu-west-1:444455556666:execution:ReconcileConnection:1",
    )


def step(name: str, seconds: float) -> Step:
    """A step that took so long."""
    ended = NOW + timedelta(seconds=seconds)
    return Step(state=name, visits=1, attempts=1, started=NOW, ended=ended, errors=())


def report(rows: list[Row], units: int = 12, untagged: int = 0) -> model.Report:
    """The report about these connections, and about accounts without one."""
    places = {each.account_id: (each.account_name, f"unit-{int(each.account_id) % units:02}") for each in rows}
    places |= {f"{333300000000 + number}": (f"idle-{number}", "sandbox") for number in range(untagged)}
    took = [80.0 + 3 * number for number in range(20)]
    return model.Report(
        at=NOW,
        stack="quick-onboarding",
        hub="444455556666",
        region="eu-west-1",
        units=model.units(places, rows),
        rows=tuple(rows),
        times=model.times((passage(each), None, [step(*pair) for pair in STEPS.items()]) for each in took),
        swept_at=NOW - timedelta(hours=5),
        findings=(model.Finding(what="Had resources but no record", items=(ATTACK, "two"), remedy="nothing"),),
        capacity=Capacity(
            connections=len(rows),
            used_percent=41.5,
            run_as_roles=1,
            shards=9,
            policies_per_role=20,
            entries_per_shard={},
            revocations_limit=5,
            revocations_used=1,
            revocations_remaining=4,
            grants_limit=20,
            states={},
        ),
        changes=tuple((each.account_id, passage(90)) for each in rows[:50]),
    )


def mixed(number: int, units: int = 12, untagged: int = 0) -> model.Report:
    """The report about so many connections in all states."""
    rows = [row(each, STATES[each % len(STATES)]) for each in range(number)]
    return report(sorted(rows, key=lambda each: model.STATES.index(each.state)), units, untagged)
