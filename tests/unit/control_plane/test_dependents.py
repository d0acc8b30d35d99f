"""What depends on a data source: found a slice at a time, kept, and told before it stops working."""

from datetime import timedelta

import pytest

from control_plane.dependents import MAX_LISTED, Asset, depending, describe
from control_plane.errors import NotOurs
from control_plane.ports.quick import ListingProgress
from control_plane.steps.data_source import RemovalDependencies, RemovalResult, remove
from control_plane.steps.data_source import wanted as what_is_wanted
from control_plane.steps.dependents import CALLS, FRESH, PACE, find
from tests.fakes import (
    FakeAssetCache,
    FakeDataSources,
    FakeNotifications,
    FakeProofDataSets,
    FakeQuickAssets,
    FakeRegistry,
    QuickSource,
)
from tests.unit.control_plane.vocabulary import CONNECTION, CONSUMER, HUB, TODAY, profile

SOURCE = CONNECTION.data_source_arn(HUB)
ANN = "arn:aws:quicksight:eu-west-1:444455556666:user/default/ann"


def asset(kind: str, name: str, *uses: str, owners: tuple[str, ...] = (ANN,)) -> Asset:
    return Asset(kind, f"{kind}-{name}", f"arn:{kind}/{name}", name, "monday", uses=uses, owners=owners)


ORDERS = asset("dataset", "orders", SOURCE)
JOINED = asset("dataset", "joined", "arn:dataset/orders", "arn:datasource/other")
BOARD = asset("dashboard", "board", "arn:dataset/joined")
STUDY = asset("analysis", "study", "arn:dataset/orders")
OTHER = asset("dataset", "other", "arn:datasource/other")
EVERYTHING = (BOARD, OTHER, JOINED, STUDY, ORDERS)


# --- which depend on which ------------------------------------------------------------------------------


def test_data_sets_on_it_data_sets_on_these_and_whatever_shows_them_depend_on_a_data_source() -> None:
    assert depending(SOURCE, EVERYTHING) == [JOINED, ORDERS, STUDY, BOARD]
    assert depending("arn:datasource/unused", EVERYTHING) == []


def test_assets_that_use_each_other_are_no_endless_loop() -> None:
    one, two = asset("dataset", "one", "arn:dataset/two", SOURCE), asset("dataset", "two", "arn:dataset/one")
    assert depending(SOURCE, [one, two]) == [one, two]


def test_dependents_are_told_with_their_owners() -> None:
    assert describe([ORDERS, BOARD._replace(owners=())]) == (
        "data set orders (owners: user/default/ann)\ndashboard board (no owner)"
    )
    assert describe([]) == ""


def test_a_long_list_is_cut_and_says_by_how_much() -> None:
    many = [ORDERS._replace(owners=(ANN,) * 7)] * (MAX_LISTED + 12)
    lines = describe(many).splitlines()
    assert (len(lines), lines[-1]) == (MAX_LISTED + 1, "and 12 more")
    assert lines[0].endswith("user/default/ann, 2 more)")


# --- found in slices --------------------------------------------------------------------------------------


def slices(quick: FakeQuickAssets, cache: FakeAssetCache, at: timedelta = timedelta()) -> tuple[list[Asset], int]:
    """Look again every ten seconds until all is known: what was found, and the slices it took."""
    for number in range(1, 200):
        before = len(quick.calls)
        found = find(SOURCE, TODAY + at + number * PACE, quick, cache)
        assert len(quick.calls) - before <= CALLS
        if found is not None:
            return found, number
    raise AssertionError("never found")


def names(found: list[Asset]) -> list[str]:
    return [asset.name for asset in found]


def test_dependents_are_found_with_their_owners() -> None:
    found, _ = slices(FakeQuickAssets(*EVERYTHING), FakeAssetCache())
    assert names(found) == ["joined", "orders", "study", "board"]
    assert {asset.owners for asset in found} == {(ANN,)}


