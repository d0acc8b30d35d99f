"""What a sweep reads, page by page, and keeps until it plans: plain values, as they are written down."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from control_plane.account import NAME_PREFIX, PROFILE_NAME, Account
from control_plane.asking import Value

EVERYTHING = "all"  # the scope of a sweep that is not about units


class Kind(StrEnum):
    """The lists a sweep reads, in this order."""

    ACCOUNTS = "accounts"
    STACK_SETS = "stack sets"
    ROLES = "roles"
    SOURCES = "sources"
    RECORDS = "records"


class StackSet(Value):
    """A stack set with a name of ours. `body` and `values` are hashes; `lies`: what is not as its own tags say.

    `untold`: no tag says anything of them. `unmarked`: how its ownership tags are not ours. `settings`: what else is
    not as we make it. `is_empty`: no account has an instance.
    """

    name: str
    body: str
    values: str
    unmarked: str = ""
    untold: bool = False
    lies: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    is_empty: bool = False

    @property
    def profile(self) -> str:
        """The profile it is named after."""
        return self.name.removeprefix(NAME_PREFIX)

    @property
    def is_ours(self) -> bool:
        """Whether its instances are connections of ours: it carries our tags, and a profile could have its name."""
        return not self.unmarked and re.fullmatch(PROFILE_NAME, self.profile) is not None


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
    stack_sets: tuple[StackSet, ...] = ()
    roles: tuple[Role, ...] = ()
    sources: tuple[Source, ...] = ()
    records: tuple[Remembered, ...] = ()


class Progress(Value):
    """How far a sweep has read: the list it reads (none: all are read), the next page's token, what it saw.

    `seen` has a mark of each token of the list that is read: one that comes twice would go round for ever.
    """

    scope: tuple[str, ...] = (EVERYTHING,)
    kind: Kind | None = Kind.ACCOUNTS
    profiles: tuple[str, ...] = ()  # those with a stack set of ours
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
    """What one sweep of everything leaves the next: how many accounts the last whole list had, and the last list.

    `profiles` and `bodies`: every profile, and every body's hash, that any sweep has seen built. A stack set is held
    to these, because whoever may change a stack set may change its tags as well.
    """

    whole: int = 0
    listed: int = 0
    profiles: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()


def joined(pages: Iterable[Page]) -> Page:
    """All pages as one; an account that two pages show counts once."""
    read = list(pages)
    accounts: Mapping[str, Account] = {account.id: account for page in read for account in page.accounts}
    return Page(
        accounts=tuple(accounts.values()),
        stack_sets=tuple({each.name: each for page in read for each in page.stack_sets}.values()),
        roles=tuple(role for page in read for role in page.roles),
        sources=tuple(source for page in read for source in page.sources),
        records=tuple(record for page in read for record in page.records),
    )
