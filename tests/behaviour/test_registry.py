"""Port `Registry`, as each function that uses it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from control_plane.aws.records import NEVER
from control_plane.aws.registry import DynamoDbRegistry
from control_plane.ports.registry import Record
from tests.fakes import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

    from control_plane.account import Connection
    from control_plane.ports.registry import Registry
    from tests.deployed_hub import Deployed

    RegistryOf = Callable[[str], Registry]
    Put = Callable[..., None]

NOW, LATER = "2026-11-24T08:00:00.000Z", "2026-11-24T08:05:00.000Z"
FAILURE = {"step": "EnsureAccess", "error": "Throttled", "reason": "r", "cause": "c", "remedy": "m"}
TEXTS = ("status", "updated", "holder", "retained")


@pytest.fixture
def fake() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def registry_of(deployed: Deployed | None, fake: FakeRegistry) -> RegistryOf:
    """The registry as that function has it."""
    return lambda function: DynamoDbRegistry(*deployed.registry(function)) if deployed else fake


@pytest.fixture
def put(deployed: Deployed | None, fake: FakeRegistry) -> Put:
    """Stores a record or a claim as a state machine does, in the index of unsettled records or not."""

    def store(record: Record, unsettled: str = "") -> None:
        if deployed is None:
            return fake.put(record, unsettled)
        texts = {name: getattr(record, name) for name in TEXTS} | {"unsettled": unsettled}
        texts["instance_retained"] = "quick-athena-default" if record.instance_retained else ""
        item = {name: {"S": text} for name, text in texts.items() if text}
        number = {"generation": {"N": str(record.generation)}} if record.generation else {}
        sort_key = f"connection#{record.profile}" if record.profile else "claim"
        return deployed.put(f"account#{record.account_id}", sort_key, **item, **number)

    return store


def claim(connection: Connection, **values: object) -> Record:
    holder = {"claimed": True, "holder": "arn:aws:states:::execution:ReconcileAccount:one"}
    return Record(connection.account_id, **{**holder, "updated": NOW, "generation": 4, **values})  # type: ignore[arg-type]  # a test's shorthand


def record(connection: Connection, status: str, profile: str = "default", **values: object) -> Record:
    return Record(connection.account_id, profile, status, **values)  # type: ignore[arg-type]  # a test's shorthand


def test_only_valid_records_of_the_account_are_read(registry_of: RegistryOf, put: Put, connection: Connection) -> None:
    put(claim(connection))
    put(record(connection, "connected", generation=3, updated=NOW, retained="the bucket"))
    put(record(connection, "quarantined", "sales"))
    put(record(connection, "as they say", "odd-status"))
    put(Record("999988887777", "default", "connected"))
    assert registry_of("AssessAccount").records(connection.account_id) == {
        "default": record(connection, "connected", generation=3, updated=NOW, retained="the bucket"),
        "sales": record(connection, "quarantined", "sales", updated=NEVER.isoformat()),
    }
    assert registry_of("AssessAccount").records("888877776666") == {}


def test_a_failure_is_recorded_on_the_connection_or_on_the_claim(
    registry_of: RegistryOf, put: Put, connection: Connection
) -> None:
    put(claim(connection))
    writer = registry_of("RecordFailure")
    writer.record_failure(connection.account_id, "default", FAILURE, LATER)
    failed = record(connection, "failed", updated=LATER)._replace(**FAILURE)  # type: ignore[arg-type]  # texts
    assert registry_of("AssessAccount").records(connection.account_id) == {"default": failed}
    reader = registry_of("WatchRegistry")
    assert reader.claimed_since(connection.account_id) == NOW, "nothing is recorded on the claim"
    registry_of("RecordFailure").record_failure(connection.account_id, None, FAILURE, LATER)
    reader = registry_of("WatchRegistry")
    assert reader.claimed_since(connection.account_id) == LATER
    found = {each.profile: each for each in reader.unsettled("failed") if each.account_id == connection.account_id}
    assert {name: (each.status, each.error) for name, each in found.items()} == {
        "default": ("failed", "Throttled"),
        None: ("failed", "Throttled"),
    }
    assert not [each for each in reader.unsettled("in_progress") if each.account_id == connection.account_id]


def test_a_failed_account_fails_its_connections_under_way_and_no_other(
    registry_of: RegistryOf, put: Put, connection: Connection
) -> None:
    put(record(connection, "connecting"))
    put(record(connection, "disconnecting", "leaving"))
    put(record(connection, "connected", "steady"))
    registry = registry_of("RecordFailure")
    registry.record_failure(connection.account_id, None, {"error": "InvalidTagValue"}, NOW)
    statuses = {profile: each.status for profile, each in registry.records(connection.account_id).items()}
    assert statuses == {"default": "failed", "leaving": "failed", "steady": "connected"}


@pytest.mark.parametrize(
    ("stored", "writes", "status"), [(0, 3, "failed"), (3, 3, "failed"), (4, 3, "connecting"), (104, 3, "failed")]
)
def test_a_failure_of_an_older_generation_is_not_recorded(
    registry_of: RegistryOf, put: Put, connection: Connection, stored: int, writes: int, status: str
) -> None:
    put(record(connection, "connecting", generation=stored))
    registry = registry_of("RecordFailure")
    registry.record_failure(connection.account_id, "default", FAILURE, NOW, writes)
    assert registry.records(connection.account_id)["default"].status == status


def test_what_is_unsettled_is_found_by_its_kind_and_what_waits_longest_is_first(
    registry_of: RegistryOf, put: Put, connection: Connection
) -> None:
    put(record(connection, "connecting", updated=LATER), unsettled="in_progress")
    put(claim(connection), unsettled="in_progress")
    put(record(connection, "failed", "sales", updated=NOW), unsettled="failed")
    put(record(connection, "connected", "other", updated=NOW))
    registry = registry_of("WatchRegistry")
    in_progress = [each for each in registry.unsettled("in_progress") if each.account_id == connection.account_id]
    failed = [each for each in registry.unsettled("failed") if each.account_id == connection.account_id]
    assert [(each.profile, each.claimed, each.generation) for each in in_progress] == [
        (None, True, 4),
        ("default", False, 0),
    ]
    assert [(each.profile, each.claimed) for each in failed] == [("sales", False)]
    assert connection.account_id in {each.account_id for each in registry_of("ReportSweep").unsettled("failed")}


def test_an_account_is_claimed_by_one_execution_or_by_nobody(
    registry_of: RegistryOf, put: Put, connection: Connection
) -> None:
    put(claim(connection))
    watch = registry_of("WatchRegistry")
    assert watch.claimed_since(connection.account_id) == NOW
    assert watch.claimed_since("999988887777") is None
    writer = registry_of("EnsureAccess")
    assert writer.is_claimed_by(connection.account_id, claim(connection).holder)
    assert not writer.is_claimed_by(connection.account_id, "another")
    put(claim(connection, claimed=False, holder=""))
    assert not registry_of("EnsureAccess").is_claimed_by(connection.account_id, claim(connection).holder)
    assert registry_of("WatchRegistry").claimed_since(connection.account_id) is None


def test_what_stopped_working_and_what_aws_keeps_is_known(
    registry_of: RegistryOf, put: Put, connection: Connection
) -> None:
    put(record(connection, "disconnecting", instance_retained=True))
    registry = registry_of("RemoveDataSource")
    registry.record_dependents(connection.account_id, "default", "data set orders", NOW)
    registry.record_dependents(connection.account_id, "other", "data set orders", NOW)
    expected = record(connection, "disconnecting", updated=NOW, instance_retained=True, dependents="data set orders")
    assert registry.records(connection.account_id) == {"default": expected}, "without a record there is no connection"


def test_kept_events_are_counted(deployed: Deployed | None, registry_of: RegistryOf, fake: FakeRegistry) -> None:
    assert registry_of("WatchRegistry").unread_events() == 0
    fake.unread = 1
    if deployed:
        deployed.put("unread", "unread#one", event={"S": "{}"})
        deployed.put("sweep", "baseline", value={"S": "{}"})
    assert registry_of("WatchRegistry").unread_events() == 1


def test_when_the_last_sweep_ended_is_known(
    deployed: Deployed | None, registry_of: RegistryOf, fake: FakeRegistry
) -> None:
    assert registry_of("WatchRegistry").swept_at() == ""
    fake.swept = NOW
    if deployed:
        for malformed in ("[", "{}", '{"at": "yesterday"}', '{"at": "2026-11-24T08:00:00"}'):
            deployed.put("report", "last", value={"S": malformed})
            assert registry_of("WatchRegistry").swept_at() == ""
        deployed.put("report", "last", value={"S": json.dumps({"at": NOW})})
    assert registry_of("WatchRegistry").swept_at() == NOW


def test_the_last_report_is_known(registry_of: RegistryOf) -> None:
    registry = registry_of("WatchRegistry")
    assert registry.last_report() == ""
    registry.set_last_report(NOW)
    assert registry.last_report() == NOW
