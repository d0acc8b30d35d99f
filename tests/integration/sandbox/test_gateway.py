"""The door to the embedded AWS: one lock, one log, one identity for each call."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import UpdateExpressionValidator

from sandbox.aws.gateway import AwsError
from sandbox.aws.identity import acting_as
from sandbox.aws.permissions import Permissions
from sandbox.aws.services.iam import Iam

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

HUB = "444455556666"
CLAIM: dict[str, Any] = {
    "TableName": "claims",
    "Key": {"pk": {"S": "account"}},
    "UpdateExpression": "SET holder = :me",
    "ConditionExpression": "attribute_not_exists(holder)",
}


@pytest.fixture
def claims(cloud: Cloud) -> Cloud:
    """A table to claim something in."""
    with cloud.administering(HUB):
        cloud.client("dynamodb").create_table(
            TableName="claims",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )
    return cloud


def winners(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two threads claim at once, brought together between moto's check of the condition and its write."""
    meeting = threading.Barrier(2)
    checked = UpdateExpressionValidator.validate

    def meet_then_write(self: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=0.5)
        return checked(self)

    monkeypatch.setattr(UpdateExpressionValidator, "validate", meet_then_write)
    won: list[str] = []

    def claim(me: str) -> None:
        with acting_as(cloud.identities.administrator(HUB)), contextlib.suppress(ClientError):
            cloud.client("dynamodb").update_item(**CLAIM, ExpressionAttributeValues={":me": {"S": me}})
            won.append(me)

    threads = [threading.Thread(target=claim, args=(name,)) for name in ("one", "another")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return won


def test_a_claim_has_one_winner(claims: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(winners(claims, monkeypatch)) == 1


def test_without_the_lock_a_claim_has_two_winners(claims: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the lock is for: moto alone lets both in. When this fails, moto has learnt it and the lock can go."""
    monkeypatch.setattr(claims.gateway, "lock", contextlib.nullcontext())
    assert len(winners(claims, monkeypatch)) == 2


def test_an_unknown_access_key_is_nobodys(cloud: Cloud) -> None:
    outsider = boto3.client("sts", region_name="eu-west-1", aws_access_key_id="AKIA1", aws_secret_access_key="x")
    with pytest.raises(ClientError, match="InvalidClientTokenId") as caught:
        outsider.get_caller_identity()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    table = boto3.client("dynamodb", region_name="eu-west-1", aws_access_key_id="AKIA1", aws_secret_access_key="x")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        table.list_tables()
    assert cloud.gateway.log.entries == []


def test_a_call_outside_acting_as_is_refused(cloud: Cloud) -> None:
    with pytest.raises(RuntimeError, match="can't tell who makes it"):
        cloud.client("dynamodb").list_tables()


def test_each_account_sees_its_own(cloud: Cloud) -> None:
    with cloud.administering(HUB):
        cloud.client("iam").create_role(RoleName="here", AssumeRolePolicyDocument="{}")
    with cloud.administering("222233334444"):
        assert cloud.client("iam").list_roles()["Roles"] == []


def test_the_log_says_who_called_what_and_how_it_went(claims: Cloud) -> None:
    with claims.administering(HUB), pytest.raises(ClientError):
        claims.client("dynamodb").describe_table(TableName="nowhere")
    entry = claims.gateway.log.entries[-1]
    assert (entry.account, entry.service, entry.operation) == (HUB, "dynamodb", "DescribeTable")
    assert entry.role.endswith("role/OrganizationAccountAccessRole")
    assert entry.outcome == "ResourceNotFoundException"
    assert entry.time == claims.clock.now()


def test_a_hook_may_refuse_a_call(claims: Cloud) -> None:
    def refuse(_call: object) -> None:
        raise AwsError("ThrottlingException", "Rate exceeded")

    claims.gateway.before.append(refuse)
    with claims.administering(HUB), pytest.raises(ClientError, match="ThrottlingException"):
        claims.client("dynamodb").list_tables()


def test_our_own_answer_replaces_motos(cloud: Cloud) -> None:
    cloud.gateway.handle("dynamodb", ListTables=lambda call: {"TableNames": [call.account]})
    with cloud.administering(HUB):
        assert cloud.client("dynamodb").list_tables()["TableNames"] == [HUB]


def test_s3_passes_the_door_like_every_service(cloud: Cloud) -> None:
    with cloud.administering(HUB):
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket="mine", Key="folder/object", Body=b"\x00\xff")
        assert s3.get_object(Bucket="mine", Key="folder/object")["Body"].read() == b"\x00\xff"
        assert s3.get_object(Bucket="mine", Key="folder/object", Range="bytes=1-1")["Body"].read() == b"\xff"
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket="mine", Key="nothing")
    logged = [(entry.account, entry.service, entry.operation, entry.outcome) for entry in cloud.gateway.log.entries]
    assert logged == [
        (HUB, "s3", "CreateBucket", "OK"),
        (HUB, "s3", "PutObject", "OK"),
        (HUB, "s3", "GetObject", "OK"),
        (HUB, "s3", "GetObject", "OK"),
        (HUB, "s3", "GetObject", "NoSuchKey"),
    ]


def test_s3_refuses_who_it_does_not_know_and_whom_a_hook_refuses(cloud: Cloud) -> None:
    outsider = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="AKIA1", aws_secret_access_key="x")
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        outsider.list_buckets()

    def refuse(_call: object) -> None:
        raise AwsError("SlowDown", "Please reduce your request rate.")

    cloud.gateway.before.append(refuse)
    with cloud.administering(HUB), pytest.raises(ClientError, match="SlowDown"):
        cloud.client("s3").list_objects_v2(Bucket="mine")


def test_a_served_call_is_one_through_tls(cloud: Cloud) -> None:
    Permissions(cloud, Iam(cloud))
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::mine", "arn:aws:s3:::mine/*"],
    }
    for value, refused in (("false", False), ("true", True)):
        statement = {**deny, "Condition": {"Bool": {"aws:SecureTransport": value}}}
        with cloud.administering(HUB):
            s3 = cloud.client("s3")
            if not refused:
                s3.create_bucket(Bucket="mine", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            s3.put_bucket_policy(Bucket="mine", Policy=policy)
            with pytest.raises(ClientError, match="AccessDenied") if refused else contextlib.nullcontext():
                s3.put_object(Bucket="mine", Key="new", Body=b"1")


def test_moto_alone_lets_anybody_into_s3(cloud: Cloud) -> None:
    cloud.gateway.uninstall()
    outsider = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="AKIA1", aws_secret_access_key="x")
    assert outsider.list_buckets()["Buckets"] == []
