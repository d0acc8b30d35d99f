"""What the state machines are tried with: per file, the executions that both engines must agree on."""

import json
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
        Scenario("three items", {"profiles": ["a", "b", "c"]}, {"Ask": lambda requested: requested["Payload"]["name"]}),
        Scenario("no item", {"profiles": []}),
        Scenario("no array", {"profiles": "a"}),
    ],
    "nested_map.yaml": [Scenario("rows and cells", {})],
    "map_fails.yaml": [
        Scenario("all good", {"items": ["a", "b"]}, {"Work": lambda requested: requested["Payload"]["item"]}),
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
            {"Ask": lambda requested: WithToken({"said": requested["Payload"]["account"] * 2})},
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
AT = "2026-11-24T08:00:00Z"
FOUND = {
    "kind": "account",
    "id": "111122223333",
    "event": "TagResource",
    "requested_by": "somebody",
    "requested_at": AT,
}
UNIT = {**FOUND, "kind": "unit", "id": "ou-ab12-consumers1", "scope": "ou-ab12-consumers1"}
SEVERAL = {**FOUND, "kind": "accounts", "scope": ["111122223333", "222233334444"]}
CLAIMED = {"Attributes": {"generation": {"N": "4"}}}
HOLDER = "arn:aws:states:us-east-1:123456789012:execution:ReconcileAccount:other"
RUNNING = {"Status": "RUNNING", "Input": '{"account_id": "111122223333"}'}
ENDED = {"Status": "ABORTED", "Input": '{"account_id": "111122223333"}'}
ELSEWHERE = {"Status": "RUNNING", "Input": '{"account_id": "999900001111"}'}
DENIED = TaskFailed("AccessDenied", '{"errorType":"AccessDenied","errorMessage":"no"}')
NO_ACCOUNT = TaskFailed("NoAccountInEvent", '{"errorType":"NoAccountInEvent","errorMessage":"found \\"nothing\\""}')
SLOW = TaskFailed("Throttled", "slow")
BUSY_SFN = TaskFailed("Sfn.SfnException", "Rate exceeded")
NOT_ALLOWED = TaskFailed("Sfn.SfnException", "me is not authorized to perform: states:StartExecution")
QUICK_DENIED = TaskFailed("QuickSight.QuickSightException", "not authorized")
FULL = TaskFailed("Lambda.TooManyRequestsException", "Rate Exceeded.")


def planned(action: str, profile: str = "default", reason: str = "tagged", error: str = "") -> dict[str, Any]:
    """One planned action."""
    extra = {
        "error": error,
        "remove_after": "2026-12-01T08:00:00Z",
        "account_inactive": False,
        "retained": "",
        "first_connection": False,
    }
    return {"profile": profile, "action": action, "reason": reason, **extra}


CONNECT = planned("connect")
FIRST = {**CONNECT, "first_connection": True}
UNTAGGED = planned("quarantine", reason="untagged")
EXPIRED = planned("disconnect", reason="untagged") | {"retained": "the results bucket"}
DRIFTED = planned("rebuild", reason="changed by hand")
FORGET = planned("forget", reason="untagged")
PROVE = planned("prove") | {"since": "2026-11-20T08:00:00Z", "version": "1-2"}


CHANGED = {"done": True, "tried": "create", "operation_id": "op-1", "version": "1-2"}
READY = WithToken(CHANGED)
RETAINED = {"instance_retained": False, "retained": "the results bucket"}
ROLE_REMOVED = WithToken({**CHANGED, **RETAINED})
PUBLISHED = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
SHARED_WRITE = {"revoked": False, "held": False, "waited": True, "pause": 30}  # others may join
GRANTED, ELECTED = WithToken({"granted": True, "writes": False}), WithToken({"granted": False, "writes": True})
NOT_PROVEN = {"ended": False, "pause": 8, "attempt": 0, "ingestion_id": "", "begun": None, "degraded": False}
NOT_PROVEN |= {"proof": "created", "legs": "", "finding": "", "error": "", "reason": "", "cause": "", "remedy": ""}
BEGUN = {**NOT_PROVEN, "ingestion_id": "i-1", "begun": "2026-11-24T08:00:00Z"}
PROVEN = {**NOT_PROVEN, "ended": True, "pause": 0, "proof": "queried", "legs": "roles, workgroup, results"}
DEGRADED = {
    **NOT_PROVEN,
    "ended": True,
    "degraded": True,
    "error": "PERMISSION_DENIED",
    "reason": "no",
    "cause": "a policy",
}
DISCARDS: dict[str, Any] = {"which is discarded": {}, "which can't be discarded": QUICK_DENIED}
UNANSWERED = TaskFailed("States.Timeout")


def changed(tried: str, **more: Any) -> Any:
    """The answer of EnsureConsumerRole or RemoveConsumerRole when an operation was not all that is needed."""
    return WithToken({**CHANGED, "done": False, "tried": tried, **more})


def route(**answers: Any) -> dict[str, Any]:
    """The answers of an event's routing; all else goes well."""
    return {
        "RequestRequeue": [TAKEN],
        "DescribeHolder": [RUNNING],
        "FindAccount": [FOUND],
        "StartReconcile": [STARTED],
        "StartSweep": [STARTED],
        "KeepEvent": [{}],
        "SweepEverything": [STARTED],
        **answers,
    }


def assessment(*actions: Any) -> Any:
    """AssessAccount's answer."""
    return {"account_name": "sandbox", "actions": list(actions), "reason": "as planned"}


PUBLISHES = assessment({**CONNECT, "readers": ["111122223334", "ou-ab12-readers1"]})
ONE_READER = assessment({**CONNECT, "readers": ["111122223334"]})


def child(outcome: str, profile: str = "default") -> dict[str, Any]:
    """The answer of a child execution that came to its end."""
    return {"Status": "SUCCEEDED", "Output": {"profile": profile, "outcome": outcome}}


def ended(status: str, **said: str) -> TaskFailed:
    """A child execution that came to no good end."""
    told = {"ExecutionArn": HOLDER.replace("ReconcileAccount", "ReconcileConnection"), "Status": status, **said}
    return TaskFailed("States.TaskFailed", json.dumps(told))


UNKNOWN_ACCOUNT = TaskFailed("AccountNotFound", "no such account")


def new_claim(requested: Any) -> Any:
    """DynamoDB's answer to a claim of an account that had none."""
    seconds = int(requested["ExpressionAttributeValues"][":seconds"]["N"])
    return {"Attributes": {"generation": {"N": str(seconds + 1)}}}


CHILD_FAILED = ended("FAILED", Error="DataSourceDenied", Cause="no")


def account(*actions: Any, **answers: Any) -> dict[str, Any]:
    """The answers of a reconcile whose first assessment asks for those actions; all else goes well."""
    return {
        "Claim": [CLAIMED],
        "RequestRequeue": [TAKEN],
        "RepairGeneration": [TAKEN],
        "DescribeHolder": [RUNNING],
        "TakeOver": [CLAIMED],
        "AssessAccount": [assessment(*actions)],
        "ReconcileConnection": [child("connected")],
        "SweepReaders": [STARTED],
        "RecordConnectionFailure": [{}],
        "RecordAccountFailure": [{}],
        "WriteStatusTag": [{"changed": True}],
        "Release": [{}],
        "ReleaseAfterFailure": [{}],
        "Requeue": [CLAIMED],
        **answers,
    }


def connection(**answers: Any) -> dict[str, Any]:
    """The answers of one connection's reconcile; all else goes well."""
    return {
        "RecordConnecting": [{}],
        "EnsureConsumerRole": [READY],
        "EnsureAccess": [GRANTED],
        "EnsureDataSource": [{"ready": True, "attempt": 1, "pause": 5}],
        "RecordProving": [{}],
        "EnsureProof": [BEGUN, PROVEN],
        "RecordDegraded": [{}],
        "DiscardProof": [{}],
        "RecordConnected": [{}],
        "RevokeAccess": [{"revoked": True, "held": False}],
        "RollBackAccess": [{"revoked": True, "held": False}],
        "RecordQuarantined": [{}],
        "RecordHeld": [{}],
        "RecordDisconnecting": [{}],
        "RemoveDataSource": [{"removed": True, "pause": 0}],
        "RemoveConsumerRole": [ROLE_REMOVED],
        "RecordInstanceRetained": [{}],
        "RecordRebuilding": [{}],
        "RecordRemoved": [{}],
        "PublishOutcome": [PUBLISHED],
        "RenewClaim": [{}],
        "RecordFailure": [
            {"step": "EnsureAccess", "error": "X", "reason": "it said so", "cause": "why", "remedy": "do"}
        ],
        "PublishFailure": [PUBLISHED],
        **answers,
    }


EVENT = {"detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": "MoveAccount"}}
TAGGED = {
    "detail": {
        "eventName": "TagResource",
        "eventID": "e-1",
        "userIdentity": {"arn": "arn:aws:iam::111122223333:user/ada"},
        "requestParameters": {"resourceId": "111122223333"},
    }
}
BY_ID = {"account_id": "111122223333", "reason": "TagResource (e-1)", "requested_by": "ada"}
HELD = {
    "Attributes": {
        "pk": {"S": "account#111122223333"},
        "holder": {"S": HOLDER},
        "requeue_requested": {"S": "TagResource (e-1)"},
        "requested_by": {"S": "ada"},
        "requested_at": {"S": AT},
    }
}


