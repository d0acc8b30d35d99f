"""More of what the sandbox's CloudFormation decides unlike moto's, and moto alone beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.services.cloudformation import CloudFormation
from tests.integration.sandbox.test_cloudformation import Hub, queue, role

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud


@pytest.fixture
def hub(cloud: Cloud) -> Hub:
    CloudFormation(cloud)
    return Hub(cloud)


def table(key: str, name: str | None = "things", **more: Any) -> dict[str, Any]:
    """A table with this partition key: another key is another table."""
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        **({"TableName": name} if name else {}),
    }
    return {"Type": "AWS::DynamoDB::Table", "Properties": properties, **more}


def change_set(hub: Hub, name: str, resources: dict[str, Any], kind: str = "CREATE", **sections: Any) -> str:
    """A change set of the stack `changing`; its id."""
    made: dict[str, str] = hub(
        "cloudformation",
        "create_change_set",
        StackName="changing",
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateBody=json.dumps({"Resources": resources, **sections}),
    )
    return made["Id"]


def test_a_resource_with_a_name_of_its_own_is_not_replaced_under_that_name(hub: Hub) -> None:
    hub.create({"Table": table("one")})
    stack = hub.update({"Table": table("two")})

    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "cannot update a stack when a custom-named resource requires replacing" in stack["StackStatusReason"]


def test_a_replaced_resource_stays_if_its_update_replace_policy_says_so(hub: Hub) -> None:
    hub.create({"Kept": table("one", None, UpdateReplacePolicy="Retain"), "Gone": table("one", None)})
    hub.update({"Kept": table("two", None, UpdateReplacePolicy="Retain"), "Gone": table("two", None)})
    names = hub("dynamodb", "list_tables")["TableNames"]

    assert sorted(name.split("-")[1] for name in names) == ["Gone", "Kept", "Kept"]


def test_a_missing_property_fails_its_resource_in_words(hub: Hub) -> None:
    stack = hub.create({"Function": {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "a.b"}}})

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert (
        "Properties validation failed for resource Function: required key 'Code' not found"
        in (stack["StackStatusReason"])
    )


def bucket(name: str, **rule: Any) -> dict[str, Any]:
    """A bucket whose objects live as this rule says."""
    ownership = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    cycle = {"Rules": [{"Id": "expire", "Status": "Enabled", **rule}]}
    properties = {"BucketName": name, "OwnershipControls": ownership, "LifecycleConfiguration": cycle}
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def test_a_bucket_has_its_life_cycle_and_one_the_sandbox_does_not_know_is_refused_by_name(hub: Hub) -> None:
    hub.create({"Bucket": bucket("results", Prefix="old/", ExpirationInDays="7")})
    refused = hub.create({"Bucket": bucket("others", Transitions=[])}, name="other")
    cycle = hub("s3", "get_bucket_lifecycle_configuration", Bucket="results")["Rules"][0]
    ownership = hub("s3", "get_bucket_ownership_controls", Bucket="results")["OwnershipControls"]["Rules"]

    assert (cycle["Expiration"], cycle["Filter"]) == ({"Days": 7}, {"Prefix": "old/"})
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert [each["Name"] for each in hub("s3", "list_buckets")["Buckets"]] == ["results"]
    assert "does not know Transitions of a lifecycle rule" in refused["StackStatusReason"]


def test_what_is_gone_already_does_not_keep_a_stack_from_its_end(hub: Hub) -> None:
    stack = hub.create({"Role": role(), "Queue": queue("q")})
    hub("iam", "delete_role", RoleName="worker")
    hub("cloudformation", "delete_stack", StackName="demo")

    assert hub.describe(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert hub.queues() == []


def test_a_change_set_is_executed_once(hub: Hub) -> None:
    made = change_set(hub, "one", {"Queue": queue("q")})
    hub("cloudformation", "execute_change_set", ChangeSetName=made)
    with pytest.raises(ClientError) as caught:
        hub("cloudformation", "execute_change_set", ChangeSetName=made)

    assert caught.value.response["Error"]["Code"] == "InvalidChangeSetStatus"


def test_moto_alone_checks_neither_parameters_nor_capabilities(cloud: Cloud) -> None:
    hub = Hub(cloud)
    slots = {"Name": {"Type": "String", "AllowedPattern": "[a-z]+"}}
    body = json.dumps({"Parameters": slots, "Resources": {"Role": role()}})
    given = [{"ParameterKey": "Name", "ParameterValue": "UPPER"}, {"ParameterKey": "Other", "ParameterValue": "y"}]
    hub("cloudformation", "create_stack", StackName="demo", TemplateBody=body, Parameters=given)

    assert hub.describe()["StackStatus"] == "CREATE_COMPLETE"


def test_moto_alone_keeps_no_outputs_of_a_change_set(cloud: Cloud) -> None:
    hub = Hub(cloud)
    made = change_set(hub, "one", {"Q": queue()}, Outputs={"Name": {"Value": "q"}})
    hub("cloudformation", "execute_change_set", ChangeSetName=made)

    assert "Outputs" not in hub.describe("changing")


def test_moto_alone_keeps_an_inline_policy_as_text(cloud: Cloud) -> None:
    hub = Hub(cloud)
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    inline = [{"PolicyName": "inline", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}]
    hub.create({"Role": role(Policies=inline)})

    assert isinstance(hub("iam", "get_role_policy", RoleName="worker", PolicyName="inline")["PolicyDocument"], str)
