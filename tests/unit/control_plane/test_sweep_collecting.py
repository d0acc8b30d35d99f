"""Reading the lists of a sweep: page by page, resumable, and honest about what is not whole."""

from dataclasses import dataclass, field

import pytest

from control_plane.errors import UnitNotFound
from control_plane.ports.registry import Record
from control_plane.sweep.collecting import PAGES, SnapshotSources, collect, give_up
from control_plane.sweep.ports import ListedAccount
from control_plane.sweep.snapshot import (
    EVERYTHING,
    DataSourceSummary,
    RecordSummary,
    RoleSummary,
    SnapshotKind,
    SnapshotPage,
    SnapshotProgress,
    merged,
)
from tests.sweep_fakes import FakeAccountListing, FakeRecordListing, FakeRoleListing, FakeSourceListing, FakeSweepStore
from tests.unit.control_plane.vocabulary import OPT_IN_POLICY, TAG

SWEEP = "20261124080000000"
SALES, EUROPE, ROOT = "ou-ab12-sales0001", "ou-ab12-europe001", "r-ab12"


def place(number: int, *units: str) -> ListedAccount:
    return ListedAccount(f"{number:012}", f"account {number}", "ACTIVE", (*units, ROOT))


@dataclass
class Bench:
    """An organization, and one sweep of it."""

    accounts: FakeAccountListing
    roles: FakeRoleListing = field(default_factory=FakeRoleListing)
    sources: FakeSourceListing = field(default_factory=FakeSourceListing)
    records: FakeRecordListing = field(default_factory=FakeRecordListing)
    store: FakeSweepStore = field(default_factory=FakeSweepStore)
    scope: tuple[str, ...] = (EVERYTHING,)

    @property
    def lists(self) -> SnapshotSources:
        """What the sweep reads."""
        return SnapshotSources(self.accounts, self.roles, self.sources, self.records, self.store)

    def go(self) -> SnapshotProgress:
        """One slice."""
        return collect(SWEEP, self.scope, OPT_IN_POLICY, self.lists)

    def all(self) -> SnapshotProgress:
        """Slices until everything is read."""
        for _ in range(1000):
            progress = self.go()
            if progress.kind is None:
                return progress
        raise AssertionError("it never ends")

    @property
    def read(self) -> SnapshotPage:
        """What it has written down."""
        return merged(self.store.every(SWEEP, "page#", SnapshotPage))


def members(count: int) -> FakeAccountListing:
    places = [place(number) for number in range(count)]
    return FakeAccountListing(places, {"000000000003": {TAG: "enabled", "owner": "sales"}})


def test_everything_is_read_and_only_our_tags_are_kept() -> None:
    roles = [
        RoleSummary(account_id="000000000003", profile=name, is_current=True, is_drifted=False) for name in ("b", "a")
    ]
    source = DataSourceSummary(account_id="000000000003", profile="a", state="successful", name="sales")
    record = Record("000000000003", "a", "connected", reason="the tag says so")
    bench = Bench(members(45), FakeRoleListing(roles), FakeSourceListing([source]), FakeRecordListing([record]))
    progress = bench.all()
    assert (progress.listed, progress.partial) == (45, "")
    assert [each.id for each in bench.read.accounts] == [f"{number:012}" for number in range(45)]
    assert {each.id: each.tags for each in bench.read.accounts if each.tags} == {"000000000003": {TAG: "enabled"}}
    assert (bench.read.roles, bench.read.sources, bench.read.records) == (
        (roles[1], roles[0]),
        (source,),
        (RecordSummary.of(record),),
    )


@pytest.mark.parametrize("count", [0, 1, 20, 21])
def test_no_account_one_account_and_whole_pages_are_lists_too(count: int) -> None:
    bench = Bench(members(count))
    assert (bench.all().listed, len(bench.read.accounts)) == (count, count)


def test_one_go_reads_no_more_than_organizations_can_bear() -> None:
    bench = Bench(members(100))
    assert bench.go().listed == 40
    assert len([each for each in bench.accounts.tags_read if each != ROOT]) == 40


def test_a_unit_is_asked_once_in_a_go_however_many_accounts_are_below_it() -> None:
    bench = Bench(FakeAccountListing([place(number, EUROPE, SALES) for number in range(40)], {SALES: {TAG: "finance"}}))
    bench.all()
    assert [bench.accounts.tags_read.count(unit) for unit in (EUROPE, SALES, ROOT)] == [1, 1, 0]  # the nearest wins
    assert {each.unit.id for each in bench.read.accounts if each.unit} == {SALES}


def test_an_account_with_a_tag_of_its_own_asks_no_unit() -> None:
    bench = Bench(FakeAccountListing([place(1, SALES)], {"000000000001": {TAG: "disabled"}, SALES: {TAG: "enabled"}}))
    bench.all()
    assert bench.accounts.tags_read == ["000000000001"]
    assert bench.read.accounts[0].unit is None


def test_a_sweep_of_a_unit_reads_the_tags_below_it_only() -> None:
    listing = FakeAccountListing([place(1, EUROPE, SALES), place(2, "ou-ab12-other0001"), place(3, SALES)])
    bench = Bench(listing, scope=(SALES,))
    progress = bench.all()
    assert [each.id for each in bench.read.accounts] == ["000000000001", "000000000003"]
    assert (progress.listed, progress.is_everything) == (3, False)
    assert "000000000002" not in bench.accounts.tags_read


