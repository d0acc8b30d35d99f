"""The watch: which records should have moved and did not, and the report of what failed. Pure but for its ports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from control_plane.ports import Attention, Notifications, Reconciles, Registry
from control_plane.words import SHORT, bounded

SETTLED = timedelta(minutes=2)  # what was written longer ago is in the index for sure
SILENCE = timedelta(minutes=30)  # longer than any execution goes without a sign of life
LONGEST = timedelta(hours=7)  # longer than any execution lives
AT_ONCE = 100  # reconciles started in one go: Organizations and Quick are slow
NAMED = 40  # failures told in full in one report
MANY = 100  # requests for one account while one execution holds it: more than any person or deployment makes
STORM = "docs/howto/answer-an-alarm.md#somebody-changes-tags-all-the-time"


@dataclass(frozen=True)
class Watched:
    """What one look at the registry found."""

    moving: int
    stuck: tuple[Attention, ...]
    failed: tuple[Attention, ...]
    unread: int
    stormy: tuple[Attention, ...] = ()  # accounts somebody asks for all the time


def look(registry: Registry, now: str) -> Watched:
    """Everything that is not at rest, and of it what is stuck."""
    moving, failed = registry.needing_attention("moving"), registry.needing_attention("failed")
    held = [each for each in failed if each.held]
    stuck = tuple(each for each in (*moving, *held) if is_stuck(each, registry, now))
    stormy = tuple(each for each in (*moving, *held) if each.held and each.requests >= MANY)
    return Watched(len(moving), stuck, tuple(failed), registry.unread_events(), stormy)


def is_stuck(record: Attention, registry: Registry, now: str) -> bool:
    """Whether a record that should move has not for longer than anything alive can take."""
    age = _age(record.updated, now)
    if record.profile is None or age < SILENCE or age > LONGEST:
        return age >= SILENCE
    held_since = registry.held_since(record.account_id)  # a connection moves as long as its account's claim does
    return held_since is None or _age(held_since, now) >= SILENCE


def wake(stuck: Sequence[Attention], reconciles: Reconciles, now: str) -> None:
    """Ask for a look at every account with a stuck record: whoever looks takes a dead holder's claim over."""
    generations: dict[str, int] = {}
    for record in stuck:
        generations[record.account_id] = max(record.generation, generations.get(record.account_id, 0))
    for account_id, generation in list(generations.items())[:AT_ONCE]:
        # One start for each generation and hour: a watch that is repeated starts nothing twice.
        name = f"watch-{account_id}-{generation}-{now[:13].replace(':', '')}"
        reconciles.start(account_id, "the watch found its record stuck", name)


def report(found: Watched, registry: Registry, notifications: Notifications, now: str) -> int:
    """Tell people what failed since the last report, what is stuck, what is asked for too often, in one message."""
    since, until = registry.last_report(), (_time(now) - SETTLED).isoformat()
    fresh = [each for each in found.failed if _is_between(since, each.updated, until)]
    if fresh or found.stuck or found.stormy:
        notifications.send(_subject(fresh, found), _text(fresh, found))
    if fresh or not since:
        registry.reported(until)
    return len(fresh)


def _is_between(since: str, moment: str, until: str) -> bool:
    return _time(moment) <= _time(until) and (not since or _time(since) < _time(moment))


def _time(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def _age(moment: str, now: str) -> timedelta:
    """How long ago that was. What says it is still to come says nothing, so it was long ago."""
    age = _time(now) - _time(moment)
    return age if age > -SETTLED else LONGEST + SETTLED


def _subject(fresh: Sequence[Attention], found: Watched) -> str:
    counts = {"failed": len(fresh), "stuck": len(found.stuck), "asked for too often": len(found.stormy)}
    said = [f"{count} {what}" for what, count in counts.items() if count]
    return f"Quick Onboarding: {', '.join(said)}"


def _text(fresh: Sequence[Attention], found: Watched) -> str:
    told = [_told(each) for each in fresh[:NAMED]]
    if len(fresh) > NAMED:
        told.append(f"... and {len(fresh) - NAMED} more.")
    told += [
        f"{_named(each)}: no sign of life since {each.updated}. It is being looked at again by itself."
        for each in found.stuck[:NAMED]
    ]
    told += [_told_storm(each) for each in found.stormy[:NAMED]]
    if found.unread:
        told.append(f"{found.unread} events are kept in which no account was found (docs/howto/read-a-kept-event.md).")
    told.append(f"In all {len(found.failed)} failed, {found.moving} under way.")
    return "\n\n".join(told)


def _told(record: Attention) -> str:
    said = (record.error, record.reason, record.cause, record.remedy)
    error, reason, cause, remedy = map(bounded, said)  # what older versions wrote may be long
    return f"{_named(record)}: {error}\n  {reason}\n  Likely: {cause}\n  Do: {remedy}"


def _told_storm(record: Attention) -> str:
    who = bounded(record.requested_by, SHORT)
    return f"{_named(record)}: asked for {record.requests} times while one look at it lasts, last by {who} ({STORM})."


def _named(record: Attention) -> str:
    name = f" ({record.account_name})" if record.account_name else ""
    profile = f", profile {record.profile}" if record.profile else ""
    return f"Account {record.account_id}{name}{profile}"
