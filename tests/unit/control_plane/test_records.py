"""Items of the registry read as records: whole, and whatever somebody stored in them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from control_plane.aws.records import NEVER, read, read_or_anomaly
from control_plane.aws.registry import DynamoDbRegistry
from control_plane.ports.registry import Record
from control_plane.sweep.snapshot import RecordSummary
from control_plane.text import LONGEST
from tests.unit.control_plane.vocabulary import CONSUMER

SINCE = "2026-11-04T10:17:31.114Z"
HOLDER = "arn:aws:states:eu-west-1:444455556666:execution:ReconcileAccount:one"


def item(sk: str = "connection#default", **attributes: Any) -> dict[str, Any]:
    texts = {name: {"S": value} for name, value in attributes.items() if isinstance(value, str)}
    numbers = {name: {"N": str(value)} for name, value in attributes.items() if isinstance(value, int)}
    return {"pk": {"S": f"account#{CONSUMER}"}, "sk": {"S": sk}, **texts, **numbers}


def test_a_connection_is_read_whole() -> None:
    texts = {
        "status": "failed",
        "reason": "account 1: no",
        "step": "EnsureAccess",
        "error": "AccessPolicyFull",
        "cause": "more connections than one role can have",
        "remedy": "ask for a quota",
        "account_name": "sales",
        "data_source_id": "quick-athena-222233334444-default",
        "consumer_role_arn": "arn:consumer",
        "run_as_role_arn": "arn:run-as",
        "consumer_role_version": "1-2",
        "retained": "the results bucket",
        "dependents": "data set orders",
    }
    found = read(item(**texts, since=SINCE, updated=SINCE, remove_after=SINCE, generation=4))
    moment = datetime(2026, 11, 4, 10, 17, 31, 114_000, tzinfo=UTC)
    wanted = Record(CONSUMER, "default", updated=SINCE, since=moment, remove_after=moment, generation=4, **texts)  # type: ignore[arg-type]  # texts
    assert found == wanted


def test_a_claim_is_read_whole() -> None:
    found = read(
        item(
            "claim",
            holder=HOLDER,
            event="TagResource (1)",
            requeue_requested="TagResource (2)",
            requeue_requests=7,
            requested_by="ann",
            updated=SINCE,
        )
    )
    assert found == Record(
        CONSUMER,
        claimed=True,
        holder=HOLDER,
        event="TagResource (1)",
        requeue_requested="TagResource (2)",
        requeue_requests=7,
        requested_by="ann",
        updated=SINCE,
    )


@pytest.mark.parametrize(
    ("stored", "valid"),
    [
        (item(status="connected"), True),
        (item(status="melting"), False),
        (item(), False),
        (item("claim"), True),
        (item("claim", status="anything"), True),
        (item("unknown"), False),
        ({"pk": {"S": "account#12"}, "sk": {"S": "claim"}}, False),
        ({"pk": {"N": "1"}, "sk": {"S": "claim"}}, False),
    ],
)
def test_a_record_that_says_too_little_is_not_valid_and_summarized_as_malformed(
    stored: dict[str, Any],
    valid: bool,  # noqa: FBT001
) -> None:
    found = read_or_anomaly(stored)
    assert found.is_valid is valid
    summary = RecordSummary.of(found)
    assert bool(summary.account_id) is valid
    assert valid or (summary.malformed and summary == RecordSummary(malformed=summary.malformed))


def test_what_is_malformed_counts_as_missing() -> None:
    stored = {
        **item(status="connected", since="yesterday", updated="soon"),
        "reason": {"N": "1"},
        "generation": {"S": "x"},
    }
    found = read(stored)
    assert found
    assert (found.since, found.updated, found.reason, found.generation) == (None, NEVER.isoformat(), "", 0)
    assert "its since is not a time" in found.anomaly


def test_what_stays_in_the_account_is_bounded_because_the_state_machine_carries_it() -> None:
    found = read(item(status="disconnecting", retained="x" * 300_000))
    assert found
    assert len(found.retained) == LONGEST


def test_a_summary_is_small_whatever_was_stored() -> None:
    found = read(item("claim", status="x" * 300_000, error="y" * 300_000))
    assert found
    assert len(RecordSummary.of(found).model_dump_json()) < 1000


def test_the_registry_is_opened_by_table_and_region_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUB_REGION", "REGISTRY_TABLE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    registry = DynamoDbRegistry.open("the-table", "eu-west-1")
    table = registry._table
    assert (table._name, table._client.meta.region_name) == ("the-table", "eu-west-1")