def nowhere(number: int) -> ListedAccount:
    return ListedAccount(f"{number:012}", f"account {number}", "ACTIVE", None)


def test_an_account_without_a_path_is_not_one_below_no_unit() -> None:
    listing = FakeAccountListing([nowhere(1), nowhere(2), nowhere(3)], {SALES: {TAG: "enabled"}})
    listing.tagged["000000000003"] = {TAG: "paused"}
    listing.above = {"000000000001": (SALES, ROOT)}
    bench = Bench(listing)
    bench.all()
    first, second, third = bench.read.accounts
    assert first.unit is not None
    assert (first.unit.id, first.is_placed) == (SALES, True)
    assert (second.unit, second.is_placed) == (None, False)
    assert (third.unit, third.is_placed) == (None, True), "its own tag counts wherever it stands"


def test_a_sweep_of_a_unit_takes_in_whoever_may_be_below_it() -> None:
    listing = FakeAccountListing([nowhere(1), nowhere(2), nowhere(3)], {})
    listing.above = {"000000000001": (SALES, ROOT), "000000000002": (EUROPE, ROOT)}
    bench = Bench(listing, scope=(SALES,))
    bench.all()
    assert [(each.id, each.is_placed) for each in bench.read.accounts] == [
        ("000000000001", True),
        ("000000000003", False),
    ]


def test_a_sweep_may_be_of_accounts_and_units() -> None:
    listing = FakeAccountListing([place(1, EUROPE), place(2, SALES), place(3, EUROPE)])
    bench = Bench(listing, scope=(SALES, "000000000003"))
    bench.all()
    assert [each.id for each in bench.read.accounts] == ["000000000002", "000000000003"]


def test_a_repeated_token_ends_the_list_and_is_said() -> None:
    bench = Bench(members(30))
    bench.accounts.repeats = "20"
    progress = bench.all()
    assert progress.partial == "Organizations gave the same page of the list of accounts twice, after 30 accounts"
    assert len(bench.read.accounts) == 30


def test_what_was_written_is_written_again_after_a_crash_between_page_and_progress() -> None:
    bench = Bench(members(60))
    bench.go()
    before = dict(bench.store.written)
    bench.go()
    bench.store.written[SWEEP, "progress"] = before[SWEEP, "progress"]  # the slice died before it noted its end
    assert bench.all().listed == 60
    assert len(bench.read.accounts) == 60


def test_a_list_given_up_is_partial_and_the_other_lists_are_still_read() -> None:
    source = DataSourceSummary(account_id="000000000003", profile="a", state="successful", name="sales")
    bench = Bench(members(100), sources=FakeSourceListing([source]))
    bench.go()
    assert give_up(SWEEP, "Throttled: slow down", bench.store).kind is SnapshotKind.STACK_SETS
    progress = bench.all()
    assert (progress.partial, progress.listed) == ("Throttled: slow down", 40)
    assert bench.read.sources == (source,)


def test_giving_up_another_list_changes_nothing() -> None:
    bench = Bench(members(3))
    bench.go()
    before = dict(bench.store.written)
    assert give_up(SWEEP, "AccessDenied", bench.store).partial == ""
    assert bench.store.written == before


def test_pages_are_small_enough_for_half_of_what_organizations_answers() -> None:
    # 20 accounts a page, 10 calls a second for all, a pause of 5 seconds between two goes of about 5 seconds
    assert PAGES[SnapshotKind.ACCOUNTS] * 20 / (5 + 5) <= 5


# --- whose data sources -------------------------------------------------------------------------------


def test_the_tags_of_data_sources_are_read_only_where_no_record_says_that_we_made_them() -> None:
    numbers = range(50)
    sources = [
        DataSourceSummary(account_id=f"{number:012}", profile="a", state="successful", name="any") for number in numbers
    ]
    statuses = {0: "connected", 1: "held", 2: "quarantined", 3: "removed", 4: "failed"}
    records = [Record(f"{number:012}", "a", status) for number, status in statuses.items()]
    listing = FakeSourceListing(sources, {"000000000007#a": "it is somebody's"})
    bench = Bench(members(3), FakeRoleListing(), listing, FakeRecordListing(records))
    bench.all()
    assert listing.tags_read == [f"{number:012}#a" for number in numbers if number > 2]
    assert [each.account_id for each in bench.read.owners if each.mismatch] == ["000000000007"]


# --- what there is to sweep -----------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [("ou-ab12-nothing01",), ("finance",), ("r-zzzz", "ou-ab12-nothing01")])
def test_a_unit_that_does_not_exist_is_refused_before_anything_is_stored(scope: tuple[str, ...]) -> None:
    bench = Bench(members(3), scope=scope)
    with pytest.raises(UnitNotFound, match=scope[0]):
        bench.go()
    assert bench.store.written == {}


def test_a_unit_that_does_not_exist_is_left_out_beside_others() -> None:
    bench = Bench(members(3), scope=("ou-ab12-nothing01", ROOT))
    progress = bench.all()
    assert (progress.scope, progress.unknown) == ((ROOT,), ("ou-ab12-nothing01",))
    assert len(bench.read.accounts) == 3