def requested(action: dict[str, Any]) -> dict[str, Any]:
    """What ReconcileAccount starts a connection's execution with."""
    started = {"account_id": "111122223333", "account_name": "sandbox", "holder": HOLDER, "generation": 4}
    started |= {"event": "UntagResource (e-1)", "event_by": "ada", "event_at": AT}
    return {**started, "planned": action}


OPERATED = {"stack_set": "quick-athena-default", "epoch": 7}


def advanced(*, done: bool = False) -> dict[str, Any]:
    """AdvanceOperation's answer."""
    return {"done": done, "pause": 0 if done else 10}


BATCH = {"batch": "1-20261104103000"}
GRANTS = {**BATCH, "unit": "ou-ab12-consumers1"}


def applied(offset: int, *, done: bool = False) -> dict[str, Any]:
    """ApplyRevocations' answer."""
    return {"replaced": False, "done": done, "offset": offset}


def approval(**answers: Any) -> dict[str, Any]:
    """The answers of an approval; all else goes well."""
    return {"AskForApproval": [WithToken({})], "ApplyRevocations": [applied(20, done=True)], **answers}


ALL = {"scope": "all"}
MISSING = TaskFailed("MissingPermission", '{"errorType":"MissingPermission","errorMessage":"not authorized"}')


def swept(*units: str) -> dict[str, Any]:
    """ClaimSweep's answer: what is to be swept."""
    return {"Attributes": {"holder": {"S": "me"}, "taken": {"SS": [*units]}}}


