"""The reader itself: each rule of the language where moto's engine is silent or wrong, or too slow to ask."""

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from sandbox.aws.asl.context import Context
from sandbox.aws.asl.effects import (
    Call,
    Effect,
    Entered,
    ExecutionFailed,
    Exited,
    Failed,
    Fork,
    Invoke,
    Notice,
    TaskFailed,
    Wait,
)
from sandbox.aws.asl.interpreter import run
from sandbox.aws.asl.machine import parse

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
DONE = {"Type": "Succeed"}
ASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "ask"}, "End": True}
READ = {**ASK, "Resource": "arn:aws:states:::dynamodb:getItem"}


class Drive:
    """Runs a machine by hand: answers every effect that is no notice with the next answer."""

    def __init__(self, first: Any, data: Any = None, answers: tuple[Any, ...] = (), **others: Any) -> None:
        raw = {"QueryLanguage": "JSONata", "StartAt": "First", "States": {"First": first, **others}}
        chance = Random(7)  # noqa: S311 - the same jitter in every run
        self.context = Context("arn:execution", "run-1", NOW, lambda: NOW, "arn:role", "arn:machine", "machine", chance)
        self.steps = run(parse(raw, {}), data, self.context)
        self.answers = list(answers)
        self.effects: list[Effect] = []
        self.output: Any = None
        self.error: tuple[str | None, str | None] | None = None
        self._go()

    def _go(self) -> None:
        answer: Any = None
        try:
            while True:
                effect = self.steps.throw(answer) if isinstance(answer, TaskFailed) else self.steps.send(answer)
                self.effects.append(effect)
                asks = not isinstance(effect, Notice | Wait)
                answer = self.answers.pop(0) if asks else None
        except StopIteration as end:
            self.output = end.value
        except ExecutionFailed as failure:
            self.error = (failure.error, failure.cause)

    def all(self, kind: Any) -> list[Any]:
        """The effects of that kind."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def path(self) -> list[str]:
        """The states entered."""
        return [effect.state for effect in self.all(Entered)]


def caught(error: str, *names: str) -> bool:
    state = {**ASK, "Catch": [{"ErrorEquals": list(names), "Next": "Caught"}]}
    return "Caught" in Drive(state, answers=(TaskFailed(error),), Caught=DONE).path


def test_a_function_is_invoked_and_its_payload_wrapped_as_the_integration_does() -> None:
    drive = Drive({**ASK, "Arguments": {"Payload": "{% $states.input %}"}, "TimeoutSeconds": "{% 10 + 5 %}"}, 7, (8,))
    assert drive.all(Invoke) == [Invoke("First", "arn:aws:states:::lambda:invoke", {"Payload": 7}, 15)]
    assert drive.output == {"ExecutedVersion": "$LATEST", "Payload": 8, "StatusCode": 200}


def test_any_other_integration_is_called_and_answers_as_it_is() -> None:
    drive = Drive(READ, answers=({"Item": {}},))
    assert drive.all(Call) == [Call("First", "arn:aws:states:::dynamodb:getItem", {"FunctionName": "ask"})]
    assert drive.output == {"Item": {}}


def test_each_attempt_of_a_task_that_waits_has_a_token_of_its_own_which_its_fields_see() -> None:
    token = "{% $states.context.Task.Token %}"
    state = {**ASK, "Resource": f"{ASK['Resource']}.waitForTaskToken", "Arguments": {"Payload": token}}
    state |= {"HeartbeatSeconds": "{% 4 * 5 %}", "Retry": [{"ErrorEquals": ["Busy"]}]}
    drive = Drive(state, answers=(TaskFailed("Busy"), {"ok": True}))
    first, second = drive.all(Invoke)
    assert [task.arguments["Payload"] for task in (first, second)] == [first.token, second.token]
    assert first.token != second.token
    assert first.heartbeat_seconds == 20
    assert drive.output == {"ok": True}


def test_a_task_that_waits_for_no_token_has_none() -> None:
    drive = Drive({**ASK, "Arguments": {"Payload": "{% $states.context.Task.Token %}"}}, answers=("fine",))
    assert drive.error
    assert drive.error[0] == "States.QueryEvaluationError"


def test_notices_tell_each_state_its_input_its_output_and_each_failed_attempt() -> None:
    state = {**ASK, "Retry": [{"ErrorEquals": ["Busy"]}], "Output": "{% $states.result.Payload %}"}
    drive = Drive(state, "in", (TaskFailed("Busy", "later"), "out"))
    assert drive.all(Notice) == [Entered("First", "in"), Failed("First", "Busy", "later"), Exited("First", "out")]


def test_output_and_assign_see_the_variables_from_before_the_state() -> None:
    first = {"Type": "Pass", "Assign": {"a": 1, "b": 1}, "Next": "Second"}
    second = {
        "Type": "Pass",
        "Assign": {"a": "{% $b + 1 %}", "b": "{% $a + 2 %}"},
        "Output": "{% $a %}",
        "Next": "Third",
    }
    third = {"Type": "Pass", "Output": "{% [$states.input, $a, $b] %}", "End": True}
    assert Drive(first, Second=second, Third=third).output == [1, 2, 3]


def test_a_failing_output_assigns_nothing() -> None:
    first = {**ASK, "Next": "Second", "Assign": {"x": 2}, "Output": "{% $states.result.Payload.missing %}"}
    del first["End"]
    first["Catch"] = [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Second", "Output": "caught"}]
    before = {"Type": "Pass", "Assign": {"x": 1}, "Next": "Ask"}
    second = {"Type": "Pass", "Output": "{% [$x, $states.input] %}", "End": True}
    assert Drive(before, answers=({},), Ask=first, Second=second).output == [1, "caught"]


def test_the_context_object_tells_the_execution_the_state_and_the_machine() -> None:
    drive = Drive({"Type": "Pass", "Output": "{% $states.context %}", "End": True}, {"a": 1})
    assert drive.output == {
        "Execution": {
            "Id": "arn:execution",
            "Name": "run-1",
            "Input": {"a": 1},
            "StartTime": "2026-11-23T12:00:00.123Z",
            "RoleArn": "arn:role",
        },
        "State": {"Name": "First", "EnteredTime": "2026-11-23T12:00:00.123Z", "RetryCount": 0},
        "StateMachine": {"Id": "arn:machine", "Name": "machine"},
    }


@pytest.mark.parametrize(
    ("state", "variable"),
    [({"Type": "Pass", "End": True}, "result"), (DONE, "errorOutput"), (ASK, "errorOutput")],
)
def test_results_and_errors_exist_only_where_there_are_some(state: Any, variable: str) -> None:
    drive = Drive({**state, "Output": f"{{% $states.{variable} %}}"}, answers=("payload",))
    assert drive.error
    assert drive.error[0] == "States.QueryEvaluationError"


def test_a_condition_must_be_a_boolean() -> None:
    drive = Drive({"Type": "Choice", "Choices": [{"Condition": "{% 1 %}", "Next": "Done"}]}, Done=DONE)
    assert drive.error == ("States.QueryEvaluationError", "Condition is no boolean: 1")


def test_a_choice_without_a_match_and_without_default_fails() -> None:
    drive = Drive({"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "Done"}]}, Done=DONE)
    assert drive.error
    assert drive.error[0] == "States.NoChoiceMatched"


def test_a_rule_that_leads_where_default_leads_keeps_its_own_output() -> None:
    rule = {"Condition": True, "Next": "Done", "Output": "rule"}
    drive = Drive({"Type": "Choice", "Choices": [rule], "Default": "Done", "Output": "default"}, Done=DONE)
    assert drive.output == "rule"


def test_waits_end_at_a_time() -> None:
    drive = Drive(
        {"Type": "Wait", "Seconds": "{% $states.input %}", "Next": "Until"},
        90,
        Until={"Type": "Wait", "Timestamp": "{% '2026-11-23T14:00:00+01:00' %}", "End": True},
    )
    assert drive.all(Wait) == [
        Wait("First", NOW + timedelta(seconds=90)),
        Wait("Until", datetime(2026, 11, 23, 13, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    "wait", [{"Seconds": "{% 'x' %}"}, {"Seconds": "{% 1.5 %}"}, {"Seconds": "{% -1 %}"}, {"Timestamp": "{% 'noon' %}"}]
)
def test_a_wait_for_no_time_fails(wait: Any) -> None:
    drive = Drive({"Type": "Wait", **wait, "End": True})
    assert drive.error
    assert drive.error[0] == "States.QueryEvaluationError"


def test_delays_grow_by_the_rate_up_to_the_longest() -> None:
    retrier = {"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 4, "MaxDelaySeconds": 20}
    drive = Drive({**ASK, "Retry": [retrier]}, answers=(TaskFailed("Busy"),) * 5)
    waits = drive.all(Wait)
    assert [(wait.until - NOW).total_seconds() for wait in waits] == [2, 6, 18, 20]
    assert {wait.reason for wait in waits} == {"retry"}
    assert drive.error == ("Busy", None)


def test_defaults_are_three_retries_after_one_two_and_four_seconds() -> None:
    drive = Drive({**ASK, "Retry": [{"ErrorEquals": ["Busy"]}]}, answers=(TaskFailed("Busy"),) * 4)
    assert [(wait.until - NOW).total_seconds() for wait in drive.all(Wait)] == [1, 2, 4]


def test_full_jitter_draws_a_shorter_delay_the_same_in_every_run() -> None:
    retrier = {"ErrorEquals": ["Busy"], "IntervalSeconds": 100, "JitterStrategy": "FULL"}
    runs = [Drive({**ASK, "Retry": [retrier]}, answers=(TaskFailed("Busy"),) * 4) for _ in range(2)]
    delays = [(wait.until - NOW).total_seconds() for wait in runs[0].all(Wait)]
    assert all(0 <= delay <= longest for delay, longest in zip(delays, (100, 200, 400), strict=True))
    assert len(set(delays)) == 3
    assert runs[0].all(Wait) == runs[1].all(Wait)


def test_retries_are_counted_anew_each_time_the_state_is_entered() -> None:
    again = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.Payload = 'go' %}", "Next": "First"}],
        "Default": "Done",
    }
    state = {**ASK, "Next": "Again", "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}]}
    del state["End"]
    drive = Drive(state, answers=(TaskFailed("Busy"), "go", TaskFailed("Busy"), "stop"), Again=again, Done=DONE)
    assert drive.error is None


@pytest.mark.parametrize(
    ("error", "names", "expected"),
    [
        ("Busy", ["Busy"], True),
        ("Busy", ["busy"], False),
        ("Busy", ["Other", "Busy"], True),
        ("Busy", ["States.ALL"], True),
        ("Busy", ["States.TaskFailed"], True),
        ("States.Timeout", ["States.Timeout"], True),
        ("States.Timeout", ["States.ALL"], True),
        ("States.Timeout", ["States.TaskFailed"], False),
        ("States.DataLimitExceeded", ["States.ALL"], False),
        ("States.DataLimitExceeded", ["States.TaskFailed"], False),
        ("States.DataLimitExceeded", ["States.DataLimitExceeded"], True),
        ("States.Runtime", ["States.ALL"], False),
        ("States.Runtime", ["States.Runtime"], False),
    ],
)
def test_which_error_names_catch_what(error: str, names: list[str], expected: bool) -> None:  # noqa: FBT001 - a table
    assert caught(error, *names) is expected


def test_a_function_error_is_named_by_its_type_and_carries_the_payload() -> None:
    failure = TaskFailed.of_function({"errorMessage": "gone", "errorType": "AccountGone"})
    assert failure.error == "AccountGone"
    assert json.loads(failure.cause or "") == {"errorMessage": "gone", "errorType": "AccountGone"}


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Pass", "Output": "{% $pad('', 262143, 'x') %}", "End": True},
        {"Type": "Pass", "Assign": {"x": "{% $pad('', 262143, 'x') %}"}, "End": True},
        {**ASK, "Arguments": {"x": "{% $pad('', 262143, 'x') %}"}},
    ],
)
def test_more_than_256_kib_is_too_much(state: Any) -> None:
    drive = Drive(state, answers=("fine",))
    assert drive.error
    assert drive.error[0] == "States.DataLimitExceeded"


def test_a_result_over_256_kib_is_too_much_and_no_wildcard_catches_it() -> None:
    state = {**ASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]}
    drive = Drive(state, answers=("é" * 131_072,), Done=DONE)
    assert drive.error
    assert drive.error[0] == "States.DataLimitExceeded"


def test_256_kib_exactly_are_fine() -> None:
    assert Drive({"Type": "Pass", "Output": "{% $pad('', 262142, 'x') %}", "End": True}).error is None


def test_a_fail_state_without_words_fails_without_words() -> None:
    assert Drive({"Type": "Fail"}).error == (None, None)


def test_an_error_in_a_catchers_own_output_ends_the_execution() -> None:
    catcher = {"ErrorEquals": ["States.ALL"], "Next": "Done", "Output": "{% $states.result %}"}
    drive = Drive({**ASK, "Catch": [catcher]}, answers=(TaskFailed("Busy"),), Done=DONE)
    assert drive.error
    assert drive.error[0] == "States.QueryEvaluationError"


def test_a_map_forks_into_runs_that_know_their_item() -> None:
    inner = {"Type": "Pass", "Output": "{% [$states.input, $states.context.Map.Item] %}", "End": True}
    processor = {"StartAt": "Inner", "States": {"Inner": inner}}
    each = {"Type": "Map", "Items": ["a", "b"], "MaxConcurrency": 3, "ItemProcessor": processor, "End": True}
    drive = Drive(each, answers=(["x", "y"],))
    [fork] = drive.all(Fork)
    steps = fork.branches[1]()
    assert steps.send(None) == Entered("Inner", "b")
    assert steps.send(None) == Exited("Inner", ["b", {"Index": 1, "Value": "b"}])
    assert fork.max_concurrency == 3
    assert drive.output == ["x", "y"]


def test_a_map_over_no_array_is_a_query_evaluation_error() -> None:
    processor = {"StartAt": "Inner", "States": {"Inner": DONE}}
    drive = Drive({"Type": "Map", "Items": "{% {} %}", "ItemProcessor": processor, "End": True})
    assert drive.error == ("States.QueryEvaluationError", "Items is no array: {}")


def test_what_a_task_answered_may_change_later_without_changing_the_machine() -> None:
    answer = {"status": "RUNNING"}
    keep = {**READ, "Assign": {"kept": "{% $states.result %}"}, "Next": "Spoil"}
    spoil = {**READ, "Output": "{% [$states.input, $kept] %}"}
    del keep["End"]
    drive = Drive(keep, answers=(answer, answer), Spoil=spoil)
    answer["status"] = "CHANGED"
    assert drive.output == [{"status": "RUNNING"}, {"status": "RUNNING"}]
    assert drive.all(Exited)[0].output == {"status": "RUNNING"}
