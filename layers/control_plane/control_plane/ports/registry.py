"""The registry: the records of connections and the claims of accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

# The possible values of a connection record's status (docs/reference/registry.md).
STATUSES = ("connecting", "connected", "held", "quarantined", "disconnecting", "removed", "failed")


@dataclass(frozen=True)
class Record:
    """The record of one connection.

    `remove_after`: end of its quarantine. `since`: when it got this status. `instance_retained`: AWS still lists an
    account that left in the stack set. `retained`: what stays in the account after a removal. `dependents`: the assets
    in Quick that stopped working, as they were reported.
    """

    status: str
    remove_after: datetime | None = None
    since: datetime | None = None
    instance_retained: bool = False
    retained: str = ""
    dependents: str = ""


@dataclass(frozen=True)
class UnsettledRecord:
    """A claim (no profile) or a connection that is in progress or failed.

    `updated`: when it was written last. Of a claim: `held`: an execution holds it; `requeue_requests`: how often
    another reconcile was requested since; `requested_by`: who did so last.
    """

    account_id: str
    profile: str | None
    updated: str
    held: bool = False
    generation: int = 0
    account_name: str = ""
    error: str = ""
    reason: str = ""
    cause: str = ""
    remedy: str = ""
    requeue_requests: int = 0
    requested_by: str = ""


class Registry(Protocol):
    """The records of accounts and connections: for people and for speed, never the source of truth."""

    def records(self, account_id: str) -> dict[str, Record]:
        """The records of an account's connections, by profile."""

    def record_failure(self, account_id: str, profile: str | None, failure: Mapping[str, str], now: str) -> None:
        """Record why a connection failed or, without a profile, why the whole account failed."""

    def record_dependents(self, account_id: str, profile: str, dependents: str, now: str) -> None:
        """Record the assets that stop working with a connection's data source."""

    def unsettled(self, kind: str) -> list[UnsettledRecord]:
        """Records that are `in_progress` or `failed`, the one written longest ago first."""

    def held_since(self, account_id: str) -> str | None:
        """When the holder of an account's claim wrote it last; None when nobody holds it."""

    def unread_events(self) -> int:
        """How many events are stored in which no account was found."""

    def last_report(self) -> str:
        """Until when failures have been reported; empty at first."""

    def set_last_report(self, until: str) -> None:
        """Record until when failures have been reported."""
