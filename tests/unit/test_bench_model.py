"""Does the model wait as the product does, and is its lower bound one?"""

import pytest

from bench import model, rates
from bench.model import OTHERS, OURS, Bucket, Limits, Model, Work, lower_bound
from bench.rates import Rate

WORK = Work(describe_account=1, list_tags=1, quick=13, invocations=9, transitions=43)
GENEROUS = Limits(
    concurrency=100_000, buckets={rates.LIST_TAGS: Rate(1e6, 1e6)}, seconds_per_invocation=0, seconds_per_answer=0
)


@pytest.mark.parametrize(("accounts", "seconds", "operations"), [(1, 127, 1), (10, 217, 2), (100, 307, 3)])
def test_without_limits_accounts_share_operations_as_in_the_sandbox(
    accounts: int, seconds: float, operations: int
) -> None:
    outcome = Model(accounts, instance_seconds=90).run()
    assert (outcome.seconds, outcome.operations) == (seconds, operations)


def test_limits_that_nobody_meets_change_nothing() -> None:
    assert Model(100, 90, OURS, WORK, GENEROUS).run() == Model(100, 90).run()


def test_a_writer_takes_300_changes_and_then_writes_again() -> None:
    whole = Model(300, 90, model.Strategy("all at once", growth=0)).run()
    more = Model(301, 90, model.Strategy("all at once", growth=0)).run()
    assert (whole.writes, more.writes) == (1, 2)
    assert more.seconds == whole.seconds + model.ELECTION


def test_one_account_at_a_time_takes_as_long_as_each_of_them_together() -> None:
    one = Model(1, 90, OTHERS[0]).run()
    assert Model(5, 90, OTHERS[0]).run().seconds == 5 * one.seconds


def test_an_operation_for_each_account_is_one_after_the_other() -> None:
    outcome = Model(20, 90, OTHERS[1]).run()
    assert outcome.operations == 20
    assert outcome.seconds >= 20 * 90


def test_a_schedule_begins_operations_at_its_times_only() -> None:
    assert Model(5, 90, OTHERS[2]).run().seconds > OTHERS[2].period + 90


def test_no_run_is_faster_than_the_lower_bound() -> None:
    limits = Limits(concurrency=50, buckets={rates.LIST_TAGS: Rate(1, 2)}, seconds_per_answer=0)
    bound, binding = lower_bound(100, WORK, limits, 90)
    assert binding == rates.LIST_TAGS
    assert bound == 98 + 7 + 90 + 8 + 6 + 8
    outcome = Model(100, 90, model.SMALLER, WORK, limits).run()
    assert outcome.seconds >= bound
    assert outcome.throttled > 0
    assert outcome.gave_up == 0


def test_whoever_is_throttled_for_too_long_gives_up() -> None:
    never = Limits(concurrency=10, buckets={rates.LIST_TAGS: Rate(0, 0)})
    assert Model(3, 90, OURS, WORK, never).run().gave_up == 3


def test_a_bucket_refills_up_to_its_burst() -> None:
    bucket = Bucket(Rate(per_second=2, burst=4))
    assert [bucket.take(1, 0) for _ in range(5)] == [True] * 4 + [False]
    assert [bucket.take(1, 1) for _ in range(3)] == [True, True, False]
    assert [bucket.take(1, 100) for _ in range(5)] == [True] * 4 + [False]


def test_an_operation_is_seen_at_the_next_look() -> None:
    assert [model._seen_after(seconds) for seconds in (40, 90, 181, 300)] == [45, 90, 210, 300]


def test_a_rate_without_a_source_is_marked() -> None:
    assert all(rate.is_published for rate in rates.PUBLISHED.values())
    assert not any(rate.is_published for rate in rates.UNVERIFIED.values())