def test_a_quick_without_assets_is_known_at_once() -> None:
    assert slices(FakeQuickAssets(), FakeAssetCache()) == ([], 1)


def test_many_assets_take_many_slices_of_few_calls() -> None:
    many = [asset("dataset", f"d{number:03}", SOURCE if number < 60 else "arn:other") for number in range(150)]
    quick = FakeQuickAssets(*many)
    found, taken = slices(quick, FakeAssetCache())
    assert len(found) == 60
    assert taken > (150 + MAX_LISTED) // CALLS
    assert len([call for call in quick.calls if call.startswith("describe")]) == 150
    assert len([call for call in quick.calls if call.startswith("owners")]) == MAX_LISTED


def test_who_asks_within_the_hour_finds_it_known() -> None:
    quick, cache = FakeQuickAssets(*EVERYTHING), FakeAssetCache()
    slices(quick, cache)
    asked = list(quick.calls)
    assert slices(quick, cache, at=timedelta(minutes=30))[1] == 1
    assert quick.calls == asked


def test_only_one_of_many_asks_at_a_time() -> None:
    quick, cache = FakeQuickAssets(*[asset("dataset", f"d{n}", SOURCE) for n in range(30)]), FakeAssetCache()
    assert find(SOURCE, TODAY, quick, cache) is None
    asked = list(quick.calls)
    assert find(SOURCE, TODAY + PACE / 2, quick, cache) is None
    assert quick.calls == asked


def test_after_an_hour_the_lists_are_asked_for_again_and_only_what_changed_is_described() -> None:
    quick, cache = FakeQuickAssets(*EVERYTHING), FakeAssetCache()
    slices(quick, cache)
    quick.calls.clear()
    quick.made["dataset", OTHER.id] = OTHER._replace(uses=(SOURCE,), updated="tuesday")
    del quick.made["dashboard", BOARD.id]
    found, _ = slices(quick, cache, at=FRESH)
    assert names(found) == ["joined", "orders", "other", "study"]
    assert [call for call in quick.calls if call.startswith("describe")] == ["describe dataset-other"]
    assert BOARD not in cache.known.values()
    assert len(cache.known) == 4


def test_owners_are_asked_for_again_after_an_hour() -> None:
    quick, cache = FakeQuickAssets(ORDERS), FakeAssetCache()
    slices(quick, cache)
    quick.made["dataset", ORDERS.id] = ORDERS._replace(owners=("arn:user/bob",))
    ((found,), _) = slices(quick, cache, at=FRESH)
    assert found.owners == ("arn:user/bob",)


def test_lists_left_half_way_long_ago_begin_anew() -> None:
    quick, cache = FakeQuickAssets(*EVERYTHING, page=1), FakeAssetCache()
    cache.keep_listing(ListingProgress((TODAY - FRESH).isoformat(), "analysis", "5"))
    found, _ = slices(quick, cache)
    assert names(found) == ["joined", "orders", "study", "board"]
    assert quick.calls[0] == "list dataset"


def test_lists_go_on_where_a_slice_stopped() -> None:
    quick, cache = FakeQuickAssets(*[asset("dataset", f"d{n}", SOURCE) for n in range(12)], page=1), FakeAssetCache()
    found, _ = slices(quick, cache)
    assert len(found) == 12
    assert quick.calls.count("list dataset") == 12


# --- and told before the data source goes -----------------------------------------------------------------


