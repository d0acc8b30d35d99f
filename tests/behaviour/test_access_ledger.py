"""Port `AccessLedger`: pending changes, and the lease of the one writer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from control_plane.aws.ledger import CHANGE, PENDING, DynamoDbLedger
from control_plane.ports.access import NO_VERSION, AccessChange, LastWrite, PendingChanges, RefusedChange
from tests.fakes import FakeAccessLedger

if TYPE_CHECKING:
    from collections.abc import Callable

    from control_plane.account import Connection
    from control_plane.ports.access import AccessLedger
    from tests.deployed_hub import Deployed

    Put = Callable[..., None]

NOW = "2026-11-24T08:00:00.000Z"
SHARD, OTHER_SHARD = "quick-athena-access-1", "quick-athena-access-2"


def later(seconds: float) -> str:
    return (datetime.fromisoformat(NOW) + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def ledger(deployed: Deployed | None) -> AccessLedger:
    return DynamoDbLedger(*deployed.registry("EnsureAccess")) if deployed else FakeAccessLedger()


@pytest.fixture
def put_malformed(deployed: Deployed | None, ledger: AccessLedger) -> Put:
    """Stores a malformed item among the pending changes."""

    def put(key: str, **attributes: Any) -> None:
        if deployed:
            deployed.put(PENDING, key, **attributes)
        else:
            assert isinstance(ledger, FakeAccessLedger)
            ledger.malformed[key] = RefusedChange(key, "malformed", {name: attributes.get(name) for name in CHANGE})

    return put


def test_the_lease_has_one_holder_until_it_is_released_or_outlived(ledger: AccessLedger) -> None:
    assert ledger.acquire("one", NOW)
    assert not ledger.acquire("another", later(30))
    assert ledger.holds("one")
    assert ledger.acquire("another", later(91))
    assert not ledger.holds("one")
    ledger.release("one", {}, later(92))
    assert ledger.holds("another")
    ledger.release("another", {SHARD: "P/v2"}, later(93), 7)
    assert not ledger.holds("another")
    assert ledger.recent_versions(later(94)) == {SHARD: "P/v2"}
    assert ledger.last_write(later(94)) == LastWrite(datetime.fromisoformat(later(93)), 7)
    assert ledger.recent_versions(later(93 + 301)) == {}
    assert ledger.last_write(later(93 + 301)) is None


def test_the_holder_may_take_its_lease_again_and_keeps_it_longer(ledger: AccessLedger) -> None:
    assert ledger.acquire("one", NOW)
    assert ledger.acquire("one", later(60))
    assert not ledger.acquire("another", later(60 + 90))
    assert ledger.acquire("another", later(60 + 91))


def test_a_lease_that_lasts_longer_than_any_is_nobodys(ledger: AccessLedger) -> None:
    assert ledger.acquire("one", NOW)
    assert not ledger.acquire("another", later(-30 * 60))
    assert ledger.acquire("another", later(-31 * 60))


def test_versions_are_known_until_the_last_writer_that_wrote_is_long_ago(ledger: AccessLedger) -> None:
    for seconds, versions in (
        (0, {SHARD: "P/v1", OTHER_SHARD: NO_VERSION}),
        (200, {SHARD: "P/v2"}),
        (400, {}),
    ):
        ledger.acquire("one", later(seconds))
        ledger.release("one", versions, later(seconds))
    assert ledger.recent_versions(later(500)) == {SHARD: "P/v2", OTHER_SHARD: NO_VERSION}
    assert ledger.recent_versions(later(501)) == {}
    assert ledger.recent_versions(later(200 - 31 * 60)) == {}, "nobody writes that far in the future"


def test_a_later_change_replaces_an_earlier_one_and_only_what_was_applied_is_forgotten(
    ledger: AccessLedger, connection: Connection
) -> None:
    first, late = (
        AccessChange(connection, allow=True, generation=2),
        AccessChange(connection, allow=False, generation=1),
    )
    ledger.enqueue(first, NOW)
    ledger.enqueue(late, NOW)
    seen = ledger.pending()
    assert [each.change for each in seen.changes] == [first]
    last = AccessChange(connection, allow=False, generation=3, counted=False)
    ledger.enqueue(last, later(5))
    (change,) = ledger.pending().changes
    assert (change.key, change.change, change.requested_at[:19]) == (connection.key, last, NOW[:19])
    ledger.remove_applied(seen.changes)
    assert ledger.pending().changes == (change,)
    ledger.remove_applied([change])
    assert ledger.pending().changes == ()
    ledger.enqueue(late, later(9))
    assert [each.change for each in ledger.pending().changes] == [late], "nothing of what was applied stays"


def test_one_attempt_that_rolls_back_what_it_asked_for_is_not_forgotten_with_it(
    ledger: AccessLedger, connection: Connection
) -> None:
    ledger.enqueue(AccessChange(connection, allow=True, generation=1), NOW)
    seen = ledger.pending()
    back = AccessChange(connection, allow=False, generation=1)
    ledger.enqueue(back, later(5))
    ledger.remove_applied(seen.changes)
    assert [each.change for each in ledger.pending().changes] == [back]


def test_times_sort_whatever_their_text(ledger: AccessLedger, connection: Connection) -> None:
    others = [connection.model_copy(update={"profile": name}) for name in ("a", "b", "c")]
    times = "2026-11-24T08:00:00Z", "2026-11-24T09:00:00.5+01:00", "2026-11-24T08:00:00.750000+00:00"
    for each, now in zip(others, times, strict=True):
        ledger.enqueue(AccessChange(each, allow=True, generation=1), now)
    found = sorted(ledger.pending().changes, key=lambda change: change.requested_at)
    assert [each.change.connection.profile for each in found] == ["a", "b", "c"]


def test_what_is_malformed_is_told_and_discarded(ledger: AccessLedger, put_malformed: Put) -> None:
    put_malformed("arn:aws:iam::*:role/x", allow={"BOOL": True}, generation={"N": "1"})
    put_malformed("*")
    refused = ledger.pending().refused
    assert {each.key for each in refused} == {"arn:aws:iam::*:role/x", "*"}
    ledger.discard(refused)
    assert ledger.pending() == PendingChanges()


@pytest.mark.parametrize(
    ("malformed", "is_replaced"),
    [
        ({"allow": {"S": "yes"}}, True),
        ({"allow": {"S": "yes"}, "generation": {"N": "3"}}, True),
        ({"allow": {"S": "yes"}, "generation": {"N": "4"}}, False),
        ({"allow": {"BOOL": True}, "generation": {"N": "9" * 20}}, False),
        ({"allow": {"BOOL": True}, "generation": {"S": "9" * 20}}, True),
    ],
)
def test_a_change_replaces_what_is_malformed_unless_that_claims_to_be_later(
    ledger: AccessLedger, put_malformed: Put, connection: Connection, malformed: dict[str, Any], *, is_replaced: bool
) -> None:
    put_malformed(connection.key, **malformed)
    seen = ledger.pending()
    assert (seen.changes, [each.key for each in seen.refused]) == ((), [connection.key])
    change = AccessChange(connection, allow=True, generation=3)
    ledger.enqueue(change, NOW)
    ledger.discard(seen.refused)
    assert [each.change for each in ledger.pending().changes] == ([change] if is_replaced else [])
    assert ledger.pending().refused == ()
