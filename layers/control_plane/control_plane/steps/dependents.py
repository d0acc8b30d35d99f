"""Find what depends on a data source, a slice at a time: Quick's API can't be asked by data source.

What was found is kept in the registry and shared by all who ask, whatever connection they remove: one slice at a
time, so that Quick gets about two calls a second from all of us together. A crash costs one slice.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from control_plane.dependents import NAMED, WORDS, Asset, depending
from control_plane.ports import AssetCache, Listing, QuickAssets

PACE = timedelta(seconds=10)  # between two slices, whoever asks
CALLS, PAGE = 20, 4  # calls in a slice; a page of a list counts as so many, because a hundred assets are kept after it
FRESH = timedelta(hours=1)  # a list, and owners, younger than that are believed
KINDS = tuple(WORDS)


@dataclass
class Search:
    """One look for dependents, and the calls it may still make."""

    now: datetime
    quick: QuickAssets
    cache: AssetCache
    calls: int = CALLS

    def spend(self, calls: int = 1) -> bool:
        """Whether so many calls are left; then they count as made."""
        if self.calls < calls:
            return False
        self.calls -= calls
        return True

    def is_fresh(self, moment: str) -> bool:
        """Whether something learnt then is still believed."""
        return bool(moment) and self.now - datetime.fromisoformat(moment) < FRESH


def find(arn: str, now: datetime, quick: QuickAssets, cache: AssetCache) -> list[Asset] | None:
    """Everything that depends on a data source; None: not known yet, come again after PACE."""
    search = Search(now, quick, cache)
    found = _known(arn, search)
    if found is None and cache.take_turn(now, now + PACE):
        _look(arn, search)
        found = _known(arn, search)
    return found


def _known(arn: str, search: Search) -> list[Asset] | None:
    listing = search.cache.listing()
    assets = _listed(search, listing)
    if listing.kind or not search.is_fresh(listing.since) or any(asset.uses is None for asset in assets):
        return None
    found = depending(arn, assets)
    return found if all(search.is_fresh(asset.owners_asked) for asset in found[:NAMED]) else None


def _listed(search: Search, listing: Listing) -> list[Asset]:
    return [asset for asset in search.cache.assets() if asset.seen == listing.since]


def _look(arn: str, search: Search) -> None:
    """Lists first, then what each new or changed asset uses, then the owners of those that count."""
    listing = _list(search)
    if listing.kind:
        return
    for asset in _listed(search, listing):
        if asset.uses is None and search.spend():
            search.cache.keep(replace(asset, uses=search.quick.uses(asset.kind, asset.id)))
    assets = _listed(search, listing)
    if any(asset.uses is None for asset in assets):
        return
    for asset in depending(arn, assets)[:NAMED]:
        if not search.is_fresh(asset.owners_asked) and search.spend():
            owners = search.quick.owners(asset.kind, asset.id)
            search.cache.keep(replace(asset, owners=owners, owners_asked=search.now.isoformat()))


def _list(search: Search) -> Listing:
    """Go on with the lists where the last slice stopped, or begin anew when they are too old."""
    listing = search.cache.listing()
    if not search.is_fresh(listing.since):
        listing = Listing(since=search.now.isoformat(), kind=KINDS[0])
        search.cache.keep_listing(listing)
    if not listing.kind:
        return listing
    known = {(asset.kind, asset.id): asset for asset in search.cache.assets()}
    while listing.kind and search.spend(PAGE):
        page = search.quick.page(listing.kind, listing.token)
        for asset in page.assets:
            search.cache.keep(_merged(asset, known.get((asset.kind, asset.id)), listing.since))
        listing = replace(listing, kind=listing.kind if page.token else _after(listing.kind), token=page.token)
        search.cache.keep_listing(listing)
    if not listing.kind:
        _forget_what_is_gone(search, listing)
    return listing


def _merged(listed: Asset, known: Asset | None, since: str) -> Asset:
    """An asset that did not change keeps what we know of it."""
    if known and known.updated == listed.updated:
        return replace(known, seen=since)
    return replace(listed, seen=since)


def _after(kind: str) -> str:
    return dict(zip(KINDS, [*KINDS[1:], ""], strict=True))[kind]


def _forget_what_is_gone(search: Search, listing: Listing) -> None:
    for asset in search.cache.assets():
        if asset.seen != listing.since:
            search.cache.forget(asset)
