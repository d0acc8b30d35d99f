"""The report of a sweep: numbers for metrics and text for people. Pure."""

from collections.abc import Collection, Sequence

from control_plane.opt_in import Value
from control_plane.sweep.planning import Difference, SweepPlan
from control_plane.sweep.snapshot import EVERYTHING

NAMED = 20  # items of each kind in the message
KEPT = 100  # items of each kind in the registry
LONGEST = 200  # characters of a name


class Report(Value):
    """The report of a sweep. `in_progress`: accounts that were still being reconciled when the sweep ended.

    `unexpected`: entries of the access policy that no connection should have. `removed_entries`: those of them that are
    removed already. `unmanaged`: those that no earlier sweep reported; `unmanaged_before`: how many others there are.
    """

    sweep_id: str
    at: str
    scope: tuple[str, ...]
    partial: str = ""
    listed: int = 0
    in_sync: int = 0
    repaired: int = 0
    failed: tuple[str, ...] = ()
    in_progress: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    reported_only: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()
    unmanaged_before: int = 0
    malformed: tuple[str, ...] = ()
    stack_sets: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    removed_entries: tuple[str, ...] = ()

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to report to people."""
        changes = (
            self.repaired,
            self.partial,
            self.failed,
            self.in_progress,
            self.held,
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
            "FailedAccounts": len(self.failed),
            "HeldRevocations": len(self.held),
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
    """Which sweep ended, and when. `remaining`: foreign entries that are still in the access policy."""

    sweep_id: str
    at: str
    remaining: tuple[str, ...] = ()


def report(
    end: SweepEnd, scope: tuple[str, ...], plan: SweepPlan, failed: Collection[str], in_progress: Collection[str]
) -> Report:
    """The report of a plan. `failed` and `in_progress`: accounts by their records now."""
    foreign = cut(plan.foreign)
    started = {each.account_id for each in plan.start}
    failed_before = {key for key in plan.failed if key.partition("#")[0] not in started - set(failed)}
    failed_now = sorted({*failed_before, *(each for each in failed if each in started)})
    still_running = sorted(started & set(in_progress))
    return Report(
        sweep_id=end.sweep_id,
        at=end.at,
        scope=scope,
        partial=plan.partial,
        listed=plan.listed,
        in_sync=plan.in_sync,
        repaired=len(started - set(failed) - set(in_progress) - {key.partition("#")[0] for key in plan.hold}),
        failed=_without_duplicates(failed_now),
        in_progress=tuple(still_running),
        held=tuple(sorted({*plan.hold, *plan.waiting})),
        withheld=plan.withheld,
        reported_only=tuple(_describe(each) for each in plan.reported_only),
        orphans=plan.orphans,
        unmanaged=tuple(each for each in plan.unmanaged if each not in plan.reported_before),
        unmanaged_before=len({*plan.unmanaged} & {*plan.reported_before}),
        malformed=plan.malformed,
        stack_sets=plan.stack_sets,
        unexpected=(*foreign, *plan.unrequested),
        removed_entries=tuple(each for each in foreign if each not in end.remaining),
    )


def cut(entries: Sequence[str]) -> list[str]:
    """Entries of a policy, cut: they may contain anything, and reports and state machines carry them."""
    return [each[:LONGEST] for each in sorted(entries)[:KEPT]]


def shortened(report: Report) -> Report:
    """The report cut for the registry: the first items of each kind."""
    lists = {name: tuple(value[:KEPT]) for name, value in report if isinstance(value, tuple)}
    return report.model_copy(update=lists)


def message(report: Report) -> tuple[str, str]:
    """Subject and text of the message to people."""
    about = "" if EVERYTHING in report.scope else f" of {', '.join(report.scope)}"
    counts = [
        (report.repaired, "repaired"),
        (len(report.failed), "failed"),
        (len(report.held), "waiting for approval"),
        (len(report.withheld), "not removed"),
        (len(report.reported_only), "only reported"),
        (len(report.stack_sets), "stack sets differ"),
        (len(report.unexpected), "unexpected"),
    ]
    summary = ", ".join(f"{count} {what}" for count, what in counts if count) or "something to check"
    parts = [f"The sweep{about} compared {report.listed} accounts; {report.in_sync} connections are in sync."]
    if report.partial:
        parts.append(f"The list of accounts is incomplete: {report.partial}. So nothing was removed this time.")
    parts += _listed("Repaired", [], report.repaired)
    parts += _listed("Failed (each has its own cause and remedy in the registry)", report.failed)
    parts += _listed("Still in progress", report.in_progress)
    parts += _listed("Wait for approval (see the request sent for them)", report.held)
    parts += _listed("Not removed, because the list is incomplete", report.withheld)
    parts += _listed("Differ, and are only reported (DriftRepair is notify)", report.reported_only)
    parts += _listed("Had resources but no record", report.orphans)
    parts += _listed("Unexpected entries in the access policy", report.unexpected)
    parts += _listed("Of these, removed at once", report.removed_entries)
    parts += _listed(
        "New unmanaged resources with our names (not changed, and not reported again until they change)",
        report.unmanaged,
    )
    parts += _listed("Malformed items in the registry, ignored (docs/howto/sweep-now.md)", report.malformed)
    parts += _listed("Stack sets that differ from what was built", report.stack_sets)
    parts.append(f"Sweep {report.sweep_id}; docs/howto/sweep-now.md.")
    return f"Quick Onboarding: sweep{about}: {summary}"[:100], "\n\n".join(parts)


def _listed(what: str, names: Sequence[str], count: int | None = None) -> list[str]:
    count = len(names) if count is None else count
    more = [f"  ... and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ["\n".join([f"{what}: {count}", *(f"  {name}" for name in names[:NAMED]), *more])] if count else []


def _describe(difference: Difference) -> str:
    return f"{difference.account_id} ({difference.name}): {difference.what}"


def _without_duplicates(names: Sequence[str]) -> tuple[str, ...]:
    """Leave out an account that is also listed by its connections."""
    return tuple(name for name in names if "#" in name or not any(other.startswith(f"{name}#") for other in names))
