"""What the state machines are tried with: per file, the executions that both engines must agree on."""

from typing import Any

from sandbox.asl.effects import TaskFailed
from tests.simulation.outcome import Scenario, Silence, WithToken

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
    "token.yaml": [
        Scenario("comes back", {"account": "1"}, {"Ask": [WithToken({"approved": True})]}),
        Scenario("comes back with nothing", {"account": "1"}, {"Ask": [WithToken(None)]}),
        Scenario("refused", {"account": "1"}, {"Ask": [WithToken(TaskFailed("Refused", TEXT))]}),
        Scenario("refused without a word", {"account": "1"}, {"Ask": [WithToken(TaskFailed("Odd"))]}),
        Scenario("second attempt", {"account": "1"}, {"Ask": [WithToken(TaskFailed("Busy")), WithToken("yes")]}),
        Scenario("busy for good", {"account": "1"}, {"Ask": [WithToken(TaskFailed("Busy", "b"))]}),
        Scenario("never sent", {"account": "1"}, {"Ask": [TaskFailed("SQS.AmazonSQSException", "no")]}),
        Scenario("never comes back", {"account": "1"}, {"Ask": [Silence()]}),
    ],
    "heartbeat.yaml": [
        Scenario("no sign of life", {"account": "1"}, {"Ask": [Silence()]}),
        Scenario("not published", {"account": "1"}, {"Ask": [TaskFailed("SNS.NotFoundException", "no topic")]}),
    ],
    "token_map.yaml": [
        Scenario(
            "three accounts",
            {"accounts": ["a", "b", "c"]},
            {"Ask": lambda asked: WithToken({"said": asked["Payload"]["account"] * 2})},
        ),
        Scenario("one refused", {"accounts": ["a"]}, {"Ask": [WithToken(TaskFailed("Refused", "no"))]}),
    ],
    "functions.yaml": [
        Scenario(
            "five accounts",
            {
                "accounts": [{"id": str(number), "age": number * 7 % 5} for number in range(5)],
                "text": '{"a": [1, 2, {"b": "c"}]}',
            },
        ),
        Scenario("an even number more", {"accounts": [{"id": "x", "age": 1}] * 6, "text": "[]", "cursor": "next"}),
    ],
    "text.yaml": [Scenario("survives", {"text": TEXT}, {"Ask": [TEXT]})],
}

FOUND = {"kind": "account", "id": "111122223333", "event": "TagResource"}
CLAIMED = {"Attributes": {"generation": {"N": "4"}}}
HOLDER = "arn:aws:states:us-east-1:123456789012:execution:machine:other"
DENIED = TaskFailed("AccessDenied", '{"errorType":"AccessDenied","errorMessage":"no"}')
NO_ACCOUNT = TaskFailed("NoAccountInEvent", '{"errorType":"NoAccountInEvent","errorMessage":"found \\"nothing\\""}')
SLOW = TaskFailed("Throttled", "slow")
FULL = TaskFailed("Lambda.TooManyRequestsException", "Rate Exceeded.")


def step(action: str, profile: str = "default", reason: str = "tagged", error: str = "") -> dict[str, Any]:
    """One step of a plan."""
    extra = {"error": error, "remove_after": "2026-12-01T08:00:00Z", "gone": False, "left": "", "begins": False}
    return {"profile": profile, "action": action, "reason": reason, **extra}


CONNECT = step("connect")
FIRST = {**CONNECT, "begins": True}
UNTAGGED = step("quarantine", reason="untagged")
EXPIRED = step("disconnect", reason="untagged") | {"left": "the results bucket"}
DRIFTED = step("rebuild", reason="changed by hand")
FORGET = step("forget", reason="untagged")


READY = {"ready": True, "operation_id": "op-1"}


def assessment(*steps: Any) -> Any:
    """AssessAccount's answer."""
    return {"account_name": "sandbox", "steps": list(steps)}


def account(*steps: Any, **answers: Any) -> dict[str, Any]:
    """The answers of a reconcile whose first assessment asks for those steps; all else goes well."""
    return {
        "FindAccount": [FOUND],
        "Claim": [CLAIMED],
        "AssessAccount": [assessment(*steps)],
        "RecordConnecting": [{}],
        "EnsureConsumerRole": [READY],
        "DescribeOperation": [operation("SUCCEEDED")],
        "EnsureAccess": [{"granted": True}],
        "EnsureDataSource": [{"ready": True, "attempt": 1, "pause": 5}],
        "RecordConnected": [{}],
        "RevokeAccess": [{"revoked": True, "held": False}],
        "TakeBackAccess": [{"revoked": True, "held": False}],
        "RecordQuarantined": [{}],
        "RecordHeld": [{}],
        "RecordDisconnecting": [{}],
        "RemoveDataSource": [{"gone": True, "pause": 0}],
        "RemoveConsumerRole": [{"gone": True, "kept": False, "operation_id": None}],
        "RecordKept": [{}],
        "RecordRebuilding": [{}],
        "RecordRemoved": [{}],
        "KeepClaim": [{"Attributes": {"holder": {"S": "me"}}}],
        "KeepForSweep": [{}],
        "KeepEvent": [{}],
        "RecordFailure": [{}],
        "RecordAccountFailure": [{}],
        "Release": [{}],
        "LookAgain": [CLAIMED],
        **answers,
    }