def read(reading: str, *, done: bool = False, partial: bool = False) -> dict[str, Any]:
    """CollectSnapshot's answer."""
    return {"done": done, "unknown": [], "listed": 40, "reading": reading, "partial": partial}


def slice_of(offset: int, *, done: bool = False) -> dict[str, Any]:
    """The answer of a step that goes through a plan some accounts at a time."""
    return {"done": done, "offset": offset}


def sweep_plan(*profiles: str, unexpected: tuple[str, ...] = ()) -> dict[str, Any]:
    """PlanSweep's answer."""
    entries = {"unexpected_entries": [*unexpected], "remove_unexpected_entries": bool(unexpected)}
    return {"start": 1, "hold": 0, "withheld": 0, "profiles": [*profiles], **entries}


def sweep(**answers: Any) -> dict[str, Any]:
    """The answers of a sweep of everything; all else goes well."""
    return {
        "StartOneReconcile": [STARTED],
        "SaveRequest": [{}],
        "ClaimSweep": [swept("all")],
        "ReadSweepClaim": [{"Item": {"holder": {"S": HOLDER}}}],
        "DescribeHolder": [{"Status": "RUNNING"}],
        "TakeOver": [{}],
        "CollectSnapshot": [read("accounts"), read("roles"), read("", done=True)],
        "AbandonAccountList": [read("roles", partial=True)],
        "PlanSweep": [sweep_plan("default", "sales")],
        "InspectConnections": [slice_of(20), slice_of(0, done=True)],
        "StartReconciles": [slice_of(20), slice_of(0, done=True)],
        "ReportSweep": [{"done": False}, {"done": True}],
        "DetectStackSetDrift": [{"OperationId": "op-1"}],
        "ReleaseSweep": [{"Attributes": {}}],
        **answers,
    }


LOST = TaskFailed("ClaimLost", '{"errorType":"ClaimLost","errorMessage":"another execution holds the account"}')


def _removed_or_failed(requested: Any) -> Any:
    """A child's end: what is to be disconnected is, what is to be forgotten is, anything else fails."""
    outcomes = {"disconnect": "disconnected", "forget": "removed"}
    action = requested["Input"]["planned"]["action"]
    if action not in outcomes:
        return CHILD_FAILED
    return child(outcomes[action])


# statemachines/<file> -> scenarios. A file there without scenarios fails the test.
# What records, of which action, and the answers that lead there: a successor has recorded before.
OVERTAKEN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("RecordConnecting", CONNECT, {}),
    ("RecordConnected", CONNECT, {}),
    ("RecordProving", PROVE, {}),
    ("RecordDegraded", CONNECT, {"EnsureProof": [BEGUN, DEGRADED]}),
    ("RecordQuarantined", UNTAGGED, {}),
    ("RecordHeld", UNTAGGED, {"RevokeAccess": [{"revoked": False, "held": True}]}),
    ("RecordDisconnecting", EXPIRED, {}),
    ("RecordRebuilding", DRIFTED, {}),
    ("RecordRemoved", FORGET, {}),
    (
        "RecordInstanceRetained",
        EXPIRED,
        {"RemoveConsumerRole": [changed("retain", instance_retained=True, retained="")]},
    ),
]

