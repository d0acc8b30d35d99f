"""Find stuck records in the registry, and report failures to people. Pure except for its ports."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from control_plane.ports.notifications import Notifications
from control_plane.ports.reconciles import Reconciles
from control_plane.ports.registry import Record, Registry
from control_plane.text import SHORT, bounded

INDEX_DELAY = timedelta(minutes=2)  # an item written longer ago is in the index
STUCK_AFTER = timedelta(minutes=30)  # longer than a running execution ever leaves its claim unwritten
LONGEST = timedelta(hours=7)  # longer than an execution can run
STARTS_PER_RUN = 100  # reconciles started in one go: Organizations and Quick are slow
MAX_LISTED = 40  # failures described in full in one report
MAX_REQUESTS = 100  # for one account while one execution holds it: more than people or deployments ever make
OVER_REQUESTED_PAGE = "docs/howto/answer-an-alarm.md#somebody-changes-tags-all-the-time"


class Findings(NamedTuple):
    """What one scan of the registry found. `oldest`: seconds that what is in progress for longest has taken.

    `since_sweep`: seconds since a sweep ended; None before the first one.
    """

    in_progress: int
    stuck: tuple[Record, ...]
    failed: tuple[Record, ...]
    unread: int
    over_requested: tuple[Record, ...] = ()  # accounts that are requested all the time
    oldest: int = 0
    degraded: tuple[Record, ...] = ()  # connections through which a query failed
    since_sweep: int | None = None

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of records and events, by metric."""
        return {
            "StuckRecords": len(self.stuck),
            "FailedRecords": len(self.failed),
            "DegradedRecords": len(self.degraded),
            "InProgressRecords": self.in_progress,
            "UnreadEvents": self.unread,
        }


def scan(registry: Registry, now: str) -> Findings:
    """All unsettled records, and which of them are stuck."""
    in_progress, failed = registry.unsettled("in_progress"), registry.unsettled("failed")
    claimed = [each for each in failed if each.claimed]
    stuck = tuple(each for each in (*in_progress, *claimed) if is_stuck(each, registry, now))
    over_requested = tuple(
        each for each in (*in_progress, *claimed) if each.claimed and each.requeue_requests >= MAX_REQUESTS
    )
    swept_at = registry.swept_at()
    return Findings(
        in_progress=len(in_progress),
        stuck=stuck,
        failed=tuple(failed),
        unread=registry.unread_events(),
        over_requested=over_requested,
        oldest=max((_seconds_since(each.since, now) for each in in_progress if each.since), default=0),
        degraded=tuple(registry.unsettled("degraded")),
        since_sweep=_seconds_since(_parse(swept_at), now) if swept_at else None,
    )


def is_stuck(record: Record, registry: Registry, now: str) -> bool:
    """Whether a record in progress was not written for longer than a running execution can take."""
    age = _age(record.updated, now)
    if record.profile is None or age < STUCK_AFTER or age > LONGEST:
        return age >= STUCK_AFTER
    # A connection is in progress as long as its account's claim is written.
    claimed_since = registry.claimed_since(record.account_id)
    return claimed_since is None or _age(claimed_since, now) >= STUCK_AFTER


def reconcile_stuck(stuck: Sequence[Record], reconciles: Reconciles, now: str) -> None:
    """Reconcile every account with a stuck record: the new execution takes over a dead holder's claim."""
    generations: dict[str, int] = {}
    for record in stuck:
        generations[record.account_id] = max(record.generation, generations.get(record.account_id, 0))
    for account_id, generation in list(generations.items())[:STARTS_PER_RUN]:
        # One start for each generation and hour: a repeated run of this function starts nothing twice.
        name = f"watch-{account_id}-{generation}-{now[:13].replace(':', '')}"
        reconciles.start(account_id, "WatchRegistry found a stuck record", name)


def report(found: Findings, registry: Registry, notifications: Notifications, now: str) -> int:
    """Send one message: failures since the last report, stuck records, and accounts that are requested too often."""
    since, until = registry.last_report(), (_parse(now) - INDEX_DELAY).isoformat()
    fresh = [each for each in (*found.failed, *found.degraded) if _is_between(since, each.updated, until)]
    if fresh or found.stuck or found.over_requested:
        notifications.send(_subject(fresh, found), _text(fresh, found))
    if fresh or not since:
        registry.set_last_report(until)
    return len(fresh)


def _is_between(since: str, timestamp: str, until: str) -> bool:
    return _parse(timestamp) <= _parse(until) and (not since or _parse(since) < _parse(timestamp))


def _parse(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp)


def _age(timestamp: str, now: str) -> timedelta:
    """How long ago that was. A time in the future is not believed and counts as long ago."""
    age = _parse(now) - _parse(timestamp)
    return age if age > -INDEX_DELAY else LONGEST + INDEX_DELAY


def _seconds_since(then: datetime, now: str) -> int:
    """How many seconds ago that was; 0 for a time in the future."""
    return max(0, int((_parse(now) - then).total_seconds()))


def _subject(fresh: Sequence[Record], found: Findings) -> str:
    degraded = [each for each in fresh if each.status == "degraded"]
    counts = {
        "failed": len(fresh) - len(degraded),
        "degraded": len(degraded),
        "stuck": len(found.stuck),
        "requested too often": len(found.over_requested),
    }
    texts = [f"{count} {what}" for what, count in counts.items() if count]
    return f"Quick Onboarding: {', '.join(texts)}"


def _text(fresh: Sequence[Record], found: Findings) -> str:
    parts = [_describe(each) for each in fresh[:MAX_LISTED]]
    if len(fresh) > MAX_LISTED:
        parts.append(f"... and {len(fresh) - MAX_LISTED} more.")
    parts += [
        f"{_named(each)}: not updated since {each.updated}. It is being reconciled again automatically."
        for each in found.stuck[:MAX_LISTED]
    ]
    parts += [_describe_over_requested(each) for each in found.over_requested[:MAX_LISTED]]
    if found.unread:
        parts.append(
            f"{found.unread} events were stored in which no account was found (docs/howto/read-a-kept-event.md)."
        )
    degraded = f"{len(found.degraded)} degraded, " if found.degraded else ""
    parts.append(f"In total {len(found.failed)} failed, {degraded}{found.in_progress} in progress.")
    return "\n\n".join(parts)


def _describe(record: Record) -> str:
    texts = (record.error, record.reason, record.cause, record.remedy)
    error, reason, cause, remedy = map(bounded, texts)  # older versions did not limit them
    name = f"{_named(record)}, degraded" if record.status == "degraded" else _named(record)
    more = f"quickctl explain {record.account_id}"
    return f"{name}: {error}\n  {reason}\n  Likely: {cause}\n  Do: {remedy}\n  More: {more}"


def _describe_over_requested(record: Record) -> str:
    who = bounded(record.requested_by, SHORT)
    requests = f"requested {record.requeue_requests} times during one reconcile, last by {who}"
    return f"{_named(record)}: {requests} ({OVER_REQUESTED_PAGE})."


def _named(record: Record) -> str:
    name = f" ({record.account_name})" if record.account_name else ""
    profile = f", profile {record.profile}" if record.profile else ""
    return f"Account {record.account_id}{name}{profile}"
