"""Read the lists a sweep compares, some pages at a time, each written down before the next is asked for."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from control_plane.account import Account, Unit
from control_plane.asking import Terms, nearest
from control_plane.sweep.facts import Kind, Page, Progress
from control_plane.sweep.ports import AccountListing, Papers, Place, Read, RecordListing, RoleListing, SourceListing

# In one go. Organizations answers 10 ListTagsForResource a second to the whole organization, and the machine
# pauses between two goes: 40 accounts in about ten seconds leave half of that to everybody else.
PAGES = {Kind.ACCOUNTS: 2, Kind.STACK_SETS: 2, Kind.ROLES: 20, Kind.SOURCES: 20, Kind.RECORDS: 10}
PROGRESS = "progress"


@dataclass(frozen=True)
class Lists:
    """Where the lists come from, and where what was read is written down."""

    accounts: AccountListing
    roles: RoleListing
    sources: SourceListing
    records: RecordListing
    papers: Papers


def collect(sweep_id: str, scope: tuple[str, ...], terms: Terms, lists: Lists) -> Progress:
    """Read on from where the sweep is, one list's pages of one go. No kind in the answer: everything is read."""
    progress = lists.papers.get(sweep_id, PROGRESS, Progress) or Progress(scope=scope)
    kind, known = progress.kind, _Units(lists.accounts, terms)
    for _ in range(PAGES[kind] if kind else 0):
        page, read = _page(progress, terms, lists, known)
        lists.papers.put(sweep_id, f"page#{progress.pages:06}", page)
        progress = _onward(_noting(progress, page), read)
        lists.papers.put(sweep_id, PROGRESS, progress)
        if progress.kind is not kind:
            break
    return progress


def give_up(sweep_id: str, why: str, papers: Papers) -> Progress:
    """The list of accounts can't be read to its end: what was read is used for additions only.

    Of another list that can't be read nothing follows: then there is nothing to compare with, and nothing changes here.
    """
    progress = papers.get(sweep_id, PROGRESS, Progress) or Progress()
    if progress.kind is Kind.ACCOUNTS:
        progress = progress.model_copy(update={"partial": progress.partial or why, **_next_list(Kind.STACK_SETS)})
        papers.put(sweep_id, PROGRESS, progress)
    return progress


class _Units:
    """The units' tags, read once in a go."""

    def __init__(self, listing: AccountListing, terms: Terms) -> None:
        self._listing, self._terms = listing, terms
        self._known: dict[str, dict[str, str]] = {}

    def tags(self, unit_id: str) -> dict[str, str]:
        if unit_id not in self._known:
            self._known[unit_id] = _ours(self._listing.tags(unit_id), self._terms)
        return self._known[unit_id]

    def above(self, place: Place) -> tuple[str, ...] | None:
        """The units above an account; None when its place is unknown."""
        return place.units if place.units is not None else self._listing.units_above(place.account_id)

    def nearest(self, above: tuple[str, ...]) -> Unit | None:
        """The nearest of the units that has the opt-in tag."""
        return nearest(above, self.tags, self._terms.opt_in_tag)


def _page(progress: Progress, terms: Terms, lists: Lists, units: _Units) -> tuple[Page, Read[object]]:
    if progress.kind is Kind.ACCOUNTS:
        places = lists.accounts.page(progress.token)
        wanted = [each for each in places.items if progress.is_everything or _is_in(progress.scope, each, units)]
        return Page(accounts=tuple(_account(each, terms, lists.accounts, units) for each in wanted)), places
    if progress.kind is Kind.STACK_SETS:
        stack_sets = lists.roles.stack_sets(progress.token)
        return Page(stack_sets=tuple(stack_sets.items)), stack_sets
    if progress.kind is Kind.ROLES:
        roles = lists.roles.page(progress.profile, progress.token)
        return Page(roles=tuple(roles.items)), roles
    if progress.kind is Kind.SOURCES:
        sources = lists.sources.page(progress.token)
        return Page(sources=tuple(sources.items)), sources
    records = lists.records.page(progress.token)
    return Page(records=tuple(records.items)), records


def _is_in(scope: tuple[str, ...], place: Place, units: _Units) -> bool:
    """Whether a sweep is about that account. Where its place is unknown it may be: whoever looks at it finds out."""
    above = units.above(place)
    return above is None or bool({*scope} & {*above, place.account_id})


def _account(place: Place, terms: Terms, listing: AccountListing, units: _Units) -> Account:
    tags = _ours(listing.tags(place.account_id), terms)
    above = () if terms.opt_in_tag in tags else units.above(place)
    unit = units.nearest(above) if above else None
    return Account(
        id=place.account_id, name=place.name, state=place.state, tags=tags, unit=unit, is_placed=above is not None
    )


def _ours(tags: Mapping[str, str], terms: Terms) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key in (terms.opt_in_tag, terms.expires_tag)}


def _noting(progress: Progress, page: Page) -> Progress:
    """The profiles whose instances are to be read: a stranger's stack set is not looked into."""
    ours = {each.profile for each in page.stack_sets if each.is_ours}
    return progress.model_copy(update={"profiles": tuple(sorted({*progress.profiles, *ours}))})


def _onward(progress: Progress, read: Read[object]) -> Progress:
    """Where the next page is; a token seen before ends its list."""
    counted = len(read.items) if progress.kind is Kind.ACCOUNTS else 0
    progress = progress.model_copy(update={"pages": progress.pages + 1, "listed": progress.listed + counted})
    if read.token and (mark := _mark(read.token)) not in progress.seen:
        return progress.model_copy(update={"token": read.token, "seen": (*progress.seen, mark)})
    if read.token and progress.kind is Kind.ACCOUNTS:
        why = f"Organizations gave the same page of the list of accounts twice, after {progress.listed} accounts"
        progress = progress.model_copy(update={"partial": why})
    if progress.kind in (Kind.STACK_SETS, Kind.ROLES) and (
        later := [name for name in progress.profiles if name > progress.profile]
    ):
        return progress.model_copy(update={**_next_list(Kind.ROLES), "profile": later[0]})
    following = {
        Kind.ACCOUNTS: Kind.STACK_SETS,
        Kind.STACK_SETS: Kind.SOURCES,
        Kind.ROLES: Kind.SOURCES,
        Kind.SOURCES: Kind.RECORDS,
    }
    return progress.model_copy(update=_next_list(following.get(progress.kind or Kind.RECORDS)))


def _mark(token: str) -> str:
    """A token in short: AWS's are hundreds of characters, and hundreds of them are kept in one item."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def _next_list(kind: Kind | None) -> dict[str, object]:
    return {"kind": kind, "profile": "", "token": "", "seen": ()}
