"""Executions on both clocks: what ends them, what interrupts them, what runs beside what."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.aws.asl.drivers import Delayed, Ended, Execution, Killed, Tasks, start, stop
from sandbox.aws.asl.effects import Call, Effect, Entered, Exited, Invoke, TaskFailed, Wait
from sandbox.aws.asl.machine import parse
from sandbox.aws.clock import ActionFailed, Clock, ScaledClock, VirtualClock

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
DONE = {"Type": "Succeed"}
ASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Arguments": {"Payload": "{% $states.input %}"},
    "Output": "{% $states.result.Payload %}",
    "End": True,
}
PAUSE = {"Type": "Wait", "Seconds": 60, "Next": "Ask"}


def machine(states: dict[str, Any], **top: Any) -> Any:
    return parse({"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **top}, {})


def each(inside: dict[str, Any], **more: Any) -> dict[str, Any]:
    processor = {"StartAt": next(iter(inside)), "States": inside}
    return {"Type": "Map", "Items": "{% $states.input %}", "ItemProcessor": processor, "End": True, **more}


def echo(_: Execution, task: Invoke | Call) -> Any:
    return task.arguments["Payload"]


def execution(data: Any = None) -> Execution:
    return Execution("arn:execution", "run-1", data)


def run_all(clock: Clock) -> None:
    if isinstance(clock, VirtualClock):
        clock.run()
    elif isinstance(clock, ScaledClock):
        clock.advance(86_400)


@pytest.fixture(params=["one thread", "threads"])
def clock(request: pytest.FixtureRequest) -> Iterator[Clock]:
    if request.param == "one thread":
        yield VirtualClock(START)
    else:
        threads = ScaledClock(START, speed=0)
        yield threads
        threads.close()


@pytest.fixture
def run(clock: Clock) -> Callable[..., Execution]:
    def run(states: dict[str, Any], data: Any = None, tasks: Tasks = echo, **top: Any) -> Execution:
        started = start(machine(states, **top), execution(data), tasks, clock)
        run_all(clock)
        return started

    return run


Run = Callable[..., Execution]


def test_an_execution_succeeds_with_its_output_its_times_and_its_history(run: Run) -> None:
    done = run({"Pause": PAUSE, "Ask": ASK}, "hello")
    assert (done.status, done.output, done.error) == ("SUCCEEDED", "hello", None)
    assert done.started == START
    assert done.stopped == START + timedelta(seconds=60)
    assert done.path == ["Pause", "Ask"]
    assert [(event.at - START).total_seconds() for event in done.history] == [0, 0, 60, 60, 60, 60, 60]
    assert [type(event.what) for event in done.history] == [Entered, Wait, Exited, Entered, Invoke, Exited, Ended]


def test_an_execution_fails_with_error_and_cause(run: Run) -> None:
    done = run({"Stop": {"Type": "Fail", "Error": "NoGood", "Cause": "because"}})
    assert (done.status, done.output, done.error, done.cause) == ("FAILED", None, "NoGood", "because")


def test_a_failing_task_is_retried_after_virtual_seconds_without_any_real_ones(run: Run) -> None:
    answers = [TaskFailed("Busy"), TaskFailed("Busy"), "at last"]

    def tasks(*_: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, TaskFailed):
            raise answer
        return answer

    done = run({"Ask": {**ASK, "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 3600}]}}, tasks=tasks)
    assert (done.output, done.stopped) == ("at last", START + timedelta(hours=3))


def test_a_task_that_answers_too_late_has_timed_out_and_its_answer_is_not_heard(run: Run) -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Pause"}]
    states = {"Slow": {**ASK, "TimeoutSeconds": 10, "Catch": catch}, "Pause": {**PAUSE, "Next": "Done"}, "Done": DONE}
    done = run(states, tasks=lambda *_: Delayed(30, "too late"))
    assert done.path == ["Slow", "Pause", "Done"]
    assert done.output == {"Error": "States.Timeout", "Cause": ""}
    assert done.stopped == START + timedelta(seconds=70)


def test_a_task_that_answers_in_time_is_heard_when_it_answers(run: Run) -> None:
    done = run({"Slow": {**ASK, "TimeoutSeconds": 10}}, tasks=lambda *_: Delayed(9, "just so"))
    assert (done.output, done.stopped) == ("just so", START + timedelta(seconds=9))


def test_a_delayed_answer_may_be_a_failure(run: Run) -> None:
    done = run({"Slow": ASK}, tasks=lambda *_: Delayed(9, TaskFailed("Broken", "at the end")))
    assert (done.status, done.error, done.cause) == ("FAILED", "Broken", "at the end")


def test_a_machine_has_a_time_limit(run: Run) -> None:
    done = run({"Pause": PAUSE, "Ask": ASK}, TimeoutSeconds=30)
    assert (done.status, done.path, done.stopped) == ("TIMED_OUT", ["Pause"], START + timedelta(seconds=30))


@pytest.mark.parametrize("top", [{}, {"TimeoutSeconds": 99_999_999}])
def test_no_execution_runs_for_more_than_a_year(top: dict[str, Any]) -> None:
    clock = VirtualClock(START)
    done = start(machine({"Pause": {**PAUSE, "Seconds": 40_000_000}, "Ask": ASK}, **top), execution(), echo, clock)
    clock.run()
    assert (done.status, done.stopped) == ("TIMED_OUT", START + timedelta(days=365))


def test_an_execution_that_ends_in_time_leaves_no_time_limit_behind() -> None:
    clock = VirtualClock(START)
    start(machine({"Done": DONE}, TimeoutSeconds=30), execution(), echo, clock)
    clock.run()
    assert clock.now() == START


def test_stop_aborts_an_execution_that_waits(clock: Clock) -> None:
    started = start(machine({"Pause": PAUSE, "Ask": ASK}), execution(), echo, clock)
    clock.call_later(10, lambda: stop(started, "Enough", "said somebody"), "stop")
    run_all(clock)
    assert (started.status, started.error, started.cause) == ("ABORTED", "Enough", "said somebody")
    assert (started.path, started.stopped) == (["Pause"], START + timedelta(seconds=10))


def test_stop_does_not_change_how_an_execution_ended(clock: Clock) -> None:
    started = start(machine({"Done": DONE}), execution(), echo, clock)
    run_all(clock)
    stop(started)
    assert started.status == "SUCCEEDED"


def test_a_bug_in_a_task_ends_the_execution_and_does_not_vanish(clock: Clock) -> None:
    started = start(machine({"Ask": ASK}), execution(), lambda *_: 1 // 0, clock)
    with pytest.raises(ActionFailed, match="ZeroDivisionError"):
        run_all(clock)
    assert (started.status, started.error) == ("FAILED", "States.Runtime")


def test_a_map_runs_its_iterations_side_by_side_and_keeps_their_order(run: Run) -> None:
    inside = {"Pause": {"Type": "Wait", "Seconds": "{% $states.input %}", "Next": "Ask"}, "Ask": ASK}
    done = run({"Each": each(inside)}, [30, 10, 20])
    assert done.output == [30, 10, 20]
    assert done.stopped == START + timedelta(seconds=30)
    finished = [event.iteration for event in done.history if event.what == Exited("Ask", 10)]
    assert finished == [(1,)]


def test_a_map_runs_no_more_iterations_at_once_than_it_may(run: Run) -> None:
    inside = {"Pause": {"Type": "Wait", "Seconds": 10, "End": True}}
    assert run({"Each": each(inside, MaxConcurrency=2)}, [1, 2, 3, 4, 5]).stopped == START + timedelta(seconds=30)
    many = run({"Each": each(inside)}, list(range(41)))
    assert many.stopped
    assert many.started
    assert many.stopped - many.started == timedelta(seconds=20)


def test_a_map_over_nothing_is_over(run: Run) -> None:
    assert run({"Each": each({"Ask": ASK})}, []).output == []


def test_the_first_iteration_that_fails_cancels_the_others_and_fails_the_map(run: Run) -> None:
    calls: list[Any] = []

    def tasks(_: Execution, task: Invoke | Call) -> Any:
        calls.append(task.arguments["Payload"])
        if task.arguments["Payload"] == 10:
            raise TaskFailed("Broken", "ten")
        return task.arguments["Payload"]

    inside = {"Pause": {"Type": "Wait", "Seconds": "{% $states.input %}", "Next": "Ask"}, "Ask": ASK}
    catch = [{"ErrorEquals": ["Broken"], "Next": "Rest"}]
    states = {"Each": each(inside, Catch=catch), "Rest": {**PAUSE, "Next": "Done"}, "Done": DONE}
    done = run(states, [5, 20, 10], tasks)
    assert done.output == {"Error": "Broken", "Cause": "ten"}
    assert calls == [5, 10]
    assert done.stopped == START + timedelta(seconds=70)


def test_maps_within_maps_tell_where_each_line_of_the_history_comes_from(run: Run) -> None:
    inside = {"Inner": each({"Ask": ASK})}
    done = run({"Outer": each(inside)}, [["a"], ["b", "c"]])
    assert done.output == [["a"], ["b", "c"]]
    places = {event.iteration: event.what.output for event in done.history if event.what == Exited("Ask", "c")}
    assert places == {(1, 1): "c"}


def test_listeners_hear_every_line_of_the_history(clock: Clock) -> None:
    heard: list[Effect | Ended] = []
    watched = execution("x")
    watched.listeners.append(lambda _, what: heard.append(what))
    start(machine({"Ask": ASK}), watched, echo, clock)
    run_all(clock)
    assert heard == [event.what for event in watched.history]
    assert heard[-1] == Ended("SUCCEEDED")


def test_a_listener_may_stop_the_execution(clock: Clock) -> None:
    watched = execution()
    watched.listeners.append(lambda who, what: stop(who) if isinstance(what, Exited) else None)
    start(machine({"Pause": PAUSE, "Ask": ASK}), watched, echo, clock)
    run_all(clock)
    assert (watched.status, watched.path) == ("ABORTED", ["Pause"])


@pytest.mark.parametrize("last", range(1, 6))
def test_a_crash_before_any_effect_leaves_nothing_running(last: int) -> None:
    clock, calls = VirtualClock(START), list[str]()

    def tasks(_: Execution, task: Invoke | Call) -> Any:
        calls.append(task.state)

    def crash(who: Execution, _: Effect) -> None:
        if who.effects == last:
            raise Killed

    states = {"Begin": {**ASK, "Next": "Each"}, "Each": each({"Ask": ASK}, Items=[1, 2]), "End": ASK}
    del states["Begin"]["End"], states["Each"]["End"]
    states["Each"]["Next"] = "End"
    victim = start(machine(states), execution(), tasks, clock, before_effect=crash)
    clock.run()
    assert (victim.status, victim.effects) == ("ABORTED", last)
    assert calls == [[], ["Begin"], ["Begin"], ["Begin"], ["Begin", "Ask", "Ask"]][last - 1]


def test_executions_take_turns_at_each_effect_on_the_virtual_clock() -> None:
    clock, order = VirtualClock(START), list[str]()

    def tasks(who: Execution, task: Invoke | Call) -> Any:
        order.append(f"{who.name} {task.state}")

    states = {"First": {**ASK, "Next": "Second"}, "Second": ASK}
    del states["First"]["End"]
    for name in ("a", "b"):
        start(machine(states), Execution(f"arn:{name}", name, None), tasks, clock)
    clock.run()
    assert order == ["a First", "b First", "a Second", "b Second"]


def test_tasks_of_different_executions_run_at_the_same_time_on_threads() -> None:
    clock, meeting = ScaledClock(START, speed=0), threading.Barrier(3, timeout=5)

    def tasks(*_: Any) -> Any:
        meeting.wait()
        return "met"

    started = [start(machine({"Ask": ASK}), Execution(f"arn:{n}", str(n), None), tasks, clock) for n in range(3)]
    clock.settle()
    clock.close()
    assert [each.output for each in started] == ["met"] * 3


def test_many_executions_on_threads_end_as_on_one_thread() -> None:
    inside = {"Pause": {"Type": "Wait", "Seconds": "{% $states.input %}", "Next": "Ask"}, "Ask": ASK}
    plan = machine({"Each": each(inside, Assign={"sum": "{% $sum($states.result) %}"})})
    outcomes = []
    for clock in (VirtualClock(START), ScaledClock(START, speed=0)):
        started = [start(plan, Execution(f"arn:{n}", str(n), [n, 3, 1]), echo, clock) for n in range(20)]
        run_all(clock)
        outcomes.append([(one.status, one.output, one.stopped) for one in started])
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][7] == ("SUCCEEDED", [7, 3, 1], START + timedelta(seconds=7))
