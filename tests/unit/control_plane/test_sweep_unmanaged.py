"""Unmanaged resources: reported once, and again when they change."""

from control_plane.account import Connection
from control_plane.sweep.snapshot import DataSourceSummary, SnapshotPage, SourceOwnership, StackSetSummary
from control_plane.sweep.unmanaged import MAX_REMEMBERED, data_sources, known_after, still_there

ONE, TWO = "000000000001", "000000000002"


def name(account_id: str) -> str:
    return f"data source {Connection(account_id=account_id, profile='a').data_source_id}"


def there(*account_ids: str, ours: tuple[str, ...] = ()) -> SnapshotPage:
    sources = tuple(DataSourceSummary(account_id=each, profile="a", state="any", name="any") for each in account_ids)
    owners = tuple(
        SourceOwnership(account_id=each, profile="a", mismatch="" if each in ours else "no tag") for each in account_ids
    )
    return SnapshotPage(sources=sources, owners=owners)


def test_each_is_named_with_how_its_tags_differ() -> None:
    assert data_sources(there(TWO, ONE, ours=(TWO,)).owners) == (f"{name(ONE)}: no tag",)


def test_what_is_deleted_or_becomes_ours_is_forgotten() -> None:
    reported = (f"{name(ONE)}: no tag", f"{name(TWO)}: no tag", "stack set quick-athena-x: no tag")
    stack_set = StackSetSummary(name="quick-athena-x", body="", values="", ownership_mismatch="no tag")
    assert still_there(reported, there(TWO)) == (reported[1],)
    assert still_there(reported, there(ONE, TWO, ours=(ONE,))) == (reported[1],)
    assert still_there(reported, SnapshotPage(stack_sets=(stack_set,))) == (reported[2],)


def test_what_a_full_check_found_is_known_until_its_data_source_is_deleted() -> None:
    found = (f"{ONE}#a: the data source exists already: no tag",)
    assert still_there(found, there(ONE)) == found
    assert still_there(found, there(TWO)) == ()


def test_what_changed_replaces_what_was_said_before() -> None:
    assert known_after(["a: 1", "b: 1"], ["a: 2"]) == ("a: 2", "b: 1")
    assert known_after(["a: 2", "b: 1"], ["a: 2"]) == ("a: 2", "b: 1")
    assert len(known_after([], [f"{number}: any" for number in range(2 * MAX_REMEMBERED)])) == MAX_REMEMBERED
