"""What a client is answered by the short way, and what a service sees of its call, is as by botocore's whole way."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from sandbox.aws import in_process_client
from sandbox.aws.gateway import AwsError
from sandbox.aws.identity import acting_boto3_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.gateway import Call

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
BUCKET = "things-of-a-test"
KEY = {"pk": {"S": "é & ü=1"}}
TABLE = {
    "TableName": "things",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
ITEM = {**KEY, "b": {"B": b"\x00\xff"}, "n": {"N": "1.5"}, "l": {"L": [{"BOOL": True}, {"NULL": True}]}, "e": {"M": {}}}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "create_table", TABLE),  # JSON, with times
    ("dynamodb", "put_item", {"TableName": "things", "Item": ITEM}),  # blobs
    ("dynamodb", "get_item", {"TableName": "things", "Key": KEY}),
    ("dynamodb", "put_item", {"TableName": "things", "Item": ITEM, "ConditionExpression": "attribute_not_exists(pk)"}),
    ("dynamodb", "get_item", {"TableName": "absent", "Key": KEY}),
    ("dynamodb", "list_tables", {}),  # without a body's members
    ("iam", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": TRUST, "Description": "é & ü=1"}),  # a form
    ("iam", "list_roles", {"MaxItems": 5}),
    ("iam", "get_role", {"RoleName": "absent"}),
    ("sts", "get_caller_identity", {}),
    ("quicksight", "list_data_sources", {"AwsAccountId": "123456789012", "MaxResults": 3}),  # REST: path and query
    ("quicksight", "describe_group", {"AwsAccountId": "123456789012", "Namespace": "default", "GroupName": "a b/c"}),
    ("sns", "create_topic", {"Name": "t", "Tags": [{"Key": "a", "Value": "b"}]}),
    ("sqs", "create_queue", {"QueueName": "q"}),
    ("s3", "create_bucket", {"Bucket": BUCKET, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
    ("s3", "put_object", {"Bucket": BUCKET, "Key": "k", "Body": b"text"}),  # these go the whole way
    ("s3", "head_object", {"Bucket": BUCKET, "Key": "absent"}),
    ("lambda", "get_function", {"FunctionName": "absent"}),
]
OF_THE_MOMENT = {"date", "x-amzn-requestid", "x-amz-crc32", "content-length", "x-amz-request-id"}


@pytest.fixture
def seen(cloud: Cloud) -> Iterator[list[Call]]:
    """The calls that arrive, of an administrator of the hub."""
    calls: list[Call] = []
    cloud.gateway.before.append(calls.append)
    with cloud.administering(cloud.topology.hub):
        yield calls


def _whole_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(in_process_client, "_is_direct", lambda *_: False)


def _call(client: Any, operation: str, given: dict[str, Any]) -> Any:
    """The answer or the error, without what differs from moment to moment."""
    try:
        answer = getattr(client, operation)(**given)
    except ClientError as error:
        answer = {"raised": type(error).__name__, **error.response}
    metadata = answer["ResponseMetadata"]
    metadata.pop("RequestId", None)
    metadata["HTTPHeaders"] = {name for name in metadata["HTTPHeaders"] if name not in OF_THE_MOMENT}
    return json.loads(
        json.dumps(answer, default=lambda each: sorted(each) if isinstance(each, set) else str(type(each)))
    )


def _conversation(cloud: Cloud, seen: list[Call]) -> tuple[list[Any], list[Any]]:
    """What all the calls are answered, and what the gateway saw of each."""
    seen.clear()
    answers = [_call(cloud.client(service), operation, given) for service, operation, given in CALLS]
    return answers, [(each.service, each.operation, each.region, each.session, dict(each.parameters)) for each in seen]


def _undo(cloud: Cloud) -> None:
    cloud.client("dynamodb").delete_table(TableName="things")
    cloud.client("iam").delete_role(RoleName="r")
    cloud.client("s3").delete_object(Bucket=BUCKET, Key="k")
    cloud.client("s3").delete_bucket(Bucket=BUCKET)
    cloud.client("sqs").delete_queue(QueueUrl=cloud.client("sqs").get_queue_url(QueueName="q")["QueueUrl"])


def _without_ids(answers: list[Any]) -> str:
    return re.sub(r"AROA\w+|[0-9a-f]{8}-[0-9a-f-]{27}", "<id>", json.dumps(answers, sort_keys=True))


def test_every_protocol_is_answered_and_seen_alike(
    cloud: Cloud, seen: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _whole_way(patch)
        answers, calls = _conversation(cloud, seen)
        _undo(cloud)
    short_answers, short_calls = _conversation(cloud, seen)
    assert _without_ids(short_answers) == _without_ids(answers)
    assert short_calls == calls
    assert sum("raised" in each for each in answers) >= 5


def test_all_but_s3_go_the_short_way(cloud: Cloud, seen: list[Call], monkeypatch: pytest.MonkeyPatch) -> None:
    direct = set()
    created = in_process_client._created

    def noted(endpoint: Any, request: Any, operation: Any = None) -> Any:
        found = created(endpoint, request, operation)
        if isinstance(found, in_process_client.Direct):
            direct.add(operation.service_model.service_name)
        return found

    monkeypatch.setattr("botocore.endpoint.Endpoint.create_request", noted)
    _conversation(cloud, seen)
    assert direct == {service for service, _, _ in CALLS} - {"s3"}


@pytest.mark.parametrize("failure", [AwsError("ThrottlingException", "slow"), ReadTimeoutError(endpoint_url="there")])
@pytest.mark.parametrize("way", ["short", "whole"])
def test_what_may_be_tried_again_is(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, failure: Exception, way: str
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    if way == "whole":
        _whole_way(monkeypatch)
    tries = []

    def fail_twice(_call: Call) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise failure

    cloud.gateway.before.append(fail_twice)
    with cloud.administering(cloud.topology.hub):
        session: Any = acting_boto3_session(cloud.topology.region)
        answer = session.client("iam", config=Config(retries={"mode": "standard"})).list_roles()
    assert (len(tries), answer["ResponseMetadata"]["RetryAttempts"]) == (3, 2)


def test_an_unsigned_call_goes_the_whole_way_and_is_refused(cloud: Cloud) -> None:
    client = boto3.client("iam", "eu-west-1", config=Config(signature_version=UNSIGNED))
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client.list_roles()


def test_without_moto_a_call_goes_out(cloud: Cloud, seen: list[Call], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moto.core.models.botocore_stubber.enabled", False)
    client = cloud.client("iam")
    sent: list[Any] = []

    def refuse(request: Any, **_: Any) -> None:
        sent.append(request)
        raise ConnectionRefusedError("nobody is there")

    client.meta.events.register("before-send.iam.ListRoles", refuse)
    with pytest.raises(ConnectionRefusedError):
        client.list_roles()
    client.meta.events.unregister("before-send.iam.ListRoles", refuse)
    assert len(sent) == 1
    assert not seen
