"""Port `SweepStore`, as each step of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from control_plane.aws.sweep_store import DynamoDbSweepStore
from control_plane.sweep.snapshot import RecordSummary, SnapshotPage, SnapshotProgress
from control_plane.sweep.store import ACROSS_SWEEPS
from tests.sweep_fakes import FakeSweepStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from control_plane.sweep.ports import SweepStore
    from tests.deployed_hub import Deployed

    StoreOf = Callable[[str], SweepStore]

SWEEP, OTHER = "20261124080000000", "20261124080000001"
WRITERS = ["CollectSnapshot", "PlanSweep", "InspectConnections", "ReportSweep"]
READERS = ["PlanSweep", "StartReconciles", "ReportSweep"]


@pytest.fixture
def store_of(deployed: Deployed | None) -> StoreOf:
    """The store as that function has it."""
    fake = FakeSweepStore()
    return lambda function: DynamoDbSweepStore(*deployed.registry(function)) if deployed else fake


def page(profile: str) -> SnapshotPage:
    return SnapshotPage(records=(RecordSummary(account_id="1", profile=profile),))


@pytest.mark.parametrize("function", WRITERS)
def test_a_step_of_a_sweep_writes_down_and_reads_back(store_of: StoreOf, function: str) -> None:
    store = store_of(function)
    assert store.get(SWEEP, "progress", SnapshotProgress) is None
    for listed in (20, 40):
        store.put(SWEEP, "progress", SnapshotProgress(listed=listed))
    assert store.get(SWEEP, "progress", SnapshotProgress) == SnapshotProgress(listed=40)
    assert store.get(OTHER, "progress", SnapshotProgress) is None


@pytest.mark.parametrize("function", READERS)
def test_a_step_of_a_sweep_reads_everything_of_a_kind(store_of: StoreOf, function: str) -> None:
    store = store_of("CollectSnapshot")
    for number in (2, 1, 10):
        store.put(SWEEP, f"page#{number:06}", page(str(number)))
    store.put(SWEEP, "progress", SnapshotProgress())
    store.put(OTHER, "page#000003", page("other"))
    pages = store_of(function).every(SWEEP, "page#", SnapshotPage)
    assert [each.records[0].profile for each in pages] == ["1", "2", "10"]


def test_what_outlives_a_sweep_is_not_the_sweeps(store_of: StoreOf) -> None:
    store = store_of("ReportSweep")
    store.put(ACROSS_SWEEPS, "any", SnapshotProgress(listed=3))
    assert store.get(ACROSS_SWEEPS, "any", SnapshotProgress) == SnapshotProgress(listed=3)
    assert store.get(SWEEP, "any", SnapshotProgress) is None


def test_a_sweeps_id_says_when_it_began(store_of: StoreOf) -> None:
    with pytest.raises(ValueError, match="does not match format"):
        store_of("ReportSweep").put("a sweep", "any", SnapshotProgress())
