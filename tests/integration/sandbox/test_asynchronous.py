"""Asynchronous invocation: at once, again, and at last put aside; and what functions print."""

from __future__ import annotations

import io
import json
import threading
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.awslambda.models import lambda_backends

from sandbox.aws.gateway import AwsError
from tests.integration.sandbox.deployed import REGION, create_function, create_machine
from tests.integration.sandbox.operations import attributes_of
from tests.integration.sandbox.roles import HUB, allow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.sandbox.operations import Operations

FAILS = "print('tried')\nraise LookupError('nobody')"
COUNTS = """
metrics.add_metric(name='Sweeps', unit='Count', value=2)
return event
"""
WITH_METRICS = "from aws_lambda_powertools import Metrics\nmetrics = Metrics()\n"


def measuring(operations: Operations, folder: Path, name: str = "measures", body: str = COUNTS) -> str:
    """A function with a Powertools Metrics object of its module."""
    arn = create_function(operations.cloud, folder, name, "pass")
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    source = f"{WITH_METRICS}@metrics.log_metrics\ndef handler(event, context):\n{lines}"
    (folder / f"{name}.py").write_text(source)
    return arn


def invoke(operations: Operations, arn: str, payload: Any = None, kind: str = "Event") -> Any:
    body = json.dumps(payload or {}).encode()
    return operations("lambda", "invoke", FunctionName=arn, InvocationType=kind, Payload=body)


def settings(operations: Operations, name: str, destination: str | None = None, **more: Any) -> None:
    config = {"DestinationConfig": {"OnFailure": {"Destination": destination}}} if destination else {}
    operations("lambda", "put_function_event_invoke_config", FunctionName=name, **config, **more)


def tries(operations: Operations) -> int:
    return list(operations.functions.log.lines).count("tried")


def test_an_event_is_accepted_at_once_and_run_afterwards(operations: Operations, tmp_path: Path) -> None:
    arn = create_function(operations.cloud, tmp_path, "works", "print('ran with', event['n'])")
    assert invoke(operations, arn, {"n": 7})["Payload"].read() == b""
    assert list(operations.functions.log.lines) == []
    operations.run()
    assert list(operations.functions.log.lines) == ["ran with 7"]


def test_a_function_that_fails_is_tried_again_after_one_minute_and_after_two(
    operations: Operations, tmp_path: Path
) -> None:
    invoke(operations, create_function(operations.cloud, tmp_path, "fails", FAILS))
    counted = []
    for _ in range(4):
        operations.wait(59)
        counted.append(tries(operations))
        operations.wait(1)
    assert counted == [1, 2, 2, 3]
    operations.wait(3_600)
    assert tries(operations) == 3


def test_the_number_of_tries_and_the_events_age_are_the_functions_settings(
    operations: Operations, tmp_path: Path
) -> None:
    invoke(operations, create_function(operations.cloud, tmp_path, "fails", FAILS))
    settings(operations, "fails", MaximumRetryAttempts=2)
    settings(operations, "fails", MaximumRetryAttempts=0)
    operations.run()
    assert tries(operations) == 1
    settings(operations, "fails", MaximumRetryAttempts=2, MaximumEventAgeInSeconds=90)
    invoke(operations, "fails")
    operations.run()
    assert tries(operations) == 3


def test_moto_alone_answers_the_oldest_settings() -> None:
    with mock_aws():
        session = boto3.Session("a", "b", region_name=REGION)
        trust = {"Version": "2012-10-17", "Statement": []}
        role = session.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"][
            "Arn"
        ]
        client = session.client("lambda")
        client.create_function(
            FunctionName="f", Runtime="python3.13", Role=role, Handler="f.handler", Code={"ZipFile": b"x"}
        )
        for attempts in (2, 0):
            client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=attempts)
        answered = client.get_function_event_invoke_config(FunctionName="f")
        assert not hasattr(lambda_backends["123456789012"][REGION].get_function("f"), "dead_letter_config")
    assert answered["MaximumRetryAttempts"] == 2


def test_what_failed_for_good_goes_to_its_destination_with_request_and_answer(
    operations: Operations, tmp_path: Path
) -> None:
    queue = operations.queue("failed")
    arn = create_function(operations.cloud, tmp_path, "fails", FAILS, allow("sqs:SendMessage", queue))
    settings(operations, "fails", queue, MaximumRetryAttempts=1)
    invoke(operations, arn, {"account_id": "1"})
    operations.run()
    (message,) = operations.messages(queue)
    record = json.loads(message["Body"])
    assert record["requestPayload"] == {"account_id": "1"}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestContext"]["functionArn"] == f"{arn}:$LATEST"
    assert (record["responsePayload"]["errorType"], record["responsePayload"]["errorMessage"]) == (
        "LookupError",
        "nobody",
    )


def test_a_destination_may_be_a_topic(operations: Operations, tmp_path: Path) -> None:
    topic = operations.topic()
    arn = create_function(operations.cloud, tmp_path, "fails", FAILS, allow("sns:Publish", topic))
    settings(operations, "fails", topic, MaximumRetryAttempts=0)
    invoke(operations, arn)
    operations.run()
    assert json.loads(operations.sns.published[0].text)["responsePayload"]["errorType"] == "LookupError"


