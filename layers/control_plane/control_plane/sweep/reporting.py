"""The report of a sweep: numbers for metrics and text for people. Pure."""

from collections import Counter
from collections.abc import Sequence

from control_plane.opt_in import Value
from control_plane.sweep.outcomes import ORDER, Names, Now, Outcome, explained, outcomes
from control_plane.sweep.planning import REFUSED, REPORTED, Difference, SweepPlan
from control_plane.sweep.snapshot import EVERYTHING
from control_plane.text import SHORT, bounded

MAX_LISTED = 20  # items of each kind in the message
LONGEST = 200  # characters of a name
LINE = 249  # bytes of an item in the registry: the lists together stay below DynamoDB's 400 KB


class Report(Value):
    """The report of a sweep. Accounts are named by id and name.

    `outcomes`: what became of each connection that was to change; `connected` to `refused`: how many of each.
    `failed`: those that failed, with the cause. `degraded`: those with access through which a query failed.
    `in_progress`: accounts that were still being reconciled when the sweep ended.

    `held`: revocations that wait for approval; `awaiting`: new connections that do.

    `findings`: connections that work, and what they lack all the same.

    `unexpected`: entries of the access policy that no connection should have. `removed_entries`: those of them that are
    removed already. `unmanaged`: those that no earlier sweep reported; `unmanaged_before`: how many others there are.
    """

    sweep_id: str
    at: str
    scope: tuple[str, ...]
    partial: str = ""
    listed: int = 0
    in_sync: int = 0
    connected: int = 0
    restored: int = 0
    repaired: int = 0
    quarantined: int = 0
    removed: int = 0
    refused: int = 0
    outcomes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    in_progress: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    awaiting: tuple[str, ...] = ()
    awaiting_count: int = 0
    withheld: tuple[str, ...] = ()
    reported_only: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()
    unmanaged_before: int = 0
    malformed: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    stack_sets: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    removed_entries: tuple[str, ...] = ()

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to report to people."""
        changes = (
            self.outcomes,
            self.partial,
            self.failed,
            self.degraded,
            self.in_progress,
            self.held,
            self.awaiting,
            self.withheld,
            self.reported_only,
        )
        seen = (self.unmanaged, self.malformed, self.stack_sets, self.unexpected)
        return not any(changes) and not any(seen)

    @property
    def counts(self) -> dict[str, int]:
        """The numbers, by metric."""
        return {
            "InSync": self.in_sync,
            "Repaired": self.repaired,
            "FailedAccounts": len(self.failed) + self.refused,
            "DegradedConnections": len(self.degraded),
            "HeldRevocations": len(self.held),
            "HeldGrants": self.awaiting_count,
            "WithheldRemovals": len(self.withheld),
            "ReportedOnlyDifferences": len(self.reported_only),
            "Orphans": len(self.orphans),
            "UnmanagedResources": len(self.unmanaged) + self.unmanaged_before,
            "MalformedRecords": len(self.malformed),
            "StackSetsDiffer": len(self.stack_sets)
            + len([each for each in self.unmanaged if each.startswith("stack set ")]),
            "PartialListings": int(bool(self.partial)),
        }


class SweepEnd(Value):
    """Which sweep ended, and when. `not_removed`: unexpected entries that are still in the access policy."""

    sweep_id: str
    at: str
    not_removed: tuple[str, ...] = ()


def report(end: SweepEnd, scope: tuple[str, ...], plan: SweepPlan, now: Now) -> Report:
    """The report of a plan, by the records when the sweep ends."""
    entries, names = cut(plan.unexpected_entries), Names(plan, now)
    found = outcomes(plan.start, now)
    counts = Counter(each.what for each in found)
    return Report(
        sweep_id=end.sweep_id,
        at=end.at,
        scope=scope,
        partial=plan.partial,
        listed=plan.listed,
        in_sync=plan.in_sync,
        outcomes=tuple(f"{each.what}: {names.of(*each.key)}: {each.why}" for each in found),
        failed=_failed(plan, found, now, names),
        degraded=tuple(f"{names.of(each.account_id, each.profile or '')}: {explained(each)}" for each in now.degraded),
        in_progress=tuple(names.of(each) for each in sorted(_started(plan) & now.in_progress)),
        held=names.of_keys(sorted({*plan.hold, *plan.waiting})),
        awaiting=names.of_keys(sorted(key for keys in plan.awaiting.values() for key in keys)),
        awaiting_count=plan.awaiting_count,
        withheld=names.of_keys(plan.withheld),
        reported_only=tuple(_describe(each) for each in plan.reported_only),
        orphans=names.of_keys(plan.orphans),
        unmanaged=tuple(each for each in plan.unmanaged if each not in plan.reported_before),
        unmanaged_before=len({*plan.unmanaged} & {*plan.reported_before}),
        malformed=plan.malformed,
        findings=tuple(f"{names.of_key(key)}: {finding}" for key, finding in plan.findings.items()),
        stack_sets=plan.stack_sets,
        unexpected=(*entries, *names.of_keys(plan.unrequested)),
        removed_entries=tuple(each for each in entries if each not in end.not_removed),
        **{what: counts[what] for what in ORDER},
    )


def _started(plan: SweepPlan) -> set[str]:
    return {each.account_id for each in plan.start}


def _failed(plan: SweepPlan, found: Sequence[Outcome], now: Now, names: Names) -> tuple[str, ...]:
    """What failed before and was not started or failed again, and what was started and failed; not what was refused."""
    started, failures = _started(plan), now.failures
    failed_accounts = {account_id for account_id, _ in failures}
    before = {key for key in plan.failed if key.partition("#")[0] not in started - failed_accounts}
    refused = {each.key for each in found if each.what == REFUSED}
    again = {key for key in failures if key[0] in started and key not in refused and not {key, (key[0], "")} & refused}
    keys = _without_duplicates(sorted({*before, *("#".join(filter(None, each)) for each in again)}))
    return tuple(_with_cause(key, now, names) for key in keys)


def _with_cause(key: str, now: Now, names: Names) -> str:
    account_id, _, profile = key.partition("#")
    failure = now.failures.get((account_id, profile))
    return f"{names.of_key(key)}: {explained(failure)}" if failure else names.of_key(key)


def cut(entries: Sequence[str]) -> list[str]:
    """Entries of a policy, cut: they may contain anything, and reports and state machines carry them."""
    return [each[:LONGEST] for each in sorted(entries)[:REPORTED]]


def shortened(report: Report) -> Report:
    """The report cut for the registry: the first items of each kind, and how many more there are."""
    lists = {name: _cut(value) for name, value in report if isinstance(value, tuple)}
    return report.model_copy(update=lists)


def _cut(items: tuple[str, ...]) -> tuple[str, ...]:
    kept = items if len(items) <= REPORTED else items[: REPORTED - 1]
    more = [f"... and {len(items) - len(kept)} more"] if len(kept) < len(items) else []
    return (*map(_line, kept), *more)


def _line(text: str) -> str:
    """A text of a limited number of bytes."""
    whole = text.encode("utf-8", "replace")
    return text if len(whole) <= LINE else whole[: LINE - 3].decode(errors="ignore") + "..."


def message(report: Report) -> tuple[str, str]:
    """Subject and text of the message to people."""
    about = "" if EVERYTHING in report.scope else f" of {bounded(', '.join(report.scope), SHORT)}"
    counts = [
        *((getattr(report, what), what) for what in ORDER),
        (len(report.failed), "failed"),
        (len(report.degraded), "degraded"),
        (len(report.held) + report.awaiting_count, "waiting for approval"),
        (len(report.withheld), "not removed"),
        (len(report.reported_only), "only reported"),
        (len(report.stack_sets), "stack sets differ"),
        (len(report.unexpected), "unexpected"),
    ]
    summary = ", ".join(f"{count} {what}" for count, what in counts if count) or "something to check"
    parts = [f"The sweep{about} compared {report.listed} accounts; {report.in_sync} connections are in sync."]
    if report.partial:
        parts.append(f"The list of accounts is incomplete: {report.partial}. So nothing was removed this time.")
    parts += _listed("What happened", report.outcomes)
    parts += _listed("Failed (each has its own cause and remedy in the registry)", report.failed)
    parts += _listed("Degraded: connected, but a query fails", report.degraded)
    parts += _listed("Still in progress", report.in_progress)
    parts += _listed("Revocations that wait for approval (see the request sent for them)", report.held)
    parts += _listed(
        "New connections that wait for approval (see the request sent for them)", report.awaiting, report.awaiting_count
    )
    parts += _listed("Not removed, because the list is incomplete", report.withheld)
    parts += _listed("Differ, and are only reported (DriftRepair is notify)", report.reported_only)
    parts += _listed("Had resources but no record", report.orphans)
    parts += _listed("Unexpected entries in the access policy", report.unexpected)
    parts += _listed("Of these, removed at once", report.removed_entries)
    parts += _listed(
        "New unmanaged resources with our names (not changed, and not reported again until they change)",
        report.unmanaged,
    )
    parts += _listed("Connected, but Quick lacks a part of the profile, or a publisher has no place", report.findings)
    parts += _listed("Malformed items in the registry, ignored (docs/howto/sweep-now.md)", report.malformed)
    parts += _listed("Stack sets that differ from what was built", report.stack_sets)
    parts.append(f"Sweep {report.sweep_id}; docs/howto/sweep-now.md.")
    return f"Quick Onboarding: sweep{about}: {summary}"[:100], "\n\n".join(parts)


def _listed(what: str, names: Sequence[str], count: int | None = None) -> list[str]:
    count = len(names) if count is None else count
    more = [f"  ... and {len(names) - MAX_LISTED} more"] if len(names) > MAX_LISTED else []
    return (
        ["\n".join([f"{what}: {count}", *(f"  {_line(name)}" for name in names[:MAX_LISTED]), *more])] if count else []
    )


def _describe(difference: Difference) -> str:
    return f"{difference.account_id} ({difference.name}): {difference.what}"


def _without_duplicates(names: Sequence[str]) -> tuple[str, ...]:
    """Leave out an account that is also listed by its connections."""
    return tuple(name for name in names if "#" in name or not any(other.startswith(f"{name}#") for other in names))
