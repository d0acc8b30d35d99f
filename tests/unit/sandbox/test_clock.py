"""The clocks: order, time seen by actions, waiting until all is quiet, and failures that do not vanish."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from sandbox.aws.clock import ActionFailed, Clock, DidNotSettle, ScaledClock, VirtualClock

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
def standing() -> Iterator[ScaledClock]:
    """A clock with threads whose time moves only by advance."""
    clock = ScaledClock(START, speed=0)
    yield clock
    clock.close()


@pytest.fixture
def virtual() -> VirtualClock:
    return VirtualClock(START)


class Log:
    """Remembers what ran, and at what virtual time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.seen: list[tuple[str, float]] = []

    def at(self, seconds: float, name: str, *, background: bool = False) -> None:
        """Note that name at that time."""
        self.clock.call_at(after(seconds), lambda: self.note(name), name, background=background)

    def every(self, seconds: float, name: str) -> None:
        """Note that name at that interval for ever, in the background."""

        def tick() -> None:
            self.note(name)
            self.every(seconds, name)

        self.clock.call_later(seconds, tick, name, background=True)

    def note(self, name: str) -> None:
        """Note that name now."""
        self.seen.append((name, (self.clock.now() - START).total_seconds()))

    @property
    def names(self) -> list[str]:
        """What ran, in order."""
        return [name for name, _ in self.seen]


def test_virtual_time_jumps_to_each_moment_in_order(virtual: VirtualClock) -> None:
    log = Log(virtual)
    log.at(30, "later")
    log.at(10, "sooner")
    assert virtual.run() == 2
    assert log.seen == [("sooner", 10), ("later", 30)]


def test_moments_of_the_same_time_run_in_the_order_they_were_asked_for(virtual: VirtualClock) -> None:
    log = Log(virtual)
    for name in "abcdef":
        log.at(5, name)
    virtual.run()
    assert log.names == list("abcdef")


def test_a_shuffle_changes_only_the_order_within_a_moment() -> None:
    orders = set()
    for seed in range(5):
        clock = VirtualClock(START, shuffle=Random(seed))  # noqa: S311 - a seed for an order
        log = Log(clock)
        for name in "abcdef":
            log.at(5, name)
        log.at(1, "first")
        clock.run()
        assert log.names[0] == "first"
        assert sorted(log.names[1:]) == list("abcdef")
        orders.add(tuple(log.names))
    assert len(orders) > 1


def test_a_virtual_run_stops_at_its_time_and_goes_on_from_there(virtual: VirtualClock) -> None:
    log = Log(virtual)
    log.at(10, "before")
    log.at(20, "after")
    assert virtual.run(until=after(15)) == 1
    assert virtual.now() == after(15)
    virtual.run()
    assert log.names == ["before", "after"]


def test_a_moment_in_the_past_runs_now(virtual: VirtualClock) -> None:
    virtual.run(until=after(100))
    log = Log(virtual)
    log.at(10, "overdue")
    virtual.run()
    assert log.seen == [("overdue", 100)]


def test_an_endless_chain_of_actions_is_reported_by_name(virtual: VirtualClock) -> None:
    def again() -> None:
        virtual.call_later(1, again, "again and again")

    again()
    with pytest.raises(DidNotSettle, match="again and again"):
        virtual.run(limit=100)


def test_what_is_in_the_background_keeps_no_virtual_run_going(virtual: VirtualClock) -> None:
    log = Log(virtual)
    log.every(10, "tick")
    assert virtual.run() == 0
    log.at(25, "work")
    assert virtual.run() == 3
    assert log.seen == [("tick", 10), ("tick", 20), ("work", 25)]
    assert virtual.now() == after(25)


def test_with_a_time_to_reach_the_background_runs_until_then(virtual: VirtualClock) -> None:
    log = Log(virtual)
    log.every(10, "tick")
    virtual.run(until=after(35))
    assert log.seen == [("tick", 10), ("tick", 20), ("tick", 30)]


def test_a_cancelled_moment_is_no_work_left(virtual: VirtualClock) -> None:
    log = Log(virtual)
    log.every(10, "tick")
    virtual.call_later(1_000, lambda: log.note("never"), "never").cancel()
    assert virtual.run() == 0


