"""Port `AssetCache`: what is known of Quick's assets, and who may call Quick next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from control_plane.aws.asset_cache import DynamoDbAssetCache
from control_plane.dependents import Asset
from control_plane.ports.quick import ListingProgress
from tests.fakes import FakeAssetCache

if TYPE_CHECKING:
    from control_plane.ports.quick import AssetCache
    from tests.deployed_hub import Deployed

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
LISTED = Asset("dataset", "a#b", "arn:a", "A name", "monday", seen="today")
DESCRIBED = Asset("dashboard", "c", "arn:c", "C", "monday", "today", uses=())
OWNED = Asset("analysis", "d", "arn:d", "D", "monday", "today", ("arn:a",), ("ann",), "today")


@pytest.fixture
def cache(deployed: Deployed | None) -> AssetCache:
    return DynamoDbAssetCache(*deployed.registry("RemoveDataSource")) if deployed else FakeAssetCache()


def test_assets_are_known_until_they_are_forgotten(cache: AssetCache) -> None:
    cache.keep_listing(ListingProgress("today", "analysis", "2"))  # which is no asset
    for each in (LISTED, DESCRIBED, OWNED):
        cache.keep(each)
    assert sorted(cache.assets(), key=lambda each: each.id) == [LISTED, DESCRIBED, OWNED]
    for each in (LISTED, DESCRIBED, OWNED._replace(name="whatever its name")):
        cache.forget(each)
    assert cache.assets() == []
    cache.forget(LISTED)


def test_an_asset_replaces_what_was_known_of_it(cache: AssetCache) -> None:
    for each in (OWNED, OWNED._replace(kind="dashboard"), OWNED._replace(uses=None)):
        cache.keep(each)
    assert sorted(cache.assets(), key=lambda each: each.kind) == [
        OWNED._replace(uses=None),
        OWNED._replace(kind="dashboard"),
    ]


def test_owners_are_known_only_with_the_time_they_were_read_at(cache: AssetCache) -> None:
    cache.keep(OWNED._replace(owners_asked=""))
    assert cache.assets() == [OWNED._replace(owners_asked="", owners=())]


def test_one_at_a_time_may_call_quick_and_how_far_it_came_is_known(cache: AssetCache) -> None:
    assert cache.listing() == ListingProgress()
    assert cache.try_reserve(NOW, NOW + timedelta(seconds=10))
    assert not cache.try_reserve(NOW + timedelta(seconds=9), NOW + timedelta(seconds=19))
    cache.keep_listing(ListingProgress("today", "analysis", "2"))
    assert cache.listing() == ListingProgress("today", "analysis", "2")
    assert not cache.try_reserve(NOW + timedelta(seconds=9), NOW + timedelta(seconds=19))
    assert cache.try_reserve(NOW + timedelta(seconds=10), NOW + timedelta(seconds=20))
