"""The watch: what should have moved and did not, and one message about what failed."""

from datetime import datetime, timedelta

import pytest

from control_plane.ports.registry import Record
from control_plane.watch import (
    INDEX_DELAY,
    LONGEST,
    MAX_LISTED,
    MAX_REQUESTS,
    OVER_REQUESTED_PAGE,
    STARTS_PER_RUN,
    STUCK_AFTER,
    reconcile_stuck,
    report,
    scan,
)
from tests.fakes import FakeNotifications, FakeReconciles, FakeRegistry
from tests.unit.control_plane.vocabulary import CONSUMER, OTHER

NOW = "2026-11-24T12:00:00+00:00"


def ago(age: timedelta) -> str:
    """A moment before NOW, as Step Functions writes them."""
    return (datetime.fromisoformat(NOW) - age).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def claim(age: timedelta, account_id: str = CONSUMER, generation: int = 3) -> Record:
    return Record(account_id, updated=ago(age), claimed=True, generation=generation)


def connection(age: timedelta, account_id: str = CONSUMER) -> Record:
    return Record(account_id, "default", updated=ago(age))


def failure(age: timedelta, account_id: str = CONSUMER) -> Record:
    return Record(
        account_id,
        "default",
        updated=ago(age),
        account_name="sales",
        error="GroupNotFound",
        reason="Quick has no group x",
        cause="a typing error",
        remedy="mend it",
    )


def registry(*in_progress: Record, failed: tuple[Record, ...] = ()) -> FakeRegistry:
    found = FakeRegistry()
    for kind, records in (("in_progress", in_progress), ("failed", failed)):
        for record in records:
            found.put(record, kind)
    return found


A_LITTLE = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("age", "stuck"), [(STUCK_AFTER - A_LITTLE, False), (STUCK_AFTER, True), (STUCK_AFTER + A_LITTLE, True)]
)
def test_a_claim_without_a_sign_of_life_is_stuck(age: timedelta, stuck: bool) -> None:  # noqa: FBT001
    assert bool(scan(registry(claim(age)), NOW).stuck) is stuck


@pytest.mark.parametrize(
    ("age", "claimed", "stuck"),
    [
        (STUCK_AFTER - A_LITTLE, None, False),
        (STUCK_AFTER, None, True),
        (STUCK_AFTER, ago(STUCK_AFTER - A_LITTLE), False),
        (STUCK_AFTER, ago(STUCK_AFTER), True),
        (LONGEST + A_LITTLE, ago(A_LITTLE), True),
    ],
)
def test_a_connection_moves_as_long_as_its_accounts_claim_does(
    age: timedelta, claimed: str | None, *, stuck: bool
) -> None:
    records = registry(connection(age))
    if claimed:
        records.put(Record(CONSUMER, claimed=True, updated=claimed))
    assert bool(scan(records, NOW).stuck) is stuck


def test_a_failed_claim_somebody_still_holds_is_stuck_too() -> None:
    claimed, released = claim(STUCK_AFTER), failure(STUCK_AFTER, OTHER)
    assert scan(registry(failed=(claimed, released)), NOW).stuck == (claimed,)


def test_a_stuck_account_is_assessed_once_in_an_hour_and_generation() -> None:
    reconciles = FakeReconciles()
    for now in (NOW, "2026-11-24T12:15:00+00:00"):
        reconcile_stuck(
            [claim(STUCK_AFTER), connection(STUCK_AFTER), claim(STUCK_AFTER, OTHER, generation=8)], reconciles, now
        )
    assert list(reconciles.started) == [f"watch-{CONSUMER}-3-2026-11-24T12", f"watch-{OTHER}-8-2026-11-24T12"]
    reconcile_stuck([claim(STUCK_AFTER, generation=4)], reconciles, NOW)
    assert len(reconciles.started) == 3


def test_one_run_starts_a_limited_number_of_reconciles() -> None:
    reconciles = FakeReconciles()
    reconcile_stuck([claim(STUCK_AFTER, f"{number:012}") for number in range(STARTS_PER_RUN + 5)], reconciles, NOW)
    assert len(reconciles.started) == STARTS_PER_RUN


def reported(records: FakeRegistry, now: str = NOW) -> list[tuple[str, str]]:
    notifications = FakeNotifications()
    report(scan(records, now), records, notifications, now)
    return notifications.sent


def test_a_degraded_connection_is_reported_once_with_its_cause() -> None:
    records = FakeRegistry()
    found = failure(INDEX_DELAY)._replace(status="degraded", error="PERMISSION_DENIED")
    records.put(found, "degraded")
    ((subject, text),) = reported(records)
    assert subject == "Quick Onboarding: 1 degraded"
    assert text.startswith(f"Account {CONSUMER} (sales), profile default, degraded: PERMISSION_DENIED\n")
    assert text.endswith("In total 0 failed, 1 degraded, 0 in progress.")
    assert reported(records) == []