def test_work_that_begins_in_the_background_is_finished(virtual: VirtualClock) -> None:
    log = Log(virtual)
    virtual.call_at(after(5), lambda: log.at(20, "its work"), "schedule", background=True)
    log.at(5, "work")
    virtual.run()
    assert log.names == ["work", "its work"]


def test_an_advance_goes_through_the_background_and_settling_does_not_wait_for_it(standing: ScaledClock) -> None:
    log = Log(standing)
    log.every(10, "tick")
    standing.settle()
    assert log.names == []
    done = standing.advance(35)
    assert log.seen == [("tick", 10), ("tick", 20), ("tick", 30)]
    assert (done.fired, done.running) == (3, ())


def test_a_failing_action_stops_a_virtual_run_and_is_kept(virtual: VirtualClock) -> None:
    log = Log(virtual)
    virtual.call_later(1, lambda: 1 // 0, "division")
    log.at(2, "next")
    with pytest.raises(ActionFailed, match="division") as caught:
        virtual.run()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert [name for name, _ in virtual.failures] == ["division"]
    assert log.names == []
    virtual.run()
    assert log.names == ["next"]


def test_a_cancelled_moment_never_runs(virtual: VirtualClock, standing: ScaledClock) -> None:
    for clock in (virtual, standing):
        log = Log(clock)
        moment = clock.call_later(5, lambda log=log: log.note("cancelled"), "cancelled")  # type: ignore[misc]  # bound
        log.at(6, "kept")
        moment.cancel()
        if isinstance(clock, VirtualClock):
            clock.run()
        else:
            clock.advance(10)
        assert log.names == ["kept"]


def test_advance_goes_from_moment_to_moment_and_actions_see_their_time(standing: ScaledClock) -> None:
    log = Log(standing)
    for seconds in (300, 10, 20, 10):
        log.at(seconds, f"at {seconds}")
    done = standing.advance(60)
    assert sorted(log.seen[:2]) == [("at 10", 10), ("at 10", 10)]
    assert log.seen[2:] == [("at 20", 20)]
    assert (done.now, done.fired, done.running) == (after(60), 3, ())


def test_what_an_action_asks_for_during_an_advance_runs_in_it_at_its_time(standing: ScaledClock) -> None:
    log = Log(standing)

    def tick() -> None:
        log.note("tick")
        standing.call_later(60, tick, "tick")

    standing.call_later(60, tick, "tick")
    assert standing.advance(3600).fired == 60
    assert log.seen[-1] == ("tick", 3600)


def test_advance_waits_at_each_moment_until_the_work_it_caused_is_done(standing: ScaledClock) -> None:
    log = Log(standing)
    go_on = threading.Event()

    def begin() -> None:
        standing.submit(work, "work")

    def work() -> None:
        go_on.wait(5)
        log.note("work done")

    standing.call_later(1, begin, "begin")
    log.at(2, "next moment")
    threading.Timer(0.01, go_on.set).start()
    standing.advance(10)
    assert log.seen == [("work done", 1), ("next moment", 2)]


def test_an_advance_that_cannot_settle_names_what_still_runs(standing: ScaledClock) -> None:
    log, go_on = Log(standing), threading.Event()
    standing.call_later(1, lambda: go_on.wait(5), "slow function")
    log.at(2, "too early")
    with pytest.raises(DidNotSettle, match="slow function"):
        standing.advance(10, patience=0.02)
    assert log.names == []
    go_on.set()
    standing.advance(10)
    assert log.names == ["too early"]


def test_an_advance_whose_patience_ends_says_how_far_it_came_and_the_next_goes_on_there(standing: ScaledClock) -> None:
    log, go_on = Log(standing), threading.Event()
    log.at(1, "quick")
    standing.call_later(4, lambda: go_on.wait(5), "slow function")
    log.at(9, "later")
    came = standing.advance(10, patience=0.1)
    assert (came.now, came.fired, came.running, came.remaining) == (after(4), 2, ("slow function",), 6)
    go_on.set()
    came = standing.advance(came.remaining)
    assert (came.now, came.running, came.remaining) == (after(10), (), 0)
    assert log.seen == [("quick", 1), ("later", 9)]


def test_computing_takes_no_time_however_fast_time_is() -> None:
    clock, seen, done = ScaledClock(START, speed=100_000), [], threading.Event()

    def compute() -> None:
        seen.append(clock.now())
        time.sleep(0.1)
        seen.append(clock.now())
        clock.submit(consequence, "what comes of it")

    def consequence() -> None:
        seen.append(clock.now())
        done.set()

    clock.call_later(100_000, compute, "computing")
    assert done.wait(5)
    clock.close()
    assert len(set(seen)) == 1


def test_work_that_stands_still_does_not_hold_time_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.aws.clock.LONGEST_HOLD", 0.05)
    clock, due, go_on = ScaledClock(START, speed=100_000), threading.Event(), threading.Event()
    clock.submit(lambda: go_on.wait(5), "stands still")
    clock.call_later(3600, due.set, "an hour later")
    assert due.wait(4)
    go_on.set()
    clock.close()


def test_a_failing_action_is_raised_by_whoever_waits_and_only_once(standing: ScaledClock) -> None:
    standing.submit(lambda: 1 // 0, "division")
    with pytest.raises(ActionFailed, match="division"):
        standing.settle()
    standing.settle()
    standing.call_later(1, lambda: 1 // 0, "second")
    with pytest.raises(ActionFailed, match="second"):
        standing.advance(1)
    assert [name for name, _ in standing.failures] == ["division", "second"]


def test_settle_waits_for_what_is_due_but_not_for_what_comes_later(standing: ScaledClock) -> None:
    log = Log(standing)
    log.at(0, "due")
    log.at(1, "later")
    standing.settle()
    assert log.names == ["due"]


def test_an_action_cannot_wait_for_all_actions(standing: ScaledClock) -> None:
    standing.submit(standing.settle, "waits for itself")
    with pytest.raises(ActionFailed, match="it is one"):
        standing.settle()


def test_scaled_time_runs_by_itself_and_fires_what_is_due() -> None:
    clock, woken = ScaledClock(START, speed=1_000_000), threading.Event()
    clock.call_later(3600, woken.set, "an hour later")
    assert woken.wait(5)
    assert clock.now() >= after(3600)
    clock.close()


def test_real_time_does_not_reorder_the_moments_of_an_advance() -> None:
    clock = ScaledClock(START, speed=100_000, workers=1)
    log = Log(clock)
    with clock._changed:  # nothing is due before the advance begins
        for seconds in range(5_000, 5_100):
            log.at(seconds, str(seconds))
    clock.advance(1_000_000)
    assert log.names == [str(seconds) for seconds in range(5_000, 5_100)]
    clock.close()


def test_after_close_nothing_that_waits_runs() -> None:
    clock, woken = ScaledClock(START, speed=0), threading.Event()
    clock.call_later(1, woken.set, "never")
    clock.close()
    clock.advance(10)
    assert not woken.is_set()


def test_an_action_that_lets_time_pass_stands_still_while_others_go_on(virtual: VirtualClock) -> None:
    log = Log(virtual)

    def sleep() -> None:
        virtual.run(until=after(5))
        log.note("the sleeper")

    virtual.call_later(1, sleep, "the sleeper")
    log.at(3, "another")
    virtual.run()
    assert log.seen == [("another", 3.0), ("the sleeper", 5.0)]


def test_a_step_runs_one_action_that_is_due_and_no_more(virtual: VirtualClock) -> None:
    log = Log(virtual)
    for name in ("one", "two"):
        log.at(0, name)
    log.at(1, "later")
    assert (virtual.step(), log.names) == (True, ["one"])
    assert (virtual.step(), virtual.step()) == (True, False)
    assert log.names == ["one", "two"]


def test_a_shuffle_mixes_what_is_asked_for_from_then_on(virtual: VirtualClock) -> None:
    virtual.shuffle(Random(1))  # noqa: S311 - no secret
    log, names = Log(virtual), [str(number) for number in range(10)]
    for name in names:
        log.at(0, name)
    virtual.run()
    assert log.names != names
    assert sorted(log.names) == names
