"""How selftest judges what it read, and what its report leaves out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from control_plane.ports.registry import Record
from quickctl.observing import Operation
from quickctl.selftest import of_organization, of_quick, of_running, of_stack_sets
from quickctl.selftest.check import NOT_SEEN, OTHERWISE, VERIFIED
from quickctl.selftest.evidence import (
    Assumed,
    Chain,
    Event,
    Passage,
    assumed,
    expected_errors,
    failures,
    paths,
    seconds,
)
from quickctl.selftest.redaction import redacted
from quickctl.steps import Step, StepError

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
ACCOUNT, MANAGEMENT = "222233334444", "111122223333"
RUN_AS, CONSUMER = "arn:aws:iam::444455556666:role/run-as", f"arn:aws:iam::{ACCOUNT}:role/consumer"
SESSION = "arn:aws:sts::444455556666:assumed-role/run-as/QuickSight-1"
SOURCE = "arn:aws:quicksight:eu-west-1:444455556666:datasource/one"


def at(number: float) -> datetime:
    return START + timedelta(seconds=number)


def step(name: str, begin: float, end: float | None, *errors: str) -> Step:
    failed = tuple(StepError(at=at(begin), error=each, message="") for each in errors)
    ended = None if end is None else at(end)
    return Step(state=name, visits=1, attempts=1, started=at(begin), ended=ended, errors=failed)


def passage(*steps: Step, error: str = "", outcome: str = "connected", profile: str = "default") -> Passage:
    return Passage(ACCOUNT, profile, "SUCCEEDED", at(0), at(100), None, outcome, error, steps)


def consumer(external_id: str = SOURCE, by: str = SESSION, *, refused: bool = False, second: float = 20) -> Assumed:
    return Assumed(at(second), CONSUMER, by, external_id, refused)


def run_as(by: str = of_quick.QUICK) -> Assumed:
    return Assumed(at(19), RUN_AS, by)


def chain(*of_consumer: Assumed, first: Assumed | None = None, made: Passage | None = None) -> Chain:
    return Chain(made or passage(), SOURCE, (RUN_AS,), (first,) if first else (), of_consumer)


def operation(created: float, ended: float | None, action: str = "CREATE", status: str = "SUCCEEDED") -> Operation:
    return Operation("quick-athena-default", action, status, at(created), None if ended is None else at(ended))


@pytest.mark.parametrize(
    ("chains", "verdict", "seen"),
    [
        ([], NOT_SEEN, "nothing was connected"),
        ([chain(consumer())], VERIFIED, "1 times"),
        ([chain(consumer(), consumer(f"{SOURCE}/v2"))], OTHERWISE, "'<ARN of the data source>/v2'"),
        ([chain(consumer(""))], OTHERWISE, "no ExternalId"),
        ([chain(consumer(refused=True))], NOT_SEEN, "nothing was connected"),
        ([chain(consumer(refused=True), made=passage(error="DataSourceDenied"))], OTHERWISE, "refused"),
    ],
)
def test_the_external_id(chains: list[Chain], verdict: str, seen: str) -> None:
    found = of_quick.external_id(chains)
    assert found.verdict == verdict
    assert seen in found.seen


@pytest.mark.parametrize(
    ("chains", "verdict"),
    [
        ([chain(consumer())], NOT_SEEN),
        ([chain(consumer(), first=run_as())], VERIFIED),
        ([chain(consumer(), first=run_as("quick.amazonaws.com"))], OTHERWISE),
        ([chain(consumer(by=SESSION.replace("run-as", "run-as-2")), first=run_as())], OTHERWISE),
        ([chain(consumer(), first=run_as("arn:aws:sts::444455556666:assumed-role/admin/me"))], NOT_SEEN),
    ],
)
def test_who_assumes_the_roles(chains: list[Chain], verdict: str) -> None:
    assert of_quick.role_chain(chains).verdict == verdict


@pytest.mark.parametrize(("second", "verdict"), [(20, VERIFIED), (40, OTHERWISE), (None, NOT_SEEN)])
def test_whether_a_creation_tries_the_roles(second: float | None, verdict: str) -> None:
    found = () if second is None else (consumer(second=second),)
    assert of_quick.creation_tries([chain(*found, made=passage(step("EnsureDataSource", 10, 30)))]).verdict == verdict


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (Record(status="connected", proof="created"), NOT_SEEN),
        (Record(status="connected", proof="queried"), VERIFIED),
        (Record(status="degraded", error="PERMISSION_DENIED"), NOT_SEEN),
        (Record(status="degraded", error="A_NEW_KIND"), OTHERWISE),
        (Record(status="connected", proof="created", proof_finding="UNFINISHED: it did not end"), OTHERWISE),
    ],
)
def test_a_proof(record: Record, verdict: str) -> None:
    assert of_quick.proof([record]).verdict == verdict


@pytest.mark.parametrize(
    ("codes", "made", "verdict"),
    [
        ((), passage(), NOT_SEEN),
        (("AccessDeniedException",), passage(), VERIFIED),
        (("AccessDeniedException",), passage(outcome=""), NOT_SEEN),
        ((), passage(error="DataSourceFailed", outcome=""), OTHERWISE),
    ],
)
def test_refusals(codes: tuple[str, ...], made: Passage, verdict: str) -> None:
    assert of_quick.refusals(of_quick.Refusals(codes, (made,))).verdict == verdict


@pytest.mark.parametrize(
    ("operations", "verdict"),
    [
        ([operation(0, 40), operation(50, 90)], NOT_SEEN),
        ([operation(0, 40), operation(10, 80)], VERIFIED),  # it began when the first one had ended
        ([operation(0, 40), operation(10, 50), operation(100, 140)], OTHERWISE),
        ([operation(0, 40), operation(10, None, status="QUEUED")], VERIFIED),
        ([operation(0, 40), replace(operation(10, 50), stack_set="quick-athena-sales")], NOT_SEEN),
    ],
)
def test_the_queue(operations: list[Operation], verdict: str) -> None:
    assert of_stack_sets.queue(operations).verdict == verdict


def waits(operations: list[Operation], *steps: Step) -> of_stack_sets.Waits:
    return of_stack_sets.Waits(tuple(operations), tuple(passage(each) for each in steps))


def test_answers_come_after_the_operation_that_was_waited_for() -> None:
    # The next operation began at the very moment of the answer.
    found = of_stack_sets.answers(waits([operation(0, 40), operation(45, 90)], step(of_stack_sets.WAITS, -5, 45)))
    assert (found.verdict, found.seen.partition(" by ")[2]) == (VERIFIED, "5 s at the median, 5 s at most, of 1")
    assert of_stack_sets.answers(waits([], step(of_stack_sets.WAITS, 0, None))).verdict == NOT_SEEN
    late = step(of_stack_sets.WAITS, 0, 700, "States.Timeout")
    assert of_stack_sets.answers(waits([operation(0, 40)], late)).verdict == OTHERWISE


@pytest.mark.parametrize("error", ["ConsumerRoleFailed", "LakeGrantRefused"])
def test_a_stack_that_failed_says_nothing_of_answers(error: str) -> None:
    failed = passage(step(of_stack_sets.WAITS, -5, 45), error=error)
    assert of_stack_sets.answers(of_stack_sets.Waits((operation(0, 40),), (failed,))).verdict == NOT_SEEN


@pytest.mark.parametrize(
    ("ends", "long", "verdict"),
    [
        ((70, 110), 100, VERIFIED),
        ((105, 105), 100, OTHERWISE),
        ((105, 105), 42, NOT_SEEN),  # as long as the shortest one: all accounts may have ended together
        ((105,), 100, NOT_SEEN),
    ],
)
def test_early_results(ends: tuple[float, ...], long: float, verdict: str) -> None:
    operations = [operation(-200, -160), operation(100 - long, 100)]
    lone = step(of_stack_sets.WAITS, -205, -155)
    shared = [step(of_stack_sets.WAITS, -10, each) for each in ends]
    assert of_stack_sets.early_results(waits(operations, lone, *shared)).verdict == verdict


def test_drift() -> None:
    a_day = 86_400
    assert of_stack_sets.drift_detections([operation(0, 40)], at(50)).verdict == NOT_SEEN
    assert of_stack_sets.drift_detections([operation(0, 40, "DETECT_DRIFT")], at(50)).verdict == VERIFIED
    running = [operation(0, None, "DETECT_DRIFT", "RUNNING")]
    assert of_stack_sets.drift_detections(running, at(a_day - 1)).verdict == VERIFIED
    assert of_stack_sets.drift_detections(running, at(a_day)).verdict == OTHERWISE


def received(*events: tuple[str, dict[str, Any]], unread: int = 0) -> of_organization.Received:
    return of_organization.Received(tuple(Event(*each) for each in events), unread, MANAGEMENT, reads_management=False)


def test_events_that_come_and_go() -> None:
    joined = "AccountJoinedOrganization"
    good = {"serviceEventDetails": {"accountId": ACCOUNT, "joinedMethod": "Created"}}
    new = {"serviceEventDetails": {"account": {"number": ACCOUNT}, "tags": [{"key": "a"}]}}
    assert of_organization.coming_and_going(received()).seen.endswith("CloudTrail is looked at, too")
    assert of_organization.coming_and_going(received((joined, good))).verdict == VERIFIED
    found = of_organization.coming_and_going(received((joined, good), (joined, new)))
    assert found.verdict == OTHERWISE
    assert found.seen.endswith("has serviceEventDetails.account.number, serviceEventDetails.tags[].key")


def test_events_of_changes() -> None:
    tagged = ("TagResource", {"requestParameters": {"resourceId": ACCOUNT, "tags": []}})
    failed = ("CreateAccountResult", {"serviceEventDetails": {"createAccountStatus": {"state": "FAILED"}}})
    assert of_organization.changes(received(tagged, failed)).seen == "TagResource (1)"
    assert of_organization.changes(received(failed)).verdict == NOT_SEEN
    assert of_organization.changes(received(tagged, unread=2)).verdict == OTHERWISE


def test_what_is_seen_of_the_organization_without_connections() -> None:
    assert of_organization.permissions([Record(status="failed", error="UnknownProfile")]).verdict == NOT_SEEN
    assert of_organization.status_tags(None).verdict == of_organization.status_tags([]).verdict == NOT_SEEN
    assert of_organization.boundaries([]).verdict == NOT_SEEN
    found = of_organization.listing([{"Paths": ["o/r/1/"], "State": "ACTIVE"}, {"State": "ACTIVE"}])
    assert (found.verdict, found.seen) == (OTHERWISE, "of 2 accounts some are listed without Paths (1)")


def test_running() -> None:
    assert of_running.pages(1000, has_more=True).verdict == VERIFIED
    assert of_running.pages(1000, has_more=False).verdict == NOT_SEEN
    assert of_running.pages(100, has_more=True).verdict == OTHERWISE
    assert of_running.expiry(of_running.Expiry(0, is_old_enough=True)).verdict == VERIFIED
    assert of_running.expiry(of_running.Expiry(1, is_old_enough=False)).verdict == OTHERWISE
    known = {"DynamoDB.ConditionalCheckFailedException"}
    assert of_running.error_names(["Throttled"], known).verdict == NOT_SEEN
    assert of_running.error_names(["DynamoDB.ConditionalCheckFailed"], known).seen.endswith(
        "DynamoDB.ConditionalCheckFailed"
    )
    assert of_running.durations([passage(outcome="")]).verdict == NOT_SEEN


def test_an_assume_role_is_read_from_its_parameters_its_resources_or_the_message() -> None:
    record = {"eventTime": "2026-11-24T08:00:20Z", "userIdentity": {"arn": SESSION}}
    asked = {"roleArn": CONSUMER, "externalId": SOURCE}
    refusal = f"User: {SESSION} is not authorized to perform: sts:AssumeRole on resource: {CONSUMER}"
    assert assumed({**record, "requestParameters": asked}, [CONSUMER]) == consumer()
    assert assumed({**record, "requestParameters": asked}, [RUN_AS]) is None
    assert assumed({**record, "resources": [{"ARN": CONSUMER}]}, [CONSUMER]) == consumer("")
    refused = {**record, "requestParameters": None, "errorCode": "AccessDenied", "errorMessage": refusal}
    assert assumed(refused, [RUN_AS, CONSUMER]) == consumer("", refused=True)
    assert assumed({**record, "eventTime": "now", "requestParameters": asked}, [CONSUMER]) is None


def test_what_is_read_of_histories_and_definitions() -> None:
    failed = {"type": "TaskFailed", "taskFailedEventDetails": {"error": "DynamoDB.X"}}
    assert failures([{"type": "TaskStateEntered"}, failed, {"type": "TaskTimedOut"}]) == ("DynamoDB.X",)
    assert expected_errors(['{"Retry":[{"ErrorEquals":["A.B", "C"]}]}', '{"ErrorEquals": ["D"]}']) == {"A.B", "C", "D"}
    assert list(paths({"a": [{"b": 1}, {"c": 2}], "d": {}})) == ["a[].b"]
    assert seconds([3, 1, 2]) == "2 s at the median, 3 s at most, of 3"


def test_a_report_says_nothing_of_whose_organization_it_is() -> None:
    text = f"{SOURCE}, and {ACCOUNT} of o-abcdef1234/r-ab12/ou-ab12-11111111, me@example.com, ASIAQ4G5ZHC3XW2YPJ7B"
    assert redacted({"a": [text]}) == {
        "a": ["<arn>, and <account> of <o>/<r>/<ou>, <e-mail>, <id>"],
    }
    assert redacted("Sales and Sales EU, not Salesman", ["Sales", "Sales EU", ""]) == "<name> and <name>, not Salesman"
    assert redacted({"count": 3, "at": START}) == {"count": 3, "at": START}
