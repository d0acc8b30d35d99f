"""What the state machines are tried with: per file, the executions that both engines must agree on."""

from typing import Any

from sandbox.asl.effects import TaskFailed
from tests.simulation.outcome import Scenario

THROTTLED = TaskFailed("Throttled", "slow down")
TAKEN = TaskFailed("DynamoDB.ConditionalCheckFailedException", "The conditional request failed")
BUSY = TaskFailed("CloudFormation.ThrottlingException", "Rate exceeded")
TEXT = 'He said "no",\nthen \\ left: ünïcödé ☃ 😀'


def operation(status: str) -> Any:
    """DescribeStackSetOperation's answer."""
    return {"StackSetOperation": {"Status": status}}


# tests/simulation/machines/<file> -> scenarios
SMALL: dict[str, list[Scenario]] = {
    "pass_and_assign.yaml": [Scenario("runs through", {"name": "ada"})],
    "choice.yaml": [
        Scenario("first rule", {"amount": 200, "kind": "loan"}),
        Scenario("second rule", {"amount": 50, "kind": "loan"}),
        Scenario("default", {"amount": 50}),
    ],
    "wait.yaml": [Scenario("waits", {"minutes": 5})],
    "task_result.yaml": [
        Scenario(
            "two tasks",
            {"account": "111122223333"},
            {
                "AssessAccount": [{"plan": ["connect", "record"]}],
                "ReadRecord": [{"Item": {"since": {"S": "yesterday"}}}],
            },
        )
    ],
    "retry.yaml": [
        Scenario("second attempt", {}, {"Flaky": [THROTTLED, {"ok": True}]}),
        Scenario("one counter per retrier", {}, {"Flaky": [THROTTLED, TaskFailed("Odd", "?"), THROTTLED, "ok"]}),
        Scenario("exhausted and caught", {}, {"Flaky": [THROTTLED]}),
        Scenario("one counter for two names", {}, {"Flaky": [THROTTLED, TaskFailed("Busy"), TaskFailed("Busy", "b")]}),
        Scenario("never tried again", {}, {"Flaky": [TaskFailed("Hopeless", "no use")]}),
        Scenario("wildcard exhausted", {}, {"Flaky": [TaskFailed("Odd", "1"), TaskFailed("Odd", "2")]}),
        Scenario("time limit", {}, {"Flaky": [TaskFailed("States.Timeout"), "late but fine"]}),
    ],
    "catch.yaml": [
        Scenario("no error", {"account": "1"}, {"Try": ["fine"]}),
        Scenario("by name", {"account": "1"}, {"Try": [TaskFailed("AccountGone", TEXT)]}),
        Scenario("time limit", {"account": "1"}, {"Try": [TaskFailed("States.Timeout")]}),
        Scenario("any task error", {"account": "1"}, {"Try": [TaskFailed("Surprise", "boo")]}),
    ],
    "map.yaml": [
        Scenario("three items", {"profiles": ["a", "b", "c"]}, {"Ask": lambda asked: asked["Payload"]["name"]}),
        Scenario("no item", {"profiles": []}),
        Scenario("no array", {"profiles": "a"}),
    ],
    "nested_map.yaml": [Scenario("rows and cells", {})],
    "map_fails.yaml": [
        Scenario("all good", {"items": ["a", "b"]}, {"Work": lambda asked: asked["Payload"]["item"]}),
        Scenario("one bad", {"items": ["a", "bad", "b"]}, {"Work": ["done"]}),
        Scenario("retried as a whole", {"items": ["a", "b"]}, {"Work": ["1", THROTTLED, "3", "4"]}),
        Scenario("failing for good", {"items": ["a", "b"]}, {"Work": [THROTTLED]}),
    ],
    "fail.yaml": [Scenario("fails", {"error": "Refused", "account": "111122223333"})],
    "poll_loop.yaml": [
        Scenario(
            "third time",
            {"account": "111122223333"},
            {
                "Start": [{"OperationId": "op-1"}],
                "Ask": [BUSY, operation("QUEUED"), BUSY, operation("RUNNING"), BUSY, operation("SUCCEEDED")],
            },
        ),
        Scenario("never", {"account": "1"}, {"Start": [{"OperationId": "op-1"}], "Ask": [operation("RUNNING")]}),
        Scenario("failed", {"account": "1"}, {"Start": [{"OperationId": "op-1"}], "Ask": [operation("FAILED")]}),
        Scenario("throttled twice", {"account": "1"}, {"Start": [{"OperationId": "op-1"}], "Ask": [BUSY]}),
    ],
    "undefined.yaml": [
        Scenario("defined", {"name": "ada"}, {"Ask": [{"value": None}]}),
        Scenario("in the arguments", {}),
        Scenario("in the output", {"name": "ada"}, {"Ask": [{}]}),
    ],
    "claim.yaml": [
        Scenario("free", {"account": "1"}, {"Claim": [{}], "Begin": [{"ExecutionArn": "arn:x"}]}),
        Scenario("taken", {"account": "1"}, {"Claim": [TAKEN]}),
    ],
    "text.yaml": [Scenario("survives", {"text": TEXT}, {"Ask": [TEXT]})],
}

# statemachines/<file> -> scenarios. A file there without scenarios fails the test.
REAL: dict[str, list[Scenario]] = {}

# What stands for the ${placeholders} of the real machines; any other is replaced by its own name.
SUBSTITUTIONS: dict[str, str] = {}