class Removing:
    """A data source, what people made of it, and who was told."""

    def __init__(self, *assets: Asset, state: str = "successful") -> None:
        target = what_is_wanted(CONNECTION, "sales", profile(), HUB)
        self.quick = FakeDataSources(HUB)
        self.quick.sources[CONNECTION.data_source_id] = QuickSource(
            target.name, target.settings, state, target.sharing, HUB.ownership_tags
        )
        self.registry = FakeRegistry([(CONSUMER, "default", "disconnecting")])
        self.notifications = FakeNotifications()
        self.proofs = FakeProofDataSets(HUB)
        self.removal_dependencies = RemovalDependencies(
            FakeQuickAssets(*assets), FakeAssetCache(), self.registry, self.notifications, self.proofs
        )
        self.looks = 0

    def step(self) -> RemovalResult:
        """One look, ten seconds after the last."""
        self.looks += 1
        return remove(CONNECTION, "sales", HUB, TODAY + self.looks * PACE, self.quick, self.removal_dependencies)

    def run(self) -> int:
        """Look until it is gone; how often that was."""
        while not self.step().removed:
            assert self.looks < 50
        return self.looks


def test_what_a_stopped_proof_left_behind_is_deleted_and_is_no_dependent() -> None:
    left = ORDERS._replace(id=CONNECTION.proof_id)
    there = Removing(left)
    there.proofs.owned[CONNECTION.proof_id] = HUB.ownership_tags
    there.run()
    assert (there.proofs.owned, there.notifications.sent) == ({}, [])


def test_without_a_data_source_it_is_deleted_too() -> None:
    there = Removing()
    there.quick.sources.clear()
    there.proofs.owned[CONNECTION.proof_id] = HUB.ownership_tags
    assert there.step() == RemovalResult(removed=True)
    assert there.proofs.owned == {}


def test_a_data_set_of_that_name_that_is_not_ours_is_kept() -> None:
    there = Removing()
    there.proofs.owned[CONNECTION.proof_id] = {"managed-by": "somebody"}
    there.run()
    assert list(there.proofs.owned) == [CONNECTION.proof_id]


@pytest.mark.parametrize("state", ["successful", "creating", "creation_failed", "updating", "update_failed"])
def test_a_data_source_is_removed_from_every_state(state: str) -> None:
    there = Removing(state=state)
    assert there.step() == RemovalResult(removed=False, pause=8)
    assert there.step() == RemovalResult(removed=True)
    assert there.quick.calls == ["remove"]


def test_one_that_is_not_there_is_gone_without_asking_for_anything() -> None:
    there = Removing()
    there.quick.sources.clear()
    assert there.step() == RemovalResult(removed=True)
    assert there.removal_dependencies.quick.calls == []  # type: ignore[attr-defined]  # the fake's


def test_nobody_is_told_of_nothing() -> None:
    there = Removing(OTHER)
    there.run()
    assert there.notifications.sent == []
    assert there.registry.items[CONSUMER, "default"].dependents == ""


def test_dependents_are_recorded_and_told_once_before_the_data_source_goes() -> None:
    there = Removing(*EVERYTHING)
    there.run()
    assert "data set orders (owners: user/default/ann)" in there.registry.items[CONSUMER, "default"].dependents
    ((subject, text),) = there.notifications.sent
    assert CONSUMER in subject
    assert "dashboard board" in text
    assert "(sales)" in text


def test_a_step_repeated_after_telling_tells_nobody_again() -> None:
    there = Removing(*EVERYTHING)
    there.run()
    there.quick.sources[CONNECTION.data_source_id] = Removing().quick.sources[CONNECTION.data_source_id]
    there.run()
    assert len(there.notifications.sent) == 1
    assert there.quick.calls == ["remove", "remove"]


def test_nothing_is_deleted_before_all_dependents_are_known() -> None:
    there = Removing(*[asset("dataset", f"d{number}", SOURCE) for number in range(40)])
    assert there.step() == RemovalResult(removed=False, pause=10)
    assert there.quick.calls == []
    there.run()
    assert there.quick.calls == ["remove"]


def test_an_unmanaged_data_source_is_left_alone() -> None:
    there = Removing()
    there.quick.sources[CONNECTION.data_source_id].tags = {"managed-by": "somebody"}
    with pytest.raises(NotOurs):
        there.step()
    assert there.quick.calls == []