def test_a_function_may_have_a_dead_letter_queue(operations: Operations, tmp_path: Path) -> None:
    queue = operations.queue("dead")
    arn = create_function(operations.cloud, tmp_path, "fails", FAILS, allow("sqs:SendMessage", queue))
    dead = {"TargetArn": queue}
    operations("lambda", "update_function_configuration", FunctionName="fails", DeadLetterConfig=dead)
    invoke(operations, arn, {"account_id": "1"})
    operations.run()
    (message,) = operations.messages(queue)
    assert json.loads(message["Body"]) == {"account_id": "1"}
    told = attributes_of(message)
    assert (told["ErrorCode"], told["ErrorMessage"]) == ("200", "nobody")
    assert told["RequestID"]


def test_without_the_permission_what_failed_is_lost_and_counted(operations: Operations, tmp_path: Path) -> None:
    queue = operations.queue("failed")
    arn = create_function(operations.cloud, tmp_path, "fails", FAILS)
    settings(operations, "fails", queue, MaximumRetryAttempts=0)
    invoke(operations, arn)
    operations.run()
    assert operations.messages(queue) == []
    assert operations.metrics.sum("AWS/Lambda", "DestinationDeliveryFailures", FunctionName="fails") == 1


def test_a_destination_nobody_here_serves_is_refused(operations: Operations, tmp_path: Path) -> None:
    create_function(operations.cloud, tmp_path, "fails", FAILS)
    with pytest.raises(ClientError, match="OnFailure to queues and topics"):
        settings(operations, "fails", f"arn:aws:events:{REGION}:{HUB}:event-bus/default")


def test_an_event_for_a_function_that_is_not_there_is_refused_at_once(operations: Operations) -> None:
    with pytest.raises(ClientError, match="Function not found"):
        invoke(operations, f"arn:aws:lambda:{REGION}:{HUB}:function:nobody")


def test_an_event_whose_function_goes_meanwhile_is_dropped_in_the_end(operations: Operations, tmp_path: Path) -> None:
    arn = create_function(operations.cloud, tmp_path, "fails", FAILS)
    invoke(operations, arn)
    operations("lambda", "delete_function", FunctionName="fails")
    operations.run()
    assert operations.metrics.sum("AWS/Lambda", "AsyncEventsDropped", FunctionName="fails") == 1


def test_invocations_errors_and_events_are_counted(operations: Operations, tmp_path: Path) -> None:
    invoke(operations, create_function(operations.cloud, tmp_path, "fails", FAILS))
    works = create_function(operations.cloud, tmp_path, "works", "return 1")
    invoke(operations, works, kind="RequestResponse")
    operations.run()
    names = ("Invocations", "Errors", "AsyncEventsReceived", "AsyncEventsDropped", "Throttles")
    counted = {
        function: [operations.metrics.sum("AWS/Lambda", name, FunctionName=function) for name in names]
        for function in ("fails", "works")
    }
    assert counted == {"fails": [3, 3, 1, 1, 0], "works": [1, 0, 0, 0, 0]}
    assert operations.metrics.sum("AWS/Lambda", "Invocations") == 4


def test_a_throttled_invocation_is_counted_however_it_was_made(operations: Operations, tmp_path: Path) -> None:
    def refuse(call: Any) -> None:
        if call.operation == "Invoke":
            raise AwsError("TooManyRequestsException", "Rate Exceeded.")

    arn = create_function(operations.cloud, tmp_path, "works", "return 1")
    resource = "arn:aws:states:::lambda:invoke"
    state = {"Type": "Task", "Resource": resource, "Arguments": {"FunctionName": arn}, "End": True}
    machine = create_machine(operations.cloud, {"Call": state}, allow("lambda:InvokeFunction", arn))
    operations.cloud.gateway.before.append(refuse)
    with pytest.raises(ClientError, match="Rate Exceeded"):
        invoke(operations, arn)
    operations.machines.start(machine, {})
    operations.run()
    assert operations.metrics.sum("AWS/Lambda", "Throttles", FunctionName="works") == 2


def test_metrics_a_function_prints_are_counted_under_their_dimensions(operations: Operations, tmp_path: Path) -> None:
    arn = measuring(operations, tmp_path)
    printed = io.StringIO()
    with redirect_stdout(printed):
        for _ in range(3):
            invoke(operations, arn)
        operations.run()
    ((minute, values),) = operations.metrics.datapoints("Tests", "Sweeps", service="ours")
    assert (values.count, values.total, values.most) == (3, 6, 2)
    assert minute == operations.cloud.clock.now()
    assert printed.getvalue() == ""
    assert sum("CloudWatchMetrics" in line for line in operations.functions.log.lines) == 3


def test_a_function_that_counts_nothing_is_no_failure(operations: Operations, tmp_path: Path) -> None:
    arn = measuring(operations, tmp_path, body="return 1")
    assert operations.functions.invoke(arn, {}) == 1


def test_two_threads_of_one_function_do_not_count_for_each_other(
    operations: Operations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ("import threading", "metrics.add_metric(name='Sweeps', unit='Count', value=1)", "threading.meeting.wait()")
    arn = measuring(operations, tmp_path, body="\n".join(lines))
    monkeypatch.setattr(threading, "meeting", threading.Barrier(2, timeout=5), raising=False)
    printed = io.StringIO()
    with redirect_stdout(printed):
        threads = [threading.Thread(target=operations.functions.invoke, args=(arn, {})) for _ in range(2)]
        for thread in threads:
            thread.start()
        print("ours")  # noqa: T201 - somebody else's line, on another thread
        for thread in threads:
            thread.join()
    ((_, values),) = operations.metrics.datapoints("Tests", "Sweeps", service="ours")
    assert (values.count, values.total) == (2, 2)
    assert printed.getvalue() == "ours\n"
