"""The registry: the records of connections and the claims of accounts."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

# The possible values of a connection record's status (docs/reference/registry.md).
STATUSES = ("connecting", "connected", "degraded", "held", "quarantined", "disconnecting", "removed", "failed")


class Record(NamedTuple):
    """The record of a connection or, without a profile, the claim of an account. See docs/reference/registry.md.

    A malformed attribute counts as missing; `anomaly` says what is malformed. Without an account id, nothing else of
    the item could be read. `claimed`: an execution holds the claim. `instance_retained`: AWS still lists an account
    that left in the stack set. `updated`: a time long ago when it is missing.
    """

    account_id: str = ""
    profile: str | None = None
    status: str = ""
    reason: str = ""
    step: str = ""
    error: str = ""
    cause: str = ""
    remedy: str = ""
    proof: str = ""
    proof_at: datetime | None = None
    proven_legs: str = ""
    proof_finding: str = ""
    since: datetime | None = None
    updated: str = ""
    remove_after: datetime | None = None
    generation: int = 0
    account_name: str = ""
    data_source_id: str = ""
    consumer_role_arn: str = ""
    run_as_role_arn: str = ""
    consumer_role_version: str = ""
    retained: str = ""
    dependents: str = ""
    finding: str = ""
    instance_retained: bool = False
    claimed: bool = False
    holder: str = ""
    event: str = ""
    event_by: str = ""
    event_at: str = ""
    requeue_requested: str = ""
    requeue_requests: int = 0
    requested_by: str = ""
    anomaly: str = ""

    @property
    def is_valid(self) -> bool:
        """Whether it says enough to be used: which account it is about and, of a connection, its status."""
        return bool(self.account_id) and (self.profile is None or self.status in STATUSES)


class Registry(Protocol):
    """The records of accounts and connections: for people and for speed, never the source of truth."""

    def records(self, account_id: str) -> dict[str, Record]:
        """The valid records of an account's connections, by profile."""

    def record_failure(
        self, account_id: str, profile: str | None, failure: Mapping[str, str], now: str, generation: int | None = None
    ) -> None:
        """Record why a connection failed or, without a profile, why the whole account failed.

        With a generation: unless a newer one has written the record.
        """

    def record_dependents(self, account_id: str, profile: str, dependents: str, now: str) -> None:
        """Record the assets that stop working with a connection's data source."""

    def unsettled(self, kind: str) -> list[Record]:
        """Records that are `in_progress`, `failed` or `degraded`, the one written longest ago first."""

    def is_claimed_by(self, account_id: str, execution: str) -> bool:
        """Whether that execution holds the account's claim now."""

    def claimed_since(self, account_id: str) -> str | None:
        """When the holder of an account's claim wrote it last; None when nobody holds it."""

    def unread_events(self) -> int:
        """How many events are stored in which no account was found."""

    def swept_at(self) -> str:
        """When the last sweep ended; empty before the first one."""

    def last_report(self) -> str:
        """Until when failures have been reported; empty at first."""

    def set_last_report(self, until: str) -> None:
        """Record until when failures have been reported."""