EVENT = {"detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": "TagResource"}}

PLAN = {"plan": "1-20261104103000"}


def released(offset: int, *, done: bool = False) -> dict[str, Any]:
    """ReleaseRevocations' answer."""
    return {"superseded": False, "done": done, "offset": offset}


def approval(**answers: Any) -> dict[str, Any]:
    """The answers of an approval; all else goes well."""
    return {"AskForApproval": [{}], "ReleaseRevocations": [released(20, done=True)], **answers}


# statemachines/<file> -> scenarios. A file there without scenarios fails the test.
REAL: dict[str, list[Scenario]] = {
    "reconcile_account.asl.yaml": [
        Scenario("nothing to do", EVENT, account(step("nothing"))),
        Scenario("a unit", EVENT, account(FindAccount=[{**FOUND, "kind": "unit", "id": "ou-ab12-consumers1"}])),
        Scenario("a policy", EVENT, account(FindAccount=[{**FOUND, "kind": "other", "id": "p-abc"}])),
        Scenario("connect at once", EVENT, account(CONNECT)),
        Scenario(
            "connect after waits",
            EVENT,
            account(
                CONNECT,
                EnsureConsumerRole=[
                    {"ready": False, "operation_id": "op-1"},
                    TaskFailed("StackSetBusy"),
                    {"ready": False, "operation_id": "op-2"},
                    {"ready": True, "operation_id": None},
                ],
                DescribeOperation=[operation("QUEUED"), operation("RUNNING"), operation("SUCCEEDED")],
                EnsureAccess=[{"granted": False}, {"granted": True}],
                EnsureDataSource=[
                    {"ready": False, "attempt": 1, "pause": 5},
                    {"ready": False, "attempt": 2, "pause": 10},
                    {"ready": True, "attempt": 3, "pause": 20},
                ],
            ),
        ),
        Scenario(
            "several connections",
            EVENT,
            account(
                step("connect", "finance"),
                step("quarantine", "sales", "untagged"),
                step("forget", "old", "nothing there"),
                step("refuse", "typo", "no such profile", "UnknownProfile"),
            ),
        ),
        Scenario(
            "quarantine",
            EVENT,
            account(UNTAGGED, RevokeAccess=[{"revoked": False, "held": False}, {"revoked": True, "held": False}]),
        ),
        Scenario("held by the brake", EVENT, account(UNTAGGED, RevokeAccess=[{"revoked": False, "held": True}])),
        Scenario("a step fails", EVENT, account(CONNECT, EnsureAccess=[DENIED])),
        Scenario(
            "a first connection fails",
            EVENT,
            account(
                FIRST,
                EnsureDataSource=[DENIED],
                TakeBackAccess=[{"revoked": False, "held": False}, {"revoked": True, "held": False}],
            ),
        ),
        Scenario("nor can access be taken back", EVENT, account(FIRST, EnsureAccess=[DENIED], TakeBackAccess=[DENIED])),
        Scenario("a failure not even recorded", EVENT, account(CONNECT, EnsureAccess=[DENIED], RecordFailure=[DENIED])),
        Scenario("throttled for good", EVENT, account(CONNECT, EnsureAccess=[SLOW])),
        Scenario("throttled for a while", EVENT, account(CONNECT, EnsureConsumerRole=[SLOW] * 12 + [READY])),
        Scenario("assessing is throttled for a while", EVENT, account(AssessAccount=[SLOW] * 6 + [assessment()])),
        Scenario("assessing is throttled for good", EVENT, account(AssessAccount=[SLOW])),
        Scenario(
            "the claim is lost while it waits",
            EVENT,
            account(
                CONNECT,
                EnsureConsumerRole=[{"ready": False, "operation_id": "op-1"}],
                KeepClaim=[TAKEN],
                Release=[TAKEN],
                LookAgain=[TAKEN],
            ),
        ),
        Scenario(
            "a function that hangs once",
            EVENT,
            account(CONNECT, EnsureAccess=[TaskFailed("States.Timeout"), {"granted": True}]),
        ),
        Scenario("assessment fails", EVENT, account(AssessAccount=[DENIED])),
        Scenario("finding the account fails", EVENT, account(FindAccount=[DENIED])),
        Scenario("an event without an account", EVENT, account(FindAccount=[NO_ACCOUNT])),
        Scenario("an event not even kept", EVENT, account(FindAccount=[DENIED], KeepEvent=[DENIED])),
        Scenario(
            "claim held by a living execution",
            EVENT,
            account(
                Claim=[TAKEN],
                AskToLookAgain=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[{"Status": "RUNNING"}],
            ),
        ),
        Scenario(
            "claim held by a dead execution",
            EVENT,
            account(
                CONNECT,
                Claim=[TAKEN],
                AskToLookAgain=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[{"Status": "FAILED"}],
                TakeOver=[CLAIMED],
            ),
        ),
        Scenario(
            "claim held by a forgotten execution, and taken over by another",
            EVENT,
            account(
                Claim=[TAKEN, CLAIMED],
                AskToLookAgain=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[TaskFailed("Sfn.ExecutionDoesNotExistException", "gone")],
                TakeOver=[TAKEN],
            ),
        ),
        Scenario("claim released meanwhile", EVENT, account(Claim=[TAKEN, CLAIMED], AskToLookAgain=[TAKEN])),
        Scenario(
            "untagged while it waits",
            EVENT,
            account(
                AssessAccount=[assessment(CONNECT), assessment(UNTAGGED)],
                EnsureConsumerRole=[{"ready": False, "operation_id": "op-1"}],
                KeepClaim=[{"Attributes": {"look_again": {"S": "UntagResource"}}}],
                Release=[TAKEN, {}],
                LookAgain=[CLAIMED],
            ),
        ),
        Scenario(
            "disconnect",
            EVENT,
            account(
                AssessAccount=[assessment(EXPIRED), assessment(FORGET)],
                RevokeAccess=[{"revoked": False}, {"revoked": True}],
                RemoveDataSource=[
                    {"gone": False, "pause": 10},
                    SLOW,
                    {"gone": False, "pause": 5},
                    {"gone": True, "pause": 0},
                ],
                RemoveConsumerRole=[
                    TaskFailed("StackSetBusy"),
                    {"gone": False, "kept": False, "operation_id": "op-1"},
                    {"gone": True, "kept": False, "operation_id": None},
                ],
                DescribeOperation=[operation("QUEUED"), operation("SUCCEEDED")],
            ),
        ),
        Scenario(
            "Lambda takes no invocation for a while",
            EVENT,
            account(step("connect"), FindAccount=[FULL] * 8 + [FOUND], EnsureAccess=[FULL] * 8 + [{"granted": True}]),
        ),
        Scenario("Lambda takes no invocation at all", EVENT, account(FindAccount=[FULL], KeepEvent=[{}])),
        Scenario(
            "removing is throttled for a while",
            EVENT,
            account(
                AssessAccount=[assessment(EXPIRED), assessment(FORGET)],
                RemoveDataSource=[SLOW] * 6 + [{"gone": True, "pause": 0}],
                RemoveConsumerRole=[SLOW] * 6 + [{"gone": True, "kept": False, "operation_id": None}],
            ),
        ),
        Scenario(
            "AWS keeps what it was asked to forget",
            EVENT,
            account(
                AssessAccount=[assessment(EXPIRED | {"gone": True, "left": ""}), assessment(FORGET)],
                RemoveConsumerRole=[{"gone": False, "kept": True, "operation_id": None}],
            ),
        ),
        Scenario("rebuild", EVENT, account(AssessAccount=[assessment(DRIFTED), assessment(CONNECT)])),
        Scenario(
            "one is removed and another fails",
            EVENT,
            account(
                AssessAccount=[
                    assessment(EXPIRED, step("connect", "sales")),
                    assessment(FORGET, step("connect", "sales")),
                ],
                EnsureAccess=[DENIED],
            ),
        ),
        Scenario("what is removed is there again each time", EVENT, account(EXPIRED)),
        Scenario(
            "tagged again while it is removed",
            EVENT,
            account(
                AssessAccount=[assessment(EXPIRED), assessment(CONNECT)],
                RemoveDataSource=[{"gone": False, "pause": 10}],
                KeepClaim=[{"Attributes": {"look_again": {"S": "TagResource"}}}],
                Release=[TAKEN, {}],
                LookAgain=[CLAIMED],
            ),
        ),
        Scenario("claim lost before the end", EVENT, account(Release=[TAKEN], LookAgain=[TAKEN])),
    ],
    "approve_revocations.asl.yaml": [
        Scenario("approved", PLAN, approval()),
        Scenario("in slices", PLAN, approval(ReleaseRevocations=[released(20), released(40), released(45, done=True)])),
        Scenario("the writer is busy", PLAN, approval(ReleaseRevocations=[released(0), released(20, done=True)])),
        Scenario("replaced before it was asked", PLAN, approval(AskForApproval=[TaskFailed("Superseded", "newer")])),
        Scenario("replaced before it went", PLAN, approval(ReleaseRevocations=[{**released(0), "superseded": True}])),
        Scenario("refused", PLAN, approval(AskForApproval=[TaskFailed("Rejected", "no")])),
        Scenario("asking fails", PLAN, approval(AskForApproval=[DENIED])),
        Scenario("releasing fails", PLAN, approval(ReleaseRevocations=[DENIED])),
    ],
}

# What stands for the ${placeholders} of the real machines; any other is replaced by its own name.
SUBSTITUTIONS: dict[str, str] = {}
