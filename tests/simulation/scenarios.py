"""What the state machines are tried with: per file, the executions that both engines must agree on."""

from typing import Any

from sandbox.aws.asl.effects import TaskFailed
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

STARTED = {"ExecutionArn": "arn:aws:states:us-east-1:123456789012:execution:other:1"}
FOUND = {"kind": "account", "id": "111122223333", "event": "TagResource"}
UNIT = {**FOUND, "kind": "unit", "id": "ou-ab12-consumers1", "scope": "ou-ab12-consumers1"}
SEVERAL = {**FOUND, "kind": "accounts", "scope": ["111122223333", "222233334444"]}
CLAIMED = {"Attributes": {"generation": {"N": "4"}}}
HOLDER = "arn:aws:states:us-east-1:123456789012:execution:machine:other"
DENIED = TaskFailed("AccessDenied", '{"errorType":"AccessDenied","errorMessage":"no"}')
NO_ACCOUNT = TaskFailed("NoAccountInEvent", '{"errorType":"NoAccountInEvent","errorMessage":"found \\"nothing\\""}')
SLOW = TaskFailed("Throttled", "slow")
NOT_AUTHORIZED = TaskFailed(
    "CloudFormation.CloudFormationException",
    "User: me is not authorized to perform: cloudformation:DescribeStackSetOperation (Service: CloudFormation)",
)
BUSY_SFN = TaskFailed("Sfn.SfnException", "Rate exceeded")
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
        "MendClaim": [TAKEN],
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
        "SweepUnit": [STARTED],
        "KeepEvent": [{}],
        "SweepEverything": [STARTED],
        "RecordFailure": [{}],
        "RecordAccountFailure": [{}],
        "Release": [{}],
        "LookAgain": [CLAIMED],
        **answers,
    }


EVENT = {"detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": "TagResource"}}
TAGGED = {"detail": {"eventName": "TagResource", "eventID": "e-1", "requestParameters": {"resourceId": "111122223333"}}}
HELD = {
    "Attributes": {
        "pk": {"S": "account#111122223333"},
        "holder": {"S": HOLDER},
        "look_again": {"S": "TagResource (e-1)"},
        "requests": {"N": "3"},
    }
}

PLAN = {"plan": "1-20261104103000"}


def released(offset: int, *, done: bool = False) -> dict[str, Any]:
    """ReleaseRevocations' answer."""
    return {"superseded": False, "done": done, "offset": offset}


def approval(**answers: Any) -> dict[str, Any]:
    """The answers of an approval; all else goes well."""
    return {"AskForApproval": [WithToken({})], "ReleaseRevocations": [released(20, done=True)], **answers}


ALL = {"scope": "all"}
MISSING = TaskFailed("MissingPermission", '{"errorType":"MissingPermission","errorMessage":"not authorized"}')


def swept(*units: str) -> dict[str, Any]:
    """ClaimSweep's answer: what is to be swept."""
    return {"Attributes": {"holder": {"S": "me"}, "taken": {"SS": [*units]}}}


def read(reading: str, *, done: bool = False, partial: bool = False) -> dict[str, Any]:
    """CollectSnapshot's answer."""
    return {"done": done, "listed": 40, "reading": reading, "partial": partial}


def slice_of(offset: int, *, done: bool = False) -> dict[str, Any]:
    """The answer of a step that goes through a plan some accounts at a time."""
    return {"done": done, "offset": offset}


def planned(*profiles: str, foreign: tuple[str, ...] = ()) -> dict[str, Any]:
    """PlanSweep's answer."""
    entries = {"foreign": [*foreign], "clean": bool(foreign)}
    return {"start": 1, "hold": 0, "withheld": 0, "profiles": [*profiles], **entries}


def sweep(**answers: Any) -> dict[str, Any]:
    """The answers of a sweep of everything; all else goes well."""
    return {
        "LookAtAccount": [STARTED],
        "LookAtEachAccount": [STARTED],
        "KeepRequest": [{}],
        "ClaimSweep": [swept("all")],
        "ReadSweepClaim": [{"Item": {"holder": {"S": HOLDER}}}],
        "DescribeHolder": [{"Status": "RUNNING"}],
        "TakeOver": [{}],
        "CollectSnapshot": [read("accounts"), read("roles"), read("", done=True)],
        "GiveUpAccounts": [read("roles", partial=True)],
        "PlanSweep": [planned("default", "sales")],
        "InspectConnections": [slice_of(20), slice_of(0, done=True)],
        "StartReconciles": [slice_of(20), slice_of(0, done=True)],
        "ReportSweep": [{"done": False}, {"done": True}],
        "DetectStackSetDrift": [{"OperationId": "op-1"}],
        "ReleaseSweep": [{"Attributes": {}}],
        **answers,
    }


