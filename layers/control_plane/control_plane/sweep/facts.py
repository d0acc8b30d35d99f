"""What a sweep reads, page by page, and keeps until it plans: plain values, as they are written down."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from control_plane.account import Account
from control_plane.asking import Value

EVERYTHING = "all"  # the scope of a sweep that is not about units


class Kind(StrEnum):
    """The lists a sweep reads, in this order."""

    ACCOUNTS = "accounts"
    ROLES = "roles"
    SOURCES = "sources"
    RECORDS = "records"


class Role(Value):
    """A consumer role, as the list of a stack set's instances shows it; parameters are not in the list."""

    account_id: str
    profile: str
    is_current: bool
    is_drifted: bool
    stack_id: str = ""


class Source(Value):
    """A data source of ours, by its name, as Quick's list shows it; tags and permissions are not in the list."""

    account_id: str
    profile: str
    state: str
    name: str
    work_group: str = ""
    run_as_role_arn: str = ""
    consumer_role_arn: str = ""


class Remembered(Value):
    """A connection's record, or an account's claim (no profile), as the registry has it.

    `odd`: the item's key, and how it is not as we write it. Without an account it says nothing else.
    """

    account_id: str = ""
    profile: str = ""
    status: str = ""
    error: str = ""
    remove_after: datetime | None = None
    since: datetime | None = None
    odd: str = ""
    is_kept: bool = False


class Page(Value):
    """One page of one of the lists."""

    accounts: tuple[Account, ...] = ()
    roles: tuple[Role, ...] = ()
    sources: tuple[Source, ...] = ()
    records: tuple[Remembered, ...] = ()


class Progress(Value):
    """How far a sweep has read: the list it reads (none: all are read), the next page's token, what it saw.

    `seen` has a mark of each token of the list that is read: one that comes twice would go round for ever.
    """

    scope: tuple[str, ...] = (EVERYTHING,)
    kind: Kind | None = Kind.ACCOUNTS
    profile: str = ""  # of roles: whose stack set is read
    token: str = ""
    seen: tuple[str, ...] = ()
    pages: int = 0
    listed: int = 0  # accounts in the organization, whatever the scope
    partial: str = ""  # why the list of accounts is not whole

    @property
    def is_everything(self) -> bool:
        """Whether the sweep is about the whole organization."""
        return EVERYTHING in self.scope or not self.scope


class Memory(Value):
    """What one sweep of everything leaves the next: how many accounts the last whole list had, and the last list."""

    whole: int = 0
    listed: int = 0


def joined(pages: Iterable[Page]) -> Page:
    """All pages as one; an account that two pages show counts once."""
    read = list(pages)
    accounts: Mapping[str, Account] = {account.id: account for page in read for account in page.accounts}
    return Page(
        accounts=tuple(accounts.values()),
        roles=tuple(role for page in read for role in page.roles),
        sources=tuple(source for page in read for source in page.sources),
        records=tuple(record for page in read for record in page.records),
    )
