"""Find the assets that depend on a data source, a few calls at a time: Quick has no API to search by data source.

The results are stored in the registry and shared by all removals. Only one caller at a time makes calls, so that Quick
gets about two calls a second from all of them together. After a crash, only the last few calls are repeated.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from control_plane.dependents import KIND_NAMES, MAX_LISTED, Asset, depending
from control_plane.ports.quick import AssetCache, ListingProgress, QuickAssets

PACE = timedelta(seconds=10)  # between two slices of calls, for all callers together
CALLS, PAGE = 20, 4  # calls in a slice; a page of a list counts as four, because a hundred assets are stored after it
FRESH = timedelta(hours=1)  # lists and owners younger than that are used
KINDS = tuple(KIND_NAMES)


@dataclass
class Search:
    """One slice of the search, and the calls it may still make."""

    now: datetime
    quick: QuickAssets
    cache: AssetCache
    calls: int = CALLS

    def spend(self, calls: int = 1) -> bool:
        """Use up so many calls; False when fewer are left."""
        if self.calls < calls:
            return False
        self.calls -= calls
        return True

    def is_fresh(self, timestamp: str) -> bool:
        """Whether data read at that time is still used."""
        return bool(timestamp) and self.now - datetime.fromisoformat(timestamp) < FRESH


def find(arn: str, now: datetime, quick: QuickAssets, cache: AssetCache) -> list[Asset] | None:
    """All assets that depend on a data source; None: not known yet, try again after PACE."""
    search = Search(now, quick, cache)
    found = _find_in_cache(arn, search)
    if found is None and cache.try_reserve(now, now + PACE):
        _search(arn, search)
        found = _find_in_cache(arn, search)
    return found


def _find_in_cache(arn: str, search: Search) -> list[Asset] | None:
    listing = search.cache.listing()
    assets = _listed(search, listing)
    if listing.kind or not search.is_fresh(listing.since) or any(asset.uses is None for asset in assets):
        return None
    found = depending(arn, assets)
    return found if all(search.is_fresh(asset.owners_asked) for asset in found[:MAX_LISTED]) else None


def _listed(search: Search, listing: ListingProgress) -> list[Asset]:
    return [asset for asset in search.cache.assets() if asset.seen == listing.since]


def _search(arn: str, search: Search) -> None:
    """Read the lists, then what each new or changed asset uses, then the owners of the dependent assets."""
    listing = _list(search)
    if listing.kind:
        return
    for asset in _listed(search, listing):
        if asset.uses is None and search.spend():
            search.cache.keep(asset._replace(uses=search.quick.uses(asset.kind, asset.id)))
    assets = _listed(search, listing)
    if any(asset.uses is None for asset in assets):
        return
    for asset in depending(arn, assets)[:MAX_LISTED]:
        if not search.is_fresh(asset.owners_asked) and search.spend():
            owners = search.quick.owners(asset.kind, asset.id)
            search.cache.keep(asset._replace(owners=owners, owners_asked=search.now.isoformat()))


def _list(search: Search) -> ListingProgress:
    """Continue the lists where the last slice stopped, or start again when they are too old."""
    listing = search.cache.listing()
    if not search.is_fresh(listing.since):
        listing = ListingProgress(since=search.now.isoformat(), kind=KINDS[0])
        search.cache.keep_listing(listing)
    if not listing.kind:
        return listing
    known = {(asset.kind, asset.id): asset for asset in search.cache.assets()}
    while listing.kind and search.spend(PAGE):
        page = search.quick.page(listing.kind, listing.token)
        for asset in page.assets:
            search.cache.keep(_merged(asset, known.get((asset.kind, asset.id)), listing.since))
        listing = listing._replace(kind=listing.kind if page.token else _after(listing.kind), token=page.token)
        search.cache.keep_listing(listing)
    if not listing.kind:
        _forget_deleted(search, listing)
    return listing


def _merged(listed: Asset, known: Asset | None, since: str) -> Asset:
    """Keep what is known of an asset that did not change."""
    if known and known.updated == listed.updated:
        return known._replace(seen=since)
    return listed._replace(seen=since)


def _after(kind: str) -> str:
    return dict(zip(KINDS, [*KINDS[1:], ""], strict=True))[kind]


def _forget_deleted(search: Search, listing: ListingProgress) -> None:
    for asset in search.cache.assets():
        if asset.seen != listing.since:
            search.cache.forget(asset)
