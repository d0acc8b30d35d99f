"""What became of a sweep, in numbers for metrics and in words for people. Pure."""

from collections.abc import Collection, Sequence

from control_plane.asking import Value
from control_plane.sweep.facts import EVERYTHING
from control_plane.sweep.planning import Difference, Plan

NAMED = 20  # of each sort, in the message
KEPT = 100  # of each sort, in the registry
LONGEST = 200  # of a name


class Report(Value):
    """A sweep's end. `moving`: accounts of the plan that are still under way when nobody waits any longer.

    `unexpected`: entries of the access policy that nobody asked for; `taken_out`: those of them that are gone already.
    """

    sweep_id: str
    at: str
    scope: tuple[str, ...]
    partial: str = ""
    listed: int = 0
    in_step: int = 0
    repaired: int = 0
    failed: tuple[str, ...] = ()
    moving: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    stack_sets: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    taken_out: tuple[str, ...] = ()

    @property
    def is_quiet(self) -> bool:
        """Whether nobody needs to hear of it."""
        told = (self.repaired, self.partial, self.failed, self.moving, self.held, self.withheld, self.shown)
        seen = (self.strangers, self.odd, self.stack_sets, self.unexpected)
        return not any(told) and not any(seen)

    @property
    def counts(self) -> dict[str, int]:
        """The numbers, by metric."""
        return {
            "InStep": self.in_step,
            "Repaired": self.repaired,
            "FailedAccounts": len(self.failed),
            "HeldRevocations": len(self.held),
            "WithheldRemovals": len(self.withheld),
            "ShownDifferences": len(self.shown),
            "Orphans": len(self.orphans),
            "Strangers": len(self.strangers),
            "OddRecords": len(self.odd),
            "StackSetsDiffer": len(self.stack_sets),
            "PartialListings": int(bool(self.partial)),
        }


class End(Value):
    """Which sweep has come to its end, and when. `remaining`: foreign entries that are still in the access policy."""

    sweep_id: str
    at: str
    remaining: tuple[str, ...] = ()


def report(end: End, scope: tuple[str, ...], plan: Plan, failed: Collection[str], moving: Collection[str]) -> Report:
    """A plan and what the registry says of its accounts by now: those that failed, those still under way."""
    foreign = named(plan.foreign)
    started = {each.account_id for each in plan.start}
    stood = {key for key in plan.failed if key.partition("#")[0] not in started - set(failed)}
    ended_badly = sorted({*stood, *(each for each in failed if each in started)})
    under_way = sorted(started & set(moving))
    return Report(
        sweep_id=end.sweep_id,
        at=end.at,
        scope=scope,
        partial=plan.partial,
        listed=plan.listed,
        in_step=plan.in_step,
        repaired=len(started - set(failed) - set(moving) - {key.partition("#")[0] for key in plan.hold}),
        failed=_without_parts(ended_badly),
        moving=tuple(under_way),
        held=tuple(sorted({*plan.hold, *plan.waiting})),
        withheld=plan.withheld,
        shown=tuple(_words(each) for each in plan.shown),
        orphans=plan.orphans,
        strangers=plan.strangers,
        odd=plan.odd,
        stack_sets=plan.stack_sets,
        unexpected=(*foreign, *plan.unasked),
        taken_out=tuple(each for each in foreign if each not in end.remaining),
    )


def named(entries: Sequence[str]) -> list[str]:
    """Entries of a policy, which may be anything, as reports and state machines carry them."""
    return [each[:LONGEST] for each in sorted(entries)[:KEPT]]


def shortened(report: Report) -> Report:
    """Short enough for the registry: of each sort the first few."""
    lists = {name: tuple(value[:KEPT]) for name, value in report if isinstance(value, tuple)}
    return report.model_copy(update=lists)


def message(report: Report) -> tuple[str, str]:
    """Subject and text of what people are told."""
    about = "" if EVERYTHING in report.scope else f" of {', '.join(report.scope)}"
    counts = [
        (report.repaired, "repaired"),
        (len(report.failed), "failed"),
        (len(report.held), "waiting for approval"),
        (len(report.withheld), "not taken away"),
        (len(report.shown), "only shown"),
        (len(report.stack_sets), "stack sets not as built"),
        (len(report.unexpected), "unexpected"),
    ]
    said = ", ".join(f"{count} {what}" for count, what in counts if count) or "something to look at"
    parts = [
        f"The sweep{about} looked at {report.listed} accounts; {report.in_step} connections are as they should be."
    ]
    if report.partial:
        parts.append(f"The list of accounts is not whole: {report.partial}. So nothing was taken away this time.")
    parts += _listed("Looked at again and now as they should be", [], report.repaired)
    parts += _listed("Failed (each has its own cause and remedy in the registry)", report.failed)
    parts += _listed("Still under way", report.moving)
    parts += _listed("Wait for approval (see the question sent for them)", report.held)
    parts += _listed("Not taken away, because the list is not whole", report.withheld)
    parts += _listed("Differ, and are only shown (DriftRepair is notify)", report.shown)
    parts += _listed("Were ours and in no record", report.orphans)
    parts += _listed("Entries of the access policy that nobody asked for", report.unexpected)
    parts += _listed("Of these, taken out at once", report.taken_out)
    parts += _listed("Are not ours, left alone", report.strangers)
    parts += _listed("Are in the registry and not as we write them, not believed (docs/howto/sweep-now.md)", report.odd)
    parts += _listed("Stack sets that are not what was built", report.stack_sets)
    parts.append(f"Sweep {report.sweep_id}; docs/howto/sweep-now.md.")
    return f"Quick Onboarding: sweep{about}: {said}"[:100], "\n\n".join(parts)


def _listed(what: str, names: Sequence[str], count: int | None = None) -> list[str]:
    count = len(names) if count is None else count
    more = [f"  ... and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ["\n".join([f"{what}: {count}", *(f"  {name}" for name in names[:NAMED]), *more])] if count else []


def _words(difference: Difference) -> str:
    return f"{difference.account_id} ({difference.name}): {difference.what}"


def _without_parts(names: Sequence[str]) -> tuple[str, ...]:
    """An account that is named as a whole and by its connections is named once."""
    return tuple(name for name in names if "#" in name or not any(other.startswith(f"{name}#") for other in names))