def test_a_report_says_of_each_failure_what_likely_why_and_what_to_do() -> None:
    ((subject, text),) = reported(registry(failed=(failure(INDEX_DELAY),)))
    assert subject == "Quick Onboarding: 1 failed"
    assert text == (
        f"Account {CONSUMER} (sales), profile default: GroupNotFound\n"
        "  Quick has no group x\n  Likely: a typing error\n  Do: mend it\n"
        f"  More: quickctl explain {CONSUMER}\n\nIn total 1 failed, 0 in progress."
    )


def test_a_failure_is_reported_once_and_none_is_left_out() -> None:
    early, late = failure(INDEX_DELAY + A_LITTLE), failure(INDEX_DELAY - A_LITTLE, OTHER)
    records = registry(failed=(early, late))
    ((_, first),) = reported(records)
    assert CONSUMER in first
    assert OTHER not in first, "what was just written may have company the index does not show yet"
    ((_, second),) = reported(records, "2026-11-24T12:15:00+00:00")
    assert OTHER in second
    assert CONSUMER not in second
    assert reported(records, "2026-11-24T12:30:00+00:00") == []


def test_nothing_wrong_is_no_message() -> None:
    assert reported(registry(claim(A_LITTLE))) == []


def test_a_stuck_record_is_told() -> None:
    ((subject, text),) = reported(registry(claim(STUCK_AFTER)))
    assert subject == "Quick Onboarding: 1 stuck"
    assert f"Account {CONSUMER}: not updated since 2026-11-24T11:30:00.000Z" in text


def test_a_thousand_failures_are_one_message_of_bounded_length() -> None:
    many = tuple(failure(INDEX_DELAY, f"{number:012}") for number in range(1000))
    ((subject, text),) = reported(registry(failed=many))
    assert subject == "Quick Onboarding: 1000 failed"
    assert f"... and {1000 - MAX_LISTED} more." in text
    assert len(text) < 256_000 / 4


def asked_for(times: int, *, claimed: bool = True) -> Record:
    return Record(
        CONSUMER,
        updated=ago(A_LITTLE),
        claimed=claimed,
        requeue_requests=times,
        requested_by="arn:aws:iam::1:user/mary",
    )


def test_an_account_somebody_asks_for_all_the_time_is_told_with_its_count_and_who_asks() -> None:
    ((subject, text),) = reported(registry(asked_for(MAX_REQUESTS)))
    assert subject == "Quick Onboarding: 1 requested too often"
    assert f"Account {CONSUMER}: requested {MAX_REQUESTS} times during one reconcile" in text
    assert "last by arn:aws:iam::1:user/mary" in text
    assert OVER_REQUESTED_PAGE in text


def test_some_requests_or_those_of_a_look_that_is_over_are_not_told() -> None:
    assert reported(registry(asked_for(MAX_REQUESTS - 1))) == []
    assert scan(registry(failed=(asked_for(MAX_REQUESTS, claimed=False),)), NOW).over_requested == ()


def test_one_endless_reason_does_not_push_the_others_out_of_a_report() -> None:
    long, other = failure(INDEX_DELAY), failure(INDEX_DELAY, OTHER)
    ((_, text),) = reported(registry(failed=(long._replace(reason="x" * 200_871), other)))
    assert len(text) < 2000
    assert OTHER in text


def test_kept_events_are_told_with_whatever_else_is() -> None:
    records = registry(failed=(failure(INDEX_DELAY),))
    records.unread = 2
    ((_, text),) = reported(records)
    assert "2 events were stored in which no account was found" in text


@pytest.mark.parametrize(
    ("since", "seconds"),
    [((), 0), ((timedelta(minutes=5), timedelta(hours=2)), 7200), ((-timedelta(days=1),), 0), ((None,), 0)],
)
def test_what_is_in_progress_for_longest_is_measured(since: tuple[timedelta | None, ...], seconds: int) -> None:
    now = datetime.fromisoformat(NOW)
    begun = [
        claim(A_LITTLE, f"{n:012}")._replace(since=None if each is None else now - each) for n, each in enumerate(since)
    ]
    assert scan(registry(*begun), NOW).oldest == seconds


@pytest.mark.parametrize(("ended", "seconds"), [("", None), (ago(timedelta(hours=3)), 10_800), (ago(-LONGEST), 0)])
def test_it_says_how_long_no_sweep_has_ended(ended: str, seconds: int | None) -> None:
    found = registry()
    found.swept = ended
    assert scan(found, NOW).since_sweep == seconds
