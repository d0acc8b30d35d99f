"""What became of the accounts that a sweep started: by their records, with names, for people. Pure."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from control_plane.account import Connection
from control_plane.ports.registry import Record
from control_plane.sweep.planning import (
    CONNECTED,
    QUARANTINED,
    REFUSED,
    REMOVED,
    REPAIRED,
    RESTORED,
    Difference,
    Expected,
    SweepPlan,
)

ORDER = (REMOVED, REFUSED, QUARANTINED, REPAIRED, RESTORED, CONNECTED)  # the most important first
Key = tuple[str, str]  # an account's id and a profile's name; no profile: the account as a whole


class Now(NamedTuple):
    """The records when a sweep ends: the failed and degraded ones, the accounts in progress, and those it started.

    `records`: only of some accounts, if it started very many. Of the others it is believed what the plan expected.
    """

    failed: Collection[Record] = ()
    in_progress: frozenset[str] = frozenset()
    records: Mapping[str, Mapping[str, Record]] | None = None
    degraded: Collection[Record] = ()

    @property
    def failures(self) -> dict[Key, Record]:
        """The failed records."""
        return {(each.account_id, each.profile or ""): each for each in self.failed}

    def names(self) -> dict[str, str]:
        """The names in the records, for accounts that are in no list."""
        known = [
            *self.failed,
            *self.degraded,
            *(record for each in (self.records or {}).values() for record in each.values()),
        ]
        return {each.account_id: each.account_name for each in known if each.account_name}


class Names:
    """Names accounts and connections for people."""

    def __init__(self, plan: SweepPlan, now: Now) -> None:
        self._names = {**now.names(), **plan.names, **{each.account_id: each.name for each in plan.start}}

    def of(self, account_id: str, profile: str = "") -> str:
        """An account by id and name, and the profile."""
        name = self._names.get(account_id, account_id)
        account = account_id if name == account_id else f"{account_id} ({name})"
        return f"{account}, profile {profile}" if profile else account

    def of_key(self, key: str) -> str:
        """The same of `account id#profile`; text that is no such key stays as it is."""
        connection = Connection.of_key(key)
        return self.of(connection.account_id, connection.profile) if connection else self.of(key)

    def of_keys(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The same of several."""
        return tuple(map(self.of_key, keys))


class Outcome(NamedTuple):
    """What became of a connection, or of an account."""

    what: str
    key: Key
    why: str


def outcomes(started: Iterable[Difference], now: Now) -> list[Outcome]:
    """What became of each connection that was to change. Those that failed, wait or are in progress are left out."""
    found = [
        outcome
        for difference in started
        if difference.account_id not in now.in_progress
        for expected in difference.expected
        if (outcome := _outcome(difference.account_id, expected, now))
    ]
    return sorted(found, key=lambda each: (ORDER.index(each.what), each.key))


def _outcome(account_id: str, expected: Expected, now: Now) -> Outcome | None:
    key = (account_id, expected.profile)
    failure = now.failures.get(key) or now.failures.get((account_id, ""))
    if failure:
        return Outcome(REFUSED, key, explained(failure)) if expected.outcome == REFUSED else None
    if not expected.profile:
        return None  # the account itself was refused, and is not any more
    records = (now.records or {}).get(account_id)
    if records is None:
        return Outcome(expected.outcome, key, expected.reason)
    record = records.get(expected.profile)
    what = _by_record(record.status if record else "removed", expected.outcome)
    return Outcome(what, key, _why(what, record) if record and record.reason else expected.reason) if what else None


def _why(what: str, record: Record) -> str:
    """The record's reason; of access that an event ended also whose call that was, and when."""
    if what not in (QUARANTINED, REMOVED) or record.event_by in ("", record.event):
        return record.reason
    return f"{record.reason}; {record.event} by {record.event_by} at {record.event_at}"


def _by_record(status: str, expected: str) -> str:
    """The outcome that a record shows; empty while it shows none (it is held, for example)."""
    if status == "connected":
        return expected if expected in (CONNECTED, RESTORED, REPAIRED) else CONNECTED
    return {"quarantined": QUARANTINED, "removed": REMOVED}.get(status, "")


def explained(failure: Record) -> str:
    """A failure's error, reason and likely cause. The reason begins with the account, which is named already."""
    reason = failure.reason.removeprefix(f"account {failure.account_id}: ")
    return f"{failure.error}: {reason}; likely: {failure.cause}"
