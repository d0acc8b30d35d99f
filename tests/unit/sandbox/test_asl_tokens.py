"""Tasks that wait for their token, on both clocks: what answers them, what ends their wait, what comes too late."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.aws.asl.drivers import Delayed, Execution, start, stop
from sandbox.aws.asl.effects import Call, Invoke, TaskFailed
from sandbox.aws.asl.execution_run import ExecutionRun
from sandbox.aws.asl.machine import parse
from sandbox.aws.asl.tokens import TokenClosed, Tokens
from sandbox.aws.clock import Clock, ScaledClock, VirtualClock

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
SEND = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
ASK: dict[str, Any] = {
    "Type": "Task",
    "Resource": SEND,
    "Arguments": {"MessageBody": {"token": "{% $states.context.Task.Token %}"}},
    "End": True,
}
THEN_REST = {**{key: value for key, value in ASK.items() if key != "End"}, "Next": "Rest"}
REST = {"Type": "Wait", "Seconds": 60, "End": True}
BUSY = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 5}]


@pytest.fixture(params=["one thread", "threads"])
def clock(request: pytest.FixtureRequest) -> Iterator[Clock]:
    if request.param == "one thread":
        yield VirtualClock(START)
    else:
        threads = ScaledClock(START, speed=0)
        yield threads
        threads.close()


class Waiting:
    """Where the tokens of one machine arrive, and somebody who answers them."""

    def __init__(self, clock: Clock, first: Any, **others: Any) -> None:
        raw = {"QueryLanguage": "JSONata", "StartAt": "First", "States": {"First": first, **others}}
        self.clock, self.tokens, self.calls = clock, Tokens(), list[Any]()
        self.fails: Any = None
        self.execution = Execution("arn:execution", "run-1", [1, 2, 3])
        start(parse(raw, {}), self.execution, self._take, clock, tokens=self.tokens)

    def _take(self, _: Execution, task: Invoke | Call) -> Any:
        self.calls.append(task.arguments["MessageBody"]["token"])
        assert self.calls[-1] == task.token
        if isinstance(self.fails, TaskFailed):
            raise self.fails
        return self.fails or {"MessageId": "1"}

    def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        if isinstance(self.clock, VirtualClock):
            self.clock.run(until=self.clock.now() + timedelta(seconds=seconds))
        elif isinstance(self.clock, ScaledClock):
            self.clock.advance(seconds)

    def answer(self, answer: Any, number: int = -1) -> None:
        """Answer one of the tokens, and let the machine go on."""
        self.tokens.answer(self.calls[number], answer)
        self.wait(0)

    @property
    def seconds(self) -> float:
        """How long the execution took."""
        assert self.execution.stopped
        return (self.execution.stopped - START).total_seconds()


def test_a_task_waits_until_its_token_comes_back_with_the_result(clock: Clock) -> None:
    waiting = Waiting(clock, ASK)
    waiting.wait(3600)
    assert waiting.execution.status == "RUNNING"
    waiting.answer({"approved": True})
    assert (waiting.execution.status, waiting.execution.output, waiting.seconds) == (
        "SUCCEEDED",
        {"approved": True},
        3600,
    )


def test_the_result_may_be_nothing(clock: Clock) -> None:
    waiting = Waiting(clock, ASK)
    waiting.wait(1)
    waiting.answer(None)
    assert (waiting.execution.status, waiting.execution.output) == ("SUCCEEDED", None)


def test_a_failure_that_comes_with_the_token_is_retried_with_another_token(clock: Clock) -> None:
    waiting = Waiting(clock, {**ASK, "Retry": BUSY})
    waiting.wait(1)
    waiting.answer(TaskFailed("Busy", "later"))
    waiting.wait(5)
    assert len(set(waiting.calls)) == 2
    with pytest.raises(TokenClosed):
        waiting.answer("old", number=0)
    waiting.answer("new")
    assert (waiting.execution.output, waiting.seconds) == ("new", 6)


def test_a_failure_without_a_name_ends_the_execution(clock: Clock) -> None:
    waiting = Waiting(clock, ASK)
    waiting.wait(1)
    waiting.answer(TaskFailed(None))
    assert (waiting.execution.status, waiting.execution.error) == ("FAILED", None)


def test_an_integration_that_fails_fails_the_task_at_once(clock: Clock) -> None:
    waiting = Waiting(clock, ASK)
    waiting.fails = TaskFailed("SQS.AmazonSQSException", "no")
    waiting.wait(0)
    assert (waiting.execution.status, waiting.execution.error) == ("FAILED", "SQS.AmazonSQSException")
    with pytest.raises(TokenClosed):
        waiting.answer("too late")


@pytest.mark.parametrize(("answered", "status"), [({"MessageId": "1"}, "RUNNING"), (TaskFailed("Broken"), "FAILED")])
def test_what_an_integration_answers_later_counts_only_if_it_failed(clock: Clock, answered: Any, status: str) -> None:
    waiting = Waiting(clock, ASK)
    waiting.fails = Delayed(9, answered)
    waiting.wait(10)
    assert waiting.execution.status == status


def test_a_token_that_does_not_come_back_in_time_is_closed(clock: Clock) -> None:
    waiting = Waiting(clock, {**ASK, "TimeoutSeconds": 30})
    waiting.wait(60)
    assert (waiting.execution.status, waiting.execution.error, waiting.seconds) == ("FAILED", "States.Timeout", 30)
    with pytest.raises(TokenClosed):
        waiting.answer("too late")


def test_a_token_is_good_once(clock: Clock) -> None:
    waiting = Waiting(clock, THEN_REST, Rest=REST)
    waiting.wait(1)
    waiting.answer("once")
    for again in ("twice", TaskFailed("Busy")):
        with pytest.raises(TokenClosed):
            waiting.answer(again)
    with pytest.raises(TokenClosed):
        waiting.tokens.heartbeat(waiting.calls[0])
    waiting.wait(60)
    assert (waiting.execution.status, waiting.execution.output) == ("SUCCEEDED", "once")


def test_stopping_closes_every_token(clock: Clock) -> None:
    inside = {"StartAt": "Ask", "States": {"Ask": ASK}}
    waiting = Waiting(clock, {"Type": "Map", "Items": "{% $states.input %}", "ItemProcessor": inside, "End": True})
    waiting.wait(1)
    waiting.answer("in time", number=0)
    stop(waiting.execution)
    for number in range(3):
        with pytest.raises(TokenClosed):
            waiting.answer("too late", number)
    assert (waiting.execution.status, len(waiting.calls)) == ("ABORTED", 3)


def test_stopping_between_an_answer_and_what_follows_leaves_it_stopped(clock: Clock) -> None:
    waiting = Waiting(clock, ASK)
    waiting.wait(1)
    assert isinstance(waiting.execution.run, ExecutionRun)
    with waiting.execution.run.lock:  # so that no thread goes on in between
        waiting.tokens.answer(waiting.calls[0], "accepted")
        stop(waiting.execution)
    waiting.wait(0)
    assert (waiting.execution.status, waiting.execution.output) == ("ABORTED", None)


def test_each_iteration_waits_for_its_own_token_and_no_more_of_them_than_may_run_at_once(clock: Clock) -> None:
    inside = {"StartAt": "Ask", "States": {"Ask": ASK}}
    each = {"Type": "Map", "Items": "{% $states.input %}", "MaxConcurrency": 2, "ItemProcessor": inside, "End": True}
    waiting = Waiting(clock, each)
    waiting.wait(1)
    assert len(waiting.calls) == 2
    waiting.answer("b", number=1)
    assert len(set(waiting.calls)) == 3
    waiting.answer("c", number=2)
    waiting.answer("a", number=0)
    assert sorted(waiting.execution.output) == ["a", "b", "c"]


def test_heartbeats_keep_a_task_waiting_and_their_absence_ends_it(clock: Clock) -> None:
    waiting = Waiting(clock, {**ASK, "HeartbeatSeconds": 30})
    for _ in range(3):
        waiting.wait(20)
        waiting.tokens.heartbeat(waiting.calls[0])
    waiting.wait(60)
    assert (waiting.execution.status, waiting.execution.error, waiting.seconds) == ("FAILED", "States.Timeout", 90)
    with pytest.raises(TokenClosed):
        waiting.tokens.heartbeat(waiting.calls[0])


def test_heartbeats_do_not_lengthen_the_time_limit(clock: Clock) -> None:
    waiting = Waiting(clock, {**ASK, "HeartbeatSeconds": 30, "TimeoutSeconds": 50})
    for _ in range(2):
        waiting.wait(20)
        waiting.tokens.heartbeat(waiting.calls[0])
    waiting.wait(20)
    assert (waiting.execution.error, waiting.seconds) == ("States.Timeout", 50)


def test_an_answer_stops_the_heartbeat(clock: Clock) -> None:
    waiting = Waiting(clock, {**THEN_REST, "HeartbeatSeconds": 30}, Rest=REST)
    waiting.wait(10)
    waiting.answer("done")
    waiting.wait(60)
    assert (waiting.execution.status, waiting.seconds) == ("SUCCEEDED", 70)


def test_a_heartbeat_nobody_asked_for_changes_nothing(clock: Clock) -> None:
    waiting = Waiting(clock, ASK)
    waiting.wait(10)
    waiting.tokens.heartbeat(waiting.calls[0])
    waiting.wait(10)
    assert waiting.execution.status == "RUNNING"


@pytest.mark.parametrize("name", ["States.HeartbeatTimeout", "States.Timeout", "States.ALL"])
def test_a_missed_heartbeat_is_caught_by_its_own_name_and_as_a_timeout(clock: Clock, name: str) -> None:
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "Wrong"}, {"ErrorEquals": [name], "Next": "Right"}]
    others = {"Wrong": {"Type": "Fail"}, "Right": {"Type": "Succeed"}}
    waiting = Waiting(clock, {**ASK, "HeartbeatSeconds": 30, "Catch": catch}, **others)
    waiting.wait(31)
    assert waiting.execution.path == ["First", "Right"]


def test_a_time_limit_is_no_missed_heartbeat(clock: Clock) -> None:
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Wrong"}]
    waiting = Waiting(clock, {**ASK, "TimeoutSeconds": 30, "Catch": catch}, Wrong={"Type": "Succeed"})
    waiting.wait(31)
    assert (waiting.execution.path, waiting.execution.error) == (["First"], "States.Timeout")


def test_a_function_may_answer_its_token_before_it_returns(clock: Clock) -> None:
    tokens = Tokens()

    def tasks(_: Execution, task: Invoke | Call) -> Any:
        assert isinstance(task, Invoke)
        tokens.answer(str(task.token), "early")
        raise TaskFailed("Broken", "too late to matter")

    invoke = {**ASK, "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken"}
    raw = {"QueryLanguage": "JSONata", "StartAt": "First", "States": {"First": invoke}}
    started = start(parse(raw, {}), Execution("arn:execution", "run-1", None), tasks, clock, tokens=tokens)
    if isinstance(clock, VirtualClock):
        clock.run()
    elif isinstance(clock, ScaledClock):
        clock.settle()
    assert (started.status, started.output) == ("SUCCEEDED", "early")


def test_nobody_knows_a_token_that_was_not_given_out() -> None:
    tokens = Tokens()
    assert tokens.execution("made up") is None
    with pytest.raises(KeyError):
        tokens.answer("made up", None)


def test_two_executions_never_share_a_token() -> None:
    clock, given = VirtualClock(START), list[str]()
    for name in ("a", "b"):
        raw = {"QueryLanguage": "JSONata", "StartAt": "First", "States": {"First": ASK}}
        execution = Execution(f"arn:{name}", name, None)
        start(parse(raw, {}), execution, lambda _, task: given.append(str(task.token)), clock)
    clock.run()
    assert len(set(given)) == 2
