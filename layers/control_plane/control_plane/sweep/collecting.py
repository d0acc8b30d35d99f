"""Read the lists a sweep compares, some pages at a time. Each page is stored before the next one is read."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from control_plane.account import Account, Connection, Unit
from control_plane.errors import UnitNotFound
from control_plane.events import ACCOUNT_ID, UNIT
from control_plane.opt_in import OptInPolicy, nearest
from control_plane.ports.listing import ListPage
from control_plane.sweep.ports import (
    AccountListing,
    ListedAccount,
    RecordListing,
    RoleListing,
    SourceListing,
    SweepStore,
)
from control_plane.sweep.snapshot import EVERYTHING, RecordSummary, SnapshotKind, SnapshotPage, SnapshotProgress
from control_plane.text import SHORT, quoted

# Pages in one invocation. The whole organization shares 10 ListTagsForResource a second, and the machine waits between
# two invocations: 40 accounts in about ten seconds leave half of that to others.
PAGES = {
    SnapshotKind.ACCOUNTS: 2,
    SnapshotKind.STACK_SETS: 2,
    SnapshotKind.ROLES: 20,
    SnapshotKind.SOURCES: 20,
    SnapshotKind.RECORDS: 10,
    SnapshotKind.OWNERS: 2,
}
PROGRESS = "progress"
OWNERS_PAGE = 20  # data sources whose tags are read for one page
OF_OURS = ("connected", "degraded", "held", "quarantined")  # statuses of connections whose data source we made


class SnapshotSources(NamedTuple):
    """Where the lists are read from, and where their pages are stored."""

    accounts: AccountListing
    roles: RoleListing
    sources: SourceListing
    records: RecordListing
    store: SweepStore


def collect(
    sweep_id: str, scope: tuple[str, ...], opt_in_policy: OptInPolicy, lists: SnapshotSources
) -> SnapshotProgress:
    """Read the next pages of one list. No kind in the result: everything is read.

    Raises UnitNotFound, before anything is stored, when the organization has nothing of what is to be swept.
    """
    progress = lists.store.get(sweep_id, PROGRESS, SnapshotProgress) or _begun(scope, lists.accounts)
    kind, units = progress.kind, _Units(lists.accounts, opt_in_policy)
    for _ in range(PAGES[kind] if kind else 0):
        page, read = _page(sweep_id, progress, opt_in_policy, lists, units)
        lists.store.put(sweep_id, f"page#{progress.pages:06}", page)
        progress = _advance(_with_profiles(progress, page), read)
        lists.store.put(sweep_id, PROGRESS, progress)
        if progress.kind is not kind:
            break
    return progress


def _begun(scope: tuple[str, ...], accounts: AccountListing) -> SnapshotProgress:
    """The progress of a sweep that begins. What the organization does not have is left out, and reported at the end."""
    unknown = tuple(each for each in scope if not _is_known(each, accounts))
    known = tuple(each for each in scope if each not in unknown)
    if unknown and not known:
        raise UnitNotFound(f"the organization has no OU or root {', '.join(quoted(each, SHORT) for each in unknown)}")
    return SnapshotProgress(scope=known, unknown=unknown)


def _is_known(requested: str, accounts: AccountListing) -> bool:
    """Whether it is everything, an account, or an OU or root of the organization."""
    if requested == EVERYTHING or ACCOUNT_ID.fullmatch(requested):
        return True
    return UNIT.fullmatch(requested) is not None and accounts.has_unit(requested)


def give_up(sweep_id: str, why: str, store: SweepStore) -> SnapshotProgress:
    """Stop reading the list of accounts: it can't be read to its end, so it is used for additions only.

    When another list can't be read, the sweep can't compare anything, and this changes nothing.
    """
    progress = store.get(sweep_id, PROGRESS, SnapshotProgress) or SnapshotProgress()
    if progress.kind is SnapshotKind.ACCOUNTS:
        progress = progress.model_copy(
            update={"partial": progress.partial or why, **_next_list(SnapshotKind.STACK_SETS)}
        )
        store.put(sweep_id, PROGRESS, progress)
    return progress


class _Units:
    """The tags of OUs and the root, read once in an invocation."""

    def __init__(self, listing: AccountListing, opt_in_policy: OptInPolicy) -> None:
        self._listing, self._terms = listing, opt_in_policy
        self._known: dict[str, dict[str, str]] = {}

    def tags(self, unit_id: str) -> dict[str, str]:
        if unit_id not in self._known:
            self._known[unit_id] = _ours(self._listing.tags(unit_id), self._terms)
        return self._known[unit_id]

    def above(self, place: ListedAccount) -> tuple[str, ...] | None:
        """The parents of an account; None when they are not known."""
        return place.units if place.units is not None else self._listing.units_above(place.account_id)

    def nearest(self, above: tuple[str, ...]) -> Unit | None:
        """The nearest parent that has the opt-in tag."""
        return nearest(above, self.tags, self._terms.opt_in_tag)


def _page(
    sweep_id: str, progress: SnapshotProgress, opt_in_policy: OptInPolicy, lists: SnapshotSources, units: _Units
) -> tuple[SnapshotPage, ListPage[object]]:
    if progress.kind is SnapshotKind.ACCOUNTS:
        places = lists.accounts.page(progress.token)
        wanted = [each for each in places.items if progress.is_everything or _is_in(progress.scope, each, units)]
        return SnapshotPage(
            accounts=tuple(_account(each, opt_in_policy, lists.accounts, units) for each in wanted)
        ), places
    if progress.kind is SnapshotKind.STACK_SETS:
        stack_sets = lists.roles.stack_sets(progress.token)
        return SnapshotPage(stack_sets=tuple(stack_sets.items)), stack_sets
    if progress.kind is SnapshotKind.ROLES:
        roles = lists.roles.page(progress.profile, progress.token)
        return SnapshotPage(roles=tuple(roles.items)), roles
    if progress.kind is SnapshotKind.SOURCES:
        sources = lists.sources.page(progress.token)
        return SnapshotPage(sources=tuple(sources.items)), sources
    if progress.kind is SnapshotKind.OWNERS:
        return _owners(sweep_id, progress, lists)
    records = lists.records.page(progress.token)
    return SnapshotPage(records=tuple(map(RecordSummary.of, records.items))), records


def _owners(sweep_id: str, progress: SnapshotProgress, lists: SnapshotSources) -> tuple[SnapshotPage, ListPage[object]]:
    """The tags of some data sources that have our names, and that no record says we made.

    Quick's list shows no tags, and reading those of every data source would take too long. A data source that we made
    and that lost its tags is found by the full check of its account.
    """
    doubtful = _without_record(lists.store.every(sweep_id, "page#", SnapshotPage))
    first = int(progress.token or 0)
    found = map(lists.sources.ownership, doubtful[first : first + OWNERS_PAGE])
    following = first + OWNERS_PAGE
    page = SnapshotPage(owners=tuple(each for each in found if each))
    return page, ListPage((), str(following) if following < len(doubtful) else "")


def _without_record(pages: Iterable[SnapshotPage]) -> list[Connection]:
    """The data sources that no record says we made, in a fixed order."""
    sources, ours = set[tuple[str, str]](), set[tuple[str, str]]()
    for page in pages:
        sources |= {(each.account_id, each.profile) for each in page.sources}
        ours |= {(each.account_id, each.profile) for each in page.records if each.status in OF_OURS}
    return [Connection(account_id=account_id, profile=profile) for account_id, profile in sorted(sources - ours)]


def _is_in(scope: tuple[str, ...], place: ListedAccount, units: _Units) -> bool:
    """Whether an account is in the scope of a sweep. An account without known parents is included."""
    above = units.above(place)
    return above is None or bool({*scope} & {*above, place.account_id})


def _account(place: ListedAccount, opt_in_policy: OptInPolicy, listing: AccountListing, units: _Units) -> Account:
    tags = _ours(listing.tags(place.account_id), opt_in_policy)
    above = () if opt_in_policy.opt_in_tag in tags else units.above(place)
    unit = units.nearest(above) if above else None
    return Account(
        id=place.account_id,
        name=place.name,
        state=place.state,
        tags=tags,
        unit=unit,
        is_placed=above is not None,
        above=above or place.units,
    )


def _ours(tags: Mapping[str, str], opt_in_policy: OptInPolicy) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key in opt_in_policy.keys}


def _with_profiles(progress: SnapshotProgress, page: SnapshotPage) -> SnapshotProgress:
    """Add the profiles whose instances are to be read next. Stack sets that are not ours are not read."""
    ours = {each.profile for each in page.stack_sets if each.is_ours}
    return progress.model_copy(update={"profiles": tuple(sorted({*progress.profiles, *ours}))})


def _advance(progress: SnapshotProgress, read: ListPage[object]) -> SnapshotProgress:
    """Go to the next page. A token that was seen before ends the list."""
    counted = len(read.items) if progress.kind is SnapshotKind.ACCOUNTS else 0
    progress = progress.model_copy(update={"pages": progress.pages + 1, "listed": progress.listed + counted})
    if read.token and (token_hash := _hash(read.token)) not in progress.seen:
        return progress.model_copy(update={"token": read.token, "seen": (*progress.seen, token_hash)})
    if read.token and progress.kind is SnapshotKind.ACCOUNTS:
        why = f"Organizations gave the same page of the list of accounts twice, after {progress.listed} accounts"
        progress = progress.model_copy(update={"partial": why})
    if progress.kind in (SnapshotKind.STACK_SETS, SnapshotKind.ROLES) and (
        later := [name for name in progress.profiles if name > progress.profile]
    ):
        return progress.model_copy(update={**_next_list(SnapshotKind.ROLES), "profile": later[0]})
    following = {
        SnapshotKind.ACCOUNTS: SnapshotKind.STACK_SETS,
        SnapshotKind.STACK_SETS: SnapshotKind.SOURCES,
        SnapshotKind.ROLES: SnapshotKind.SOURCES,
        SnapshotKind.SOURCES: SnapshotKind.RECORDS,
        SnapshotKind.RECORDS: SnapshotKind.OWNERS,
    }
    return progress.model_copy(update=_next_list(following.get(progress.kind or SnapshotKind.OWNERS)))


def _hash(token: str) -> str:
    """A short hash of a token: tokens have hundreds of characters, and hundreds of them are stored in one item."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def _next_list(kind: SnapshotKind | None) -> dict[str, object]:
    return {"kind": kind, "profile": "", "token": "", "seen": ()}