# statemachines/<file> -> scenarios. A file there without scenarios fails the test.
REAL: dict[str, list[Scenario]] = {
    "reconcile_account.asl.yaml": [
        Scenario("nothing to do", EVENT, account(step("nothing"))),
        Scenario("a unit", EVENT, account(FindAccount=[UNIT])),
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
        Scenario(
            "what is taken back is in use, and waits for approval",
            EVENT,
            account(FIRST, EnsureAccess=[DENIED], TakeBackAccess=[{"revoked": False, "held": True}]),
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
                Claim=[CLAIMED, TAKEN],
                Release=[TAKEN],
                LookAgain=[TAKEN],
                AskHolder=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[{"Status": "RUNNING"}],
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
        Scenario("an account that can't be found", {"account_id": "1"}, account(FindAccount=[DENIED])),
        Scenario(
            "an event without an account, and no sweep",
            EVENT,
            account(FindAccount=[DENIED], SweepEverything=[BUSY_SFN]),
        ),
        Scenario("a unit that can't be swept", EVENT, account(FindAccount=[UNIT], SweepUnit=[BUSY_SFN])),
        Scenario("an event not even kept", EVENT, account(FindAccount=[DENIED], KeepEvent=[DENIED])),
        Scenario(
            "claim held by a living execution",
            EVENT,
            account(
                Claim=[TAKEN],
                AskHolder=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[{"Status": "RUNNING"}],
            ),
        ),
        Scenario(
            "claim held by a dead execution",
            EVENT,
            account(
                CONNECT,
                Claim=[TAKEN],
                AskHolder=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[{"Status": "FAILED"}],
                TakeOver=[CLAIMED],
            ),
        ),
        Scenario(
            "claim held by a forgotten execution, and taken over by another",
            EVENT,
            account(
                Claim=[TAKEN, CLAIMED],
                AskHolder=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[TaskFailed("Sfn.ExecutionDoesNotExistException", "gone")],
                TakeOver=[TAKEN],
            ),
        ),
        Scenario(
            "an account in plain sight, held by a living execution",
            TAGGED,
            account(AskToLookAgain=[HELD], DescribeHolder=[{"Status": "RUNNING"}]),
        ),
        Scenario(
            "an account in plain sight, held by a dead execution",
            TAGGED,
            account(CONNECT, AskToLookAgain=[HELD], DescribeHolder=[{"Status": "ABORTED"}], TakeOver=[CLAIMED]),
        ),
        Scenario("an account in plain sight that nobody holds", TAGGED, account(CONNECT, AskToLookAgain=[TAKEN])),
        Scenario(
            "an account in plain sight, claimed by another meanwhile",
            TAGGED,
            account(
                AskToLookAgain=[TAKEN],
                Claim=[TAKEN],
                AskHolder=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[{"Status": "RUNNING"}],
            ),
        ),
        Scenario("an account asked for by its id", {"account_id": "111122223333"}, account(AskToLookAgain=[TAKEN])),
        Scenario("a question that can't be asked", TAGGED, account(AskToLookAgain=[DENIED])),
        Scenario("several accounts", EVENT, account(FindAccount=[SEVERAL])),
        Scenario("claim released meanwhile", EVENT, account(Claim=[TAKEN, CLAIMED], AskHolder=[TAKEN])),
        Scenario(
            "claim held in the name of an execution about another account",
            EVENT,
            account(
                Claim=[TAKEN],
                AskHolder=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[{"Status": "RUNNING", "Input": '{"account_id": "999900001111"}'}],
                TakeOver=[CLAIMED],
            ),
        ),
        Scenario(
            "claim held by what is no execution",
            EVENT,
            account(
                Claim=[TAKEN],
                AskHolder=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[TaskFailed("Sfn.InvalidArnException", "Invalid Arn")],
                TakeOver=[CLAIMED],
            ),
        ),
        Scenario(
            "a count of looks that is none",
            EVENT,
            account(Claim=[TAKEN, CLAIMED], AskHolder=[TAKEN], MendClaim=[{}]),
        ),
        Scenario("a claim that can't be mended", EVENT, account(Claim=[TAKEN], AskHolder=[TAKEN], MendClaim=[DENIED])),
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
                RevokeAccess=[{"revoked": False, "held": False}, {"revoked": True, "held": False}],
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
            "the operation may not be looked at",
            EVENT,
            account(
                step("connect"),
                EnsureConsumerRole=[{"ready": False, "operation_id": "op-1"}],
                DescribeOperation=[NOT_AUTHORIZED],
            ),
        ),
        Scenario(
            "the operation can't be looked at for a while",
            EVENT,
            account(
                step("connect"),
                EnsureConsumerRole=[{"ready": False, "operation_id": "op-1"}, READY],
                DescribeOperation=[TaskFailed("CloudFormation.CloudFormationException", "Rate exceeded")],
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
        Scenario(
            "claim lost before the end",
            EVENT,
            account(
                Claim=[CLAIMED, TAKEN],
                Release=[TAKEN],
                LookAgain=[TAKEN],
                AskHolder=[{"Attributes": {"holder": {"S": HOLDER}}}],
                DescribeHolder=[{"Status": "RUNNING"}],
            ),
        ),
    ],
    "approve_revocations.asl.yaml": [
        Scenario("approved", PLAN, approval()),
        Scenario("approved at last", PLAN, approval(AskForApproval=[Silence()] * 9 + [WithToken({})])),
        Scenario("in slices", PLAN, approval(ReleaseRevocations=[released(20), released(40), released(45, done=True)])),
        Scenario("the writer is busy", PLAN, approval(ReleaseRevocations=[released(0), released(20, done=True)])),
        Scenario("replaced before it was asked", PLAN, approval(AskForApproval=[TaskFailed("Superseded", "newer")])),
        Scenario("replaced before it went", PLAN, approval(ReleaseRevocations=[{**released(0), "superseded": True}])),
        Scenario("refused", PLAN, approval(AskForApproval=[WithToken(TaskFailed("Rejected", "no"))])),
        Scenario("asking fails", PLAN, approval(AskForApproval=[DENIED])),
        Scenario("releasing fails", PLAN, approval(ReleaseRevocations=[DENIED])),
    ],
    "sweep_organization.asl.yaml": [
        Scenario("everything", ALL, sweep()),
        Scenario("nothing said", {}, sweep()),
        Scenario("one unit", {"scope": "ou-ab12-consumers1"}, sweep(ClaimSweep=[swept("ou-ab12-consumers1")])),
        Scenario("two units at once", ALL, sweep(ClaimSweep=[swept("ou-ab12-a", "ou-ab12-b")], PlanSweep=[planned()])),
        Scenario("one account", {"account_id": "111122223333"}, sweep()),
        Scenario("one account that can't be looked at", {"account_id": "1"}, sweep(LookAtAccount=[BUSY_SFN])),
        Scenario("some accounts", {"scope": ["111122223333", "222233334444"]}, sweep()),
        Scenario("one account as scope", {"scope": "111122223333"}, sweep()),
        Scenario("some that can't be looked at", {"scope": ["111122223333"]}, sweep(LookAtEachAccount=[BUSY_SFN])),
        Scenario("an account and a unit", {"scope": ["111122223333", "ou-ab12-consumers1"]}, sweep()),
        Scenario(
            "asked for once more meanwhile",
            ALL,
            sweep(ReleaseSweep=[{"Attributes": swept("all") | {"requests": 1}}, {"Attributes": {}}]),
        ),
        Scenario("another sweep is at work", ALL, sweep(ClaimSweep=[TAKEN])),
        Scenario(
            "the other one has just ended", ALL, sweep(ClaimSweep=[TAKEN, swept("all")], ReadSweepClaim=[{"Item": {}}])
        ),
        Scenario(
            "the other one died", ALL, sweep(ClaimSweep=[TAKEN, swept("all")], DescribeHolder=[{"Status": "ABORTED"}])
        ),
        Scenario(
            "the other one is forgotten, and somebody else took over",
            ALL,
            sweep(
                ClaimSweep=[TAKEN, swept("all")],
                DescribeHolder=[TaskFailed("Sfn.ExecutionDoesNotExistException", "gone")],
                TakeOver=[TAKEN],
            ),
        ),
        Scenario("the request can't be kept", ALL, sweep(KeepRequest=[DENIED])),
        Scenario("the claim can't be had", ALL, sweep(ClaimSweep=[DENIED])),
        Scenario("the claim can't be read", ALL, sweep(ClaimSweep=[TAKEN], ReadSweepClaim=[DENIED])),
        Scenario("the holder can't be looked at", ALL, sweep(ClaimSweep=[TAKEN], DescribeHolder=[BUSY_SFN])),
        Scenario(
            "the claim can't be taken over",
            ALL,
            sweep(ClaimSweep=[TAKEN], DescribeHolder=[{"Status": "FAILED"}], TakeOver=[DENIED]),
        ),
        Scenario(
            "the list of accounts can't be read",
            ALL,
            sweep(CollectSnapshot=[read("accounts"), MISSING, read("", done=True)]),
        ),
        Scenario("no list can be read", ALL, sweep(CollectSnapshot=[MISSING])),
        Scenario("another list can't be read", ALL, sweep(CollectSnapshot=[MISSING], GiveUpAccounts=[read("sources")])),
        Scenario(
            "it fails while more is asked for",
            ALL,
            sweep(
                CollectSnapshot=[MISSING, read("", done=True)],
                GiveUpAccounts=[read("sources")],
                ReleaseSweep=[{"Attributes": {"requests": {"SS": ["all"]}}}, {"Attributes": {}}],
            ),
        ),
        Scenario("nor is it given up", ALL, sweep(CollectSnapshot=[MISSING], GiveUpAccounts=[DENIED])),
        Scenario("reading is throttled for a while", ALL, sweep(CollectSnapshot=[SLOW] * 6 + [read("", done=True)])),
        Scenario("reading is throttled for good", ALL, sweep(CollectSnapshot=[SLOW])),
        Scenario("planning is throttled for a while", ALL, sweep(PlanSweep=[SLOW] * 6 + [planned()])),
        Scenario("planning fails", ALL, sweep(PlanSweep=[DENIED])),
        Scenario(
            "unexpected entries go, as far as they may",
            ALL,
            sweep(
                PlanSweep=[planned(foreign=("*", "arn:odd"))],
                RemoveUnexpectedEntries=[{"done": False}, {"done": True, "remaining": ["*"]}],
            ),
        ),
        Scenario(
            "an unexpected entry waits for the one writer",
            ALL,
            sweep(PlanSweep=[planned(foreign=("*",))], RemoveUnexpectedEntries=[{"done": False}]),
        ),
        Scenario(
            "unexpected entries can't be taken out",
            ALL,
            sweep(PlanSweep=[planned(foreign=("*", "arn:odd"))], RemoveUnexpectedEntries=[DENIED]),
        ),
        Scenario("inspecting is throttled for good", ALL, sweep(InspectConnections=[SLOW])),
        Scenario("inspecting fails", ALL, sweep(InspectConnections=[DENIED])),
        Scenario(
            "starting is throttled for a while", ALL, sweep(StartReconciles=[SLOW] * 6 + [slice_of(0, done=True)])
        ),
        Scenario("starting fails", ALL, sweep(StartReconciles=[DENIED])),
        Scenario("reporting is throttled for a while", ALL, sweep(ReportSweep=[SLOW] * 6 + [{"done": True}])),
        Scenario("reporting fails", ALL, sweep(ReportSweep=[DENIED])),
        Scenario("no role anywhere", ALL, sweep(PlanSweep=[planned()])),
        Scenario(
            "a stack set is busy, or gone",
            ALL,
            sweep(DetectStackSetDrift=[TaskFailed("CloudFormation.OperationInProgressException", "busy")]),
        ),
        Scenario("drift can't be looked for", ALL, sweep(PlanSweep=[planned("default")], DetectStackSetDrift=[DENIED])),
        Scenario("the claim can't be released", ALL, sweep(ReleaseSweep=[DENIED])),
    ],
}

# What stands for the ${placeholders} of the real machines; any other is replaced by its own name.
SUBSTITUTIONS = {"Partition": "aws"}
