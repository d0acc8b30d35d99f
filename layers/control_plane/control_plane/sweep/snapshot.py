"""The snapshot of a sweep: what it reads page by page and stores until it plans. Plain values."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from control_plane.account import NAME_PREFIX, PROFILE_NAME, Account
from control_plane.opt_in import Value
from control_plane.ports.registry import Record

ERROR_LENGTH = 100  # characters of an error's name, so that no record makes a page too large
FINDING_LENGTH = 200  # characters of a finding, for the same reason
EVERYTHING = "all"  # the scope of a sweep of the whole organization


class SnapshotKind(StrEnum):
    """The lists a sweep reads, in this order."""

    ACCOUNTS = "accounts"
    STACK_SETS = "stack sets"
    ROLES = "roles"
    SOURCES = "sources"
    RECORDS = "records"
    OWNERS = "owners"


class StackSetSummary(Value):
    """A stack set with a name of ours. `body` and `values` are hashes of its template and parameter values.

    `ownership_mismatch`: how its ownership tags differ from ours. `untagged`: it has no tags with these hashes.
    `tag_mismatches`: how the hashes differ from its tags. `settings`: how its settings differ from ours. `is_empty`: no
    account has an instance.
    """

    name: str
    body: str
    values: str
    ownership_mismatch: str = ""
    untagged: bool = False
    tag_mismatches: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    is_empty: bool = False

    @property
    def profile(self) -> str:
        """The profile in its name."""
        return self.name.removeprefix(NAME_PREFIX)

    @property
    def is_ours(self) -> bool:
        """Whether its instances are our connections: it has our ownership tags and a valid profile name."""
        return not self.ownership_mismatch and re.fullmatch(PROFILE_NAME, self.profile) is not None


class RoleSummary(Value):
    """A consumer role, as listed among a stack set's instances; the list has no parameters."""

    account_id: str
    profile: str
    is_current: bool
    is_drifted: bool
    stack_id: str = ""


class DataSourceSummary(Value):
    """A data source with a name of ours, as listed by Quick; the list has no tags and permissions."""

    account_id: str
    profile: str
    state: str
    name: str
    work_group: str = ""
    run_as_role_arn: str = ""
    consumer_role_arn: str = ""


class SourceOwnership(Value):
    """How the tags of a data source with a name of ours differ from our ownership tags; empty: it is ours."""

    account_id: str
    profile: str
    mismatch: str


class RecordSummary(Value):
    """A summary of a connection's record, or of an account's claim (no profile).

    `malformed`: the item's key and its anomalies. If the account is empty, nothing else of the item could be read.
    """

    account_id: str = ""
    profile: str = ""
    status: str = ""
    error: str = ""
    remove_after: datetime | None = None
    since: datetime | None = None
    malformed: str = ""
    instance_retained: bool = False
    finding: str = ""

    @classmethod
    def of(cls, record: Record) -> "RecordSummary":
        """The summary of a record; of one that is not valid, only what is malformed about it."""
        status, error = record.status[:ERROR_LENGTH], record.error[:ERROR_LENGTH]
        if not record.is_valid:
            return cls(malformed=record.anomaly)
        if record.profile is None:
            return cls(account_id=record.account_id, status=status, error=error, malformed=record.anomaly)
        return cls(
            account_id=record.account_id,
            profile=record.profile,
            status=status,
            error=error,
            remove_after=record.remove_after,
            since=record.since,
            malformed=record.anomaly,
            instance_retained=record.instance_retained,
            finding=record.finding[:FINDING_LENGTH],
        )


class SnapshotPage(Value):
    """One page of one of the lists."""

    accounts: tuple[Account, ...] = ()
    stack_sets: tuple[StackSetSummary, ...] = ()
    roles: tuple[RoleSummary, ...] = ()
    sources: tuple[DataSourceSummary, ...] = ()
    records: tuple[RecordSummary, ...] = ()
    owners: tuple[SourceOwnership, ...] = ()


class SnapshotProgress(Value):
    """How far a sweep has read: the list it is reading (none: all are read) and the next page's token.

    `seen` has a hash of each token of the current list: a token that is returned twice would never end.
    """

    scope: tuple[str, ...] = (EVERYTHING,)
    unknown: tuple[str, ...] = ()  # requested OUs that do not exist
    kind: SnapshotKind | None = SnapshotKind.ACCOUNTS
    profiles: tuple[str, ...] = ()  # profiles with a stack set of ours
    profile: str = ""  # of roles: the profile whose stack set is read
    token: str = ""
    seen: tuple[str, ...] = ()
    pages: int = 0
    listed: int = 0  # accounts in the organization, in and out of scope
    partial: str = ""  # why the list of accounts is incomplete

    @property
    def is_everything(self) -> bool:
        """Whether the sweep is about the whole organization."""
        return EVERYTHING in self.scope or not self.scope


class Baseline(Value):
    """What a sweep of everything stores for the next one.

    `complete` and `listed`: the number of accounts in the last complete list, and in the last list. `profiles` and
    `bodies`: every profile, and the hash of every template, that any sweep has seen as built. Stack sets are compared
    with these, because whoever can change a stack set can change its tags, too. `unmanaged`: the unmanaged resources
    that were reported already. `publishing`: what profiles published, and to whom, as a short text.
    """

    complete: int = 0
    listed: int = 0
    profiles: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    publishing: str = ""
    unmanaged: tuple[str, ...] = ()


def merged(pages: Iterable[SnapshotPage]) -> SnapshotPage:
    """All pages as one. An account on two pages is counted once."""
    read = list(pages)
    accounts: Mapping[str, Account] = {account.id: account for page in read for account in page.accounts}
    return SnapshotPage(
        accounts=tuple(accounts.values()),
        stack_sets=tuple({each.name: each for page in read for each in page.stack_sets}.values()),
        roles=tuple(role for page in read for role in page.roles),
        sources=tuple(source for page in read for source in page.sources),
        records=tuple(record for page in read for record in page.records),
        owners=tuple(owner for page in read for owner in page.owners),
    )