REAL: dict[str, list[Scenario]] = {
    "route_event.asl.yaml": [
        Scenario("an account", EVENT, route()),
        Scenario("a unit", EVENT, route(FindAccount=[UNIT])),
        Scenario("several accounts", EVENT, route(FindAccount=[SEVERAL])),
        Scenario("a policy", EVENT, route(FindAccount=[{**FOUND, "kind": "other", "id": "p-abc"}])),
        Scenario("a tagged account that nobody holds", TAGGED, route()),
        Scenario("a tagged account that an execution holds", TAGGED, route(RequestRequeue=[HELD])),
        Scenario("its holder ended", TAGGED, route(RequestRequeue=[HELD], DescribeHolder=[ENDED])),
        Scenario(
            "its holder is about another account", TAGGED, route(RequestRequeue=[HELD], DescribeHolder=[ELSEWHERE])
        ),
        Scenario("its holder can't be described", TAGGED, route(RequestRequeue=[HELD], DescribeHolder=[BUSY_SFN])),
        Scenario("no requeue can be requested", TAGGED, route(RequestRequeue=[DENIED])),
        Scenario("finding the account fails", EVENT, route(FindAccount=[DENIED])),
        Scenario("an event without an account", EVENT, route(FindAccount=[NO_ACCOUNT])),
        Scenario("and no sweep can be started", EVENT, route(FindAccount=[DENIED], SweepEverything=[BUSY_SFN])),
        Scenario("an event that can't even be kept", EVENT, route(FindAccount=[DENIED], KeepEvent=[DENIED])),
        Scenario("no reconcile can be started", EVENT, route(StartReconcile=[BUSY_SFN])),
        Scenario("no reconcile may be started", EVENT, route(StartReconcile=[NOT_ALLOWED])),
        Scenario("no sweep of a unit can be started", EVENT, route(FindAccount=[UNIT], StartSweep=[BUSY_SFN])),
        Scenario("Lambda takes no invocation for a while", EVENT, route(FindAccount=[FULL] * 8 + [FOUND])),
        Scenario("Lambda takes no invocation at all", EVENT, route(FindAccount=[FULL])),
    ],
    "reconcile_account.asl.yaml": [
        Scenario("nothing to do", BY_ID, account(planned("nothing"))),
        Scenario("asked for by its id alone", {"account_id": "111122223333"}, account(CONNECT)),
        Scenario("profiles that a sweep saw", {**BY_ID, "profiles": ["sales", "finance"]}, account(CONNECT)),
        Scenario("one profile that a sweep saw", {**BY_ID, "profiles": ["sales"]}, account(CONNECT)),
        Scenario("no account id", {"account_id": "1"}, account()),
        Scenario("an account id that is no text", {"account_id": 111122223333}, account()),
        Scenario("an event", TAGGED, account()),
        Scenario("one connection", BY_ID, account(CONNECT)),
        Scenario(
            "several connections",
            BY_ID,
            account(
                planned("connect", "finance"),
                planned("quarantine", "sales", "untagged"),
                planned("refuse", "typo", "no such profile", "UnknownProfile"),
                ReconcileConnection=lambda requested: child("connected", requested["Input"]["planned"]["profile"]),
            ),
        ),
        Scenario("an account that begins to publish", BY_ID, account(AssessAccount=[PUBLISHES])),
        Scenario(
            "and its one reader can't be swept", BY_ID, account(AssessAccount=[ONE_READER], SweepReaders=[BUSY_SFN])
        ),
        Scenario(
            "it begins to publish, and another connection of it fails",
            BY_ID,
            account(
                AssessAccount=[assessment({**CONNECT, "readers": ["111122223334"]}, planned("connect", "sales"))],
                ReconcileConnection=lambda requested: (
                    CHILD_FAILED if requested["Input"]["planned"]["profile"] == "sales" else child("connected")
                ),
            ),
        ),
        Scenario(
            "a publisher that can't be connected",
            BY_ID,
            account(AssessAccount=[ONE_READER], ReconcileConnection=[CHILD_FAILED]),
        ),
        Scenario("a status tag that can't be written", BY_ID, account(CONNECT, WriteStatusTag=[DENIED])),
        Scenario("a connection fails", BY_ID, account(CONNECT, ReconcileConnection=[CHILD_FAILED])),
        Scenario("a connection is stopped", BY_ID, account(CONNECT, ReconcileConnection=[ended("ABORTED")])),
        Scenario(
            "a connection takes too long, and that can't be recorded",
            BY_ID,
            account(CONNECT, ReconcileConnection=[ended("TIMED_OUT")], RecordConnectionFailure=[DENIED]),
        ),
        Scenario(
            "a connection breaks",
            BY_ID,
            account(CONNECT, ReconcileConnection=[ended("FAILED", Error="States.Runtime", Cause="a defect")]),
        ),
        Scenario(
            "a connection's execution can't be started",
            BY_ID,
            account(
                CONNECT,
                ReconcileConnection=[
                    TaskFailed(
                        "StepFunctions.AWSStepFunctionsException",
                        "me is not authorized to perform states:StartExecution",
                    )
                ],
            ),
        ),
        Scenario(
            "a connection's execution can't be started for a while",
            BY_ID,
            account(
                CONNECT,
                ReconcileConnection=[TaskFailed("StepFunctions.ThrottlingException", "Rate exceeded")] * 61
                + [child("connected")],
            ),
        ),
        Scenario("assessing is throttled for a while", BY_ID, account(AssessAccount=[SLOW] * 6 + [assessment()])),
        Scenario("assessing is throttled for good", BY_ID, account(AssessAccount=[SLOW])),
        Scenario("assessment fails", BY_ID, account(AssessAccount=[DENIED])),
        Scenario(
            "assessment fails, and nothing of it can be recorded",
            BY_ID,
            account(AssessAccount=[DENIED], RecordAccountFailure=[DENIED], ReleaseAfterFailure=[DENIED]),
        ),
        Scenario(
            "assessment fails, and somebody asks for another",
            BY_ID,
            account(AssessAccount=[DENIED, assessment()], ReleaseAfterFailure=[TAKEN]),
        ),
        Scenario("an account that left", BY_ID, account(AssessAccount=[UNKNOWN_ACCOUNT], DeleteClaim=[{}])),
        Scenario(
            "an account nobody knows",
            BY_ID,
            account(Claim=new_claim, AssessAccount=[UNKNOWN_ACCOUNT], DeleteClaim=[{}]),
        ),
        Scenario(
            "an account nobody knows, and somebody asks again",
            BY_ID,
            account(Claim=new_claim, AssessAccount=[UNKNOWN_ACCOUNT], DeleteClaim=[TAKEN, {}]),
        ),
        Scenario(
            "an account nobody knows, whose claim can't be deleted",
            BY_ID,
            account(AssessAccount=[UNKNOWN_ACCOUNT], DeleteClaim=[DENIED]),
        ),
        Scenario("claim held by a running execution", BY_ID, account(Claim=[TAKEN], RequestRequeue=[HELD])),
        Scenario(
            "claim held by an execution that ended",
            BY_ID,
            account(CONNECT, Claim=[TAKEN], RequestRequeue=[HELD], DescribeHolder=[ENDED]),
        ),
        Scenario(
            "claim held by a forgotten execution, and taken over by another",
            BY_ID,
            account(
                Claim=[TAKEN, CLAIMED],
                RequestRequeue=[HELD],
                DescribeHolder=[TaskFailed("Sfn.ExecutionDoesNotExistException", "gone")],
                TakeOver=[TAKEN],
            ),
        ),
        Scenario(
            "claim held in the name of an execution about another account",
            BY_ID,
            account(Claim=[TAKEN], RequestRequeue=[HELD], DescribeHolder=[ELSEWHERE]),
        ),
        Scenario(
            "claim held by what is no execution",
            BY_ID,
            account(
                Claim=[TAKEN],
                RequestRequeue=[HELD],
                DescribeHolder=[TaskFailed("Sfn.InvalidArnException", "Invalid Arn")],
            ),
        ),
        Scenario("claim released meanwhile", BY_ID, account(Claim=[TAKEN, CLAIMED])),
        Scenario("a generation that is no count", BY_ID, account(Claim=[TAKEN, CLAIMED], RepairGeneration=[{}])),
        Scenario("a claim that can't be repaired", BY_ID, account(Claim=[TAKEN], RepairGeneration=[DENIED])),
        Scenario(
            "untagged while it connects",
            BY_ID,
            account(
                AssessAccount=[assessment(CONNECT), assessment(UNTAGGED)],
                ReconcileConnection=[child("superseded"), child("quarantined")],
                Release=[TAKEN, {}],
            ),
        ),
        Scenario(
            "claim lost before the end",
            BY_ID,
            account(Claim=[CLAIMED, TAKEN], Release=[TAKEN], Requeue=[TAKEN], RequestRequeue=[HELD]),
        ),
        Scenario(
            "disconnect",
            BY_ID,
            account(
                AssessAccount=[assessment(EXPIRED), assessment(FORGET)],
                ReconcileConnection=[child("disconnected"), child("removed")],
            ),
        ),
        Scenario(
            "rebuild",
            BY_ID,
            account(
                AssessAccount=[assessment(DRIFTED), assessment(CONNECT)],
                ReconcileConnection=[child("rebuilt"), child("connected")],
            ),
        ),
        Scenario(
            "one is removed and another fails",
            BY_ID,
            account(
                AssessAccount=[
                    assessment(EXPIRED, planned("connect", "sales")),
                    assessment(FORGET, planned("connect", "sales")),
                ],
                ReconcileConnection=_removed_or_failed,
            ),
        ),
        Scenario(
            "what is removed is there again each time",
            BY_ID,
            account(EXPIRED, ReconcileConnection=[child("disconnected")]),
        ),
    ],
    "reconcile_connection.asl.yaml": [
        Scenario("connect at once", requested(CONNECT), connection()),
        Scenario(
            "connect after waits",
            requested(CONNECT),
            connection(
                EnsureConsumerRole=[
                    changed("update-template"),
                    TaskFailed("StackSetBusy"),
                    changed("set-parameters"),
                    UNANSWERED,
                    READY,
                ],
                EnsureAccess=[ELECTED, UNANSWERED, GRANTED],
                EnsureDataSource=[
                    {"ready": False, "attempt": 1, "pause": 5},
                    {"ready": False, "attempt": 2, "pause": 10},
                    {"ready": True, "attempt": 3, "pause": 20},
                ],
            ),
        ),
        Scenario("refused", requested(planned("refuse", "typo", "no such profile", "UnknownProfile")), connection()),
        Scenario("forget", requested(FORGET), connection()),
        Scenario(
            "quarantine",
            requested(UNTAGGED),
            connection(
                RevokeAccess=[SHARED_WRITE, {"revoked": False, "held": False}, {"revoked": True, "held": False}]
            ),
        ),
        Scenario("over the budget", requested(UNTAGGED), connection(RevokeAccess=[{"revoked": False, "held": True}])),
        Scenario("a step fails", requested(CONNECT), connection(EnsureAccess=[DENIED])),
        Scenario(
            "a first connection fails",
            requested(FIRST),
            connection(
                EnsureDataSource=[DENIED],
                RollBackAccess=[{"revoked": False, "held": False}, {"revoked": True, "held": False}],
            ),
        ),
        Scenario(
            "access to roll back is in use, and waits for approval",
            requested(FIRST),
            connection(EnsureAccess=[DENIED], RollBackAccess=[{"revoked": False, "held": True}]),
        ),
        Scenario(
            "nor can access be rolled back",
            requested(FIRST),
            connection(EnsureAccess=[DENIED], RollBackAccess=[DENIED]),
        ),
        Scenario(
            "a failure not even recorded", requested(CONNECT), connection(EnsureAccess=[DENIED], RecordFailure=[DENIED])
        ),
        Scenario("nobody answers", requested(CONNECT), connection(EnsureConsumerRole=[UNANSWERED])),
        Scenario("nobody writes", requested(FIRST), connection(EnsureAccess=[UNANSWERED])),
        Scenario("throttled for good", requested(CONNECT), connection(EnsureAccess=[SLOW])),
        Scenario("a first connection throttled for good", requested(FIRST), connection(EnsureAccess=[SLOW])),
        Scenario("throttled for a while", requested(CONNECT), connection(EnsureConsumerRole=[SLOW] * 12 + [READY])),
        Scenario(
            "the account is lost, or wanted once more, while it waits",
            requested(CONNECT),
            connection(EnsureConsumerRole=[changed("")], RenewClaim=[TAKEN]),
        ),
        Scenario("the account is lost before access is granted", requested(CONNECT), connection(EnsureAccess=[LOST])),
        Scenario("the account is lost before access is revoked", requested(UNTAGGED), connection(RevokeAccess=[LOST])),
        Scenario(
            "the account is lost before access is rolled back",
            requested(FIRST),
            connection(EnsureAccess=[DENIED], RollBackAccess=[LOST]),
        ),
        *(
            Scenario(
                f"a successor recorded before {state}", requested(action), connection(**{state: [TAKEN], **others})
            )
            for state, action, others in OVERTAKEN
        ),
        Scenario(
            "the claim can't be renewed",
            requested(CONNECT),
            connection(EnsureAccess=[ELECTED], RenewClaim=[DENIED]),
        ),
        Scenario(
            "a function that hangs once",
            requested(CONNECT),
            connection(EnsureDataSource=[UNANSWERED, {"ready": True, "attempt": 1, "pause": 5}]),
        ),
        Scenario(
            "disconnect",
            requested(EXPIRED),
            connection(
                RevokeAccess=[{"revoked": False, "held": False}, {"revoked": True, "held": False}],
                RemoveDataSource=[
                    {"removed": False, "pause": 10},
                    SLOW,
                    {"removed": False, "pause": 5},
                    {"removed": True, "pause": 0},
                ],
                RemoveConsumerRole=[TaskFailed("StackSetBusy"), changed(""), UNANSWERED, ROLE_REMOVED],
            ),
        ),
        Scenario("disconnecting is not recorded", requested(EXPIRED), connection(RecordDisconnecting=[DENIED])),
        Scenario(
            "removing is throttled for a while",
            requested(EXPIRED),
            connection(
                RemoveDataSource=[SLOW] * 6 + [{"removed": True, "pause": 0}],
                RemoveConsumerRole=[SLOW] * 6 + [ROLE_REMOVED],
            ),
        ),
        Scenario(
            "AWS keeps the instance it was asked to forget",
            requested(EXPIRED | {"account_inactive": True, "retained": ""}),
            connection(RemoveConsumerRole=[changed("retain", instance_retained=True, retained="the stack set")]),
        ),
        Scenario("rebuild", requested(DRIFTED), connection()),
        Scenario("prove", requested(PROVE), connection()),
        Scenario("prove, by a record that does not say since when", requested(PROVE | {"since": None}), connection()),
        Scenario(
            "prove after a while",
            requested(PROVE),
            connection(EnsureProof=[BEGUN, NOT_PROVEN | {"pause": 5, "attempt": 1}, SLOW, BEGUN, BEGUN, PROVEN]),
        ),
        Scenario("a query fails", requested(FIRST), connection(EnsureProof=[BEGUN, DEGRADED])),
        Scenario("nothing can be published", requested(FIRST), connection(PublishOutcome=[DENIED])),
        Scenario(
            "no failure can be published",
            requested(CONNECT),
            connection(EnsureAccess=[DENIED], PublishFailure=[DENIED]),
        ),
        Scenario("its role is not proven: our own fault", requested(FIRST), connection(EnsureProof=[DENIED])),
        Scenario("proving is throttled for good", requested(FIRST), connection(EnsureProof=[SLOW])),
        *(
            Scenario(
                f"requeued during a proof, {how}",
                requested(PROVE),
                connection(EnsureProof=[BEGUN], RenewClaim=[TAKEN], DiscardProof=[answer]),
            )
            for how, answer in DISCARDS.items()
        ),
    ],
    "operate_stack_set.asl.yaml": [
        Scenario("nothing waits", OPERATED, {"AdvanceOperation": [advanced(done=True)]}),
        Scenario("it waits", OPERATED, {"AdvanceOperation": [advanced(), SLOW, advanced(), advanced(done=True)]}),
        Scenario("an unknown error for a while", OPERATED, {"AdvanceOperation": [DENIED] * 3 + [advanced(done=True)]}),
        Scenario("an unknown error for good", OPERATED, {"AdvanceOperation": [DENIED]}),
    ],
    "approve_batch.asl.yaml": [
        Scenario("approved", BATCH, approval()),
        Scenario(
            "answered by a function",
            BATCH,
            approval(AskForApproval=[WithToken({"done": True}), WithToken({"granted": True}), WithToken({})]),
        ),
        Scenario("approved at last", BATCH, approval(AskForApproval=[Silence()] * 9 + [WithToken({})])),
        Scenario("in slices", BATCH, approval(ApplyRevocations=[applied(20), applied(40), applied(45, done=True)])),
        Scenario("the writer is busy", BATCH, approval(ApplyRevocations=[applied(0), applied(20, done=True)])),
        Scenario(
            "replaced before it was asked", BATCH, approval(AskForApproval=[TaskFailed("BatchReplaced", "newer")])
        ),
        Scenario("replaced before it went", BATCH, approval(ApplyRevocations=[{**applied(0), "replaced": True}])),
        Scenario("refused", BATCH, approval(AskForApproval=[WithToken(TaskFailed("Rejected", "no"))])),
        Scenario("asking fails", BATCH, approval(AskForApproval=[DENIED])),
        Scenario("releasing fails", BATCH, approval(ApplyRevocations=[DENIED])),
        Scenario("throttled for a while", BATCH, approval(ApplyRevocations=[SLOW] * 6 + [applied(20, done=True)])),
        Scenario("throttled for good", BATCH, approval(ApplyRevocations=[SLOW])),
        Scenario("new connections", GRANTS, approval(ApplyGrants=[applied(20), applied(40), applied(45, done=True)])),
        Scenario("new ones, replaced", GRANTS, approval(ApplyGrants=[{**applied(0), "replaced": True}])),
        Scenario("new ones, refused", GRANTS, approval(AskForApproval=[WithToken(TaskFailed("Rejected", "no"))])),
        Scenario("new ones, starting fails", GRANTS, approval(ApplyGrants=[DENIED])),
    ],
    "sweep_organization.asl.yaml": [
        Scenario("everything", ALL, sweep()),
        Scenario("nothing said", {}, sweep()),
        Scenario("one unit", {"scope": "ou-ab12-consumers1"}, sweep(ClaimSweep=[swept("ou-ab12-consumers1")])),
        Scenario(
            "two units at once", ALL, sweep(ClaimSweep=[swept("ou-ab12-a", "ou-ab12-b")], PlanSweep=[sweep_plan()])
        ),
        Scenario("one account", {"account_id": "111122223333"}, sweep()),
        Scenario("one account that can't be looked at", {"account_id": "1"}, sweep(StartOneReconcile=[BUSY_SFN])),
        Scenario("some accounts", {"scope": ["111122223333", "222233334444"]}, sweep()),
        Scenario("one account as scope", {"scope": "111122223333"}, sweep()),
        Scenario("some that can't be looked at", {"scope": ["111122223333"]}, sweep(StartOneReconcile=[BUSY_SFN])),
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
        Scenario("the request can't be kept", ALL, sweep(SaveRequest=[DENIED])),
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
        Scenario(
            "a unit that does not exist",
            ALL,
            sweep(CollectSnapshot=[TaskFailed("UnitNotFound", "the organization has no OU or root 'ou-ab12-x'")]),
        ),
        Scenario(
            "a unit that does not exist beside others",
            ALL,
            sweep(CollectSnapshot=[{**read("", done=True), "unknown": ["ou-ab12-mistyped", "finance"]}]),
        ),
        Scenario("no list can be read", ALL, sweep(CollectSnapshot=[MISSING])),
        Scenario(
            "another list can't be read", ALL, sweep(CollectSnapshot=[MISSING], AbandonAccountList=[read("sources")])
        ),
        Scenario(
            "it fails while more is requested for",
            ALL,
            sweep(
                CollectSnapshot=[MISSING, read("", done=True)],
                AbandonAccountList=[read("sources")],
                ReleaseSweep=[{"Attributes": {"requests": {"SS": ["all"]}}}, {"Attributes": {}}],
            ),
        ),
        Scenario("nor is it given up", ALL, sweep(CollectSnapshot=[MISSING], AbandonAccountList=[DENIED])),
        Scenario("reading is throttled for a while", ALL, sweep(CollectSnapshot=[SLOW] * 6 + [read("", done=True)])),
        Scenario("reading is throttled for good", ALL, sweep(CollectSnapshot=[SLOW])),
        Scenario("planning is throttled for a while", ALL, sweep(PlanSweep=[SLOW] * 6 + [sweep_plan()])),
        Scenario("planning fails", ALL, sweep(PlanSweep=[DENIED])),
        Scenario(
            "unexpected entries go, as far as they may",
            ALL,
            sweep(
                PlanSweep=[sweep_plan(unexpected=("*", "arn:odd"))],
                RemoveUnexpectedEntries=[{"done": False}, {"done": True, "not_removed": ["*"]}],
            ),
        ),
        Scenario(
            "an unexpected entry waits for the one writer",
            ALL,
            sweep(PlanSweep=[sweep_plan(unexpected=("*",))], RemoveUnexpectedEntries=[{"done": False}]),
        ),
        Scenario(
            "unexpected entries can't be taken out",
            ALL,
            sweep(PlanSweep=[sweep_plan(unexpected=("*", "arn:odd"))], RemoveUnexpectedEntries=[DENIED]),
        ),
        Scenario("inspecting is throttled for good", ALL, sweep(InspectConnections=[SLOW])),
        Scenario("inspecting fails", ALL, sweep(InspectConnections=[DENIED])),
        Scenario(
            "starting is throttled for a while", ALL, sweep(StartReconciles=[SLOW] * 6 + [slice_of(0, done=True)])
        ),
        Scenario("starting fails", ALL, sweep(StartReconciles=[DENIED])),
        Scenario("reporting is throttled for a while", ALL, sweep(ReportSweep=[SLOW] * 6 + [{"done": True}])),
        Scenario("reporting fails", ALL, sweep(ReportSweep=[DENIED])),
        Scenario("no role anywhere", ALL, sweep(PlanSweep=[sweep_plan()])),
        Scenario(
            "a stack set is busy, or gone",
            ALL,
            sweep(DetectStackSetDrift=[TaskFailed("CloudFormation.OperationInProgressException", "busy")]),
        ),
        Scenario(
            "drift can't be looked for", ALL, sweep(PlanSweep=[sweep_plan("default")], DetectStackSetDrift=[DENIED])
        ),
        Scenario("the claim can't be released", ALL, sweep(ReleaseSweep=[DENIED])),
    ],
}

# What stands for the ${placeholders} of the real machines; any other is replaced by its own name.
SUBSTITUTIONS = {"Partition": "aws", "ProofQueries": "enabled", "StatusTag": "enabled"}
