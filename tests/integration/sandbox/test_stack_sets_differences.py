"""More of what the sandbox's stack sets refuse and decide unlike moto's, and moto alone beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sandbox.aws.clock import VirtualClock
from tests.integration.sandbox.test_stack_sets import (
    FULLY_PARALLEL,
    ONE,
    REGION,
    ROOT,
    TWO,
    Administrator,
    blocked,
    body,
    parameters,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.cloud import Cloud

OTHER = "eu-central-1"


@pytest.fixture
def quick(cloud: Cloud) -> Iterator[Administrator]:
    assert isinstance(cloud.clock, VirtualClock)
    administrator = Administrator(cloud, cloud.clock)
    administrator.define()
    yield administrator
    cloud.clock.run()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Accounts": [ONE]}, "can only have OrganizationalUnit as target"),
        ({"DeploymentTargets": {"OrganizationalUnitIds": [ROOT] * 51}}, "less than or equal to 50"),
        ({"DeploymentTargets": {"OrganizationalUnitIds": [ROOT], "AccountsUrl": "s3://a/b"}}, "not AccountsUrl"),
        ({"DeploymentTargets": {"OrganizationalUnitIds": [ROOT]}, "Regions": []}, "At least one Region"),
    ],
)
def test_a_request_that_is_not_claimed_or_not_allowed_is_refused(
    quick: Administrator, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        quick.deploy(**given)


def test_a_body_must_come_with_the_request(quick: Administrator) -> None:
    with pytest.raises(ClientError, match="does not read TemplateURL here"):
        quick("create_stack_set", StackSetName="other", PermissionModel="SERVICE_MANAGED", TemplateURL="https://a/b")


def test_an_update_with_targets_works_on_those_only(quick: Administrator) -> None:
    quick.deploy(ONE, TWO)
    quick.clock.run()
    operation = quick(
        "update_stack_set",
        UsePreviousTemplate=True,
        Parameters=parameters("new"),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        DeploymentTargets={"OrganizationalUnitIds": [ROOT], "Accounts": [ONE], "AccountFilterType": "INTERSECTION"},
        Regions=[REGION],
        OperationPreferences=FULLY_PARALLEL,
    )["OperationId"]
    quick.clock.run()

    assert quick.results(operation) == {ONE: "SUCCEEDED"}
    assert (quick.instance(ONE)["Status"], quick.instance(TWO)["Status"]) == ("CURRENT", "OUTDATED")
    assert (quick.role(ONE), quick.role(TWO)) == ("new", "none")


def test_an_inoperable_instance_is_not_deployed_again(quick: Administrator) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    del quick.organization.places[ONE]
    quick.withdraw(ONE)
    quick.clock.run()
    quick.organization.places[ONE] = [ROOT]
    again = quick.deploy(ONE)
    quick.clock.run()
    with pytest.raises(ClientError) as updated:
        quick.deploy(ONE, operation="update_stack_instances")

    assert quick.results(again) == {ONE: "FAILED"}
    assert quick.instance(ONE)["Status"] == "INOPERABLE"
    assert refusal(updated) == "StackInstanceNotFoundException"


def test_a_set_with_an_operation_under_way_cannot_be_deleted(quick: Administrator) -> None:
    quick.withdraw(ONE)  # of nobody: it runs for a moment all the same
    with pytest.raises(ClientError) as refused:
        quick("delete_stack_set")
    quick.clock.run()
    quick("delete_stack_set")

    assert refusal(refused) == "OperationInProgressException"


def test_an_operation_that_ended_cannot_be_stopped(quick: Administrator) -> None:
    operation = quick.deploy(ONE)
    quick.clock.run()
    with pytest.raises(ClientError) as refused:
        quick("stop_stack_set_operation", OperationId=operation)

    assert refusal(refused) == "InvalidOperationException"


def regions_running(quick: Administrator, operation: str) -> set[str]:
    summaries = quick("list_stack_set_operation_results", OperationId=operation)["Summaries"]
    return {summary["Region"] for summary in summaries if summary["Status"] == "RUNNING"}


@pytest.mark.parametrize(
    ("preferences", "first"),
    [
        ({"RegionConcurrencyType": "PARALLEL"}, {REGION, OTHER}),
        ({"RegionOrder": [OTHER, REGION]}, {OTHER}),
        ({"RegionOrder": [REGION, OTHER]}, {REGION}),
    ],
)
def test_regions_come_in_the_order_asked_for_or_all_at_once(
    quick: Administrator, preferences: dict[str, Any], first: set[str]
) -> None:
    operation = quick.deploy(ONE, Regions=[REGION, OTHER], OperationPreferences=FULLY_PARALLEL | preferences)

    assert regions_running(quick, operation) == first


def test_results_are_listed_by_status(quick: Administrator) -> None:
    blocked(quick, ONE)
    operation = quick.deploy(ONE, TWO)
    quick.clock.run()
    failed = quick(
        "list_stack_set_operation_results",
        OperationId=operation,
        Filters=[{"Name": "OPERATION_RESULT_STATUS", "Values": "FAILED"}],
    )

    assert [summary["Account"] for summary in failed["Summaries"]] == [ONE]


def test_a_made_up_token_is_refused(quick: Administrator) -> None:
    with pytest.raises(ClientError, match="NextToken is invalid"):
        quick("list_stack_instances", NextToken="more")


@pytest.fixture
def moto_alone() -> Iterator[tuple[Any, dict[str, Any], str]]:
    """Moto's own stack set, deployed to the organization's root: client, targets of one account, operation."""
    with mock_aws():
        session = boto3.Session("a", "b", region_name=REGION)
        organizations, client = session.client("organizations", "us-east-1"), session.client("cloudformation")
        organizations.create_organization(FeatureSet="ALL")
        account = organizations.create_account(AccountName="one", Email="one@example.com")["CreateAccountStatus"]
        root = organizations.list_roots()["Roots"][0]["Id"]
        client.create_stack_set(StackSetName="quick", TemplateBody=body(), PermissionModel="SERVICE_MANAGED")
        operation = client.create_stack_instances(
            StackSetName="quick",
            OperationId="mine",
            DeploymentTargets={"OrganizationalUnitIds": [root]},
            Regions=[REGION],
        )["OperationId"]
        targets = {"OrganizationalUnitIds": [root], "Accounts": [account["AccountId"]]}
        yield client, targets, operation


def test_moto_alone_ends_every_operation_at_once_under_an_id_of_its_own(moto_alone: Any) -> None:
    client, _, operation = moto_alone
    described = client.describe_stack_set_operation(StackSetName="quick", OperationId=operation)["StackSetOperation"]
    results = client.list_stack_set_operation_results(StackSetName="quick", OperationId=operation)["Summaries"]

    assert (operation != "mine", described["Status"], results) == (True, "SUCCEEDED", [])


def test_moto_alone_deletes_nothing_of_one_account_and_takes_a_name_twice(moto_alone: Any) -> None:
    client, targets, _ = moto_alone
    client.delete_stack_instances(
        StackSetName="quick",
        DeploymentTargets={**targets, "AccountFilterType": "INTERSECTION"},
        Regions=[REGION],
        RetainStacks=False,
    )
    left = client.list_stack_instances(StackSetName="quick")["Summaries"]
    client.create_stack_set(StackSetName="quick", TemplateBody=body(), PermissionModel="SERVICE_MANAGED")

    assert targets["Accounts"][0] in {instance["Account"] for instance in left}


def test_moto_alone_gives_a_delegated_administrator_sets_of_its_own(moto_alone: Any) -> None:
    client, _, _ = moto_alone
    seen = client.describe_stack_set(StackSetName="quick", CallAs="DELEGATED_ADMIN")["StackSet"]

    assert seen["StackSetName"] == "quick"  # this account never was one


ON_ONE: dict[str, Any] = {
    "DeploymentTargets": {"OrganizationalUnitIds": [ROOT], "Accounts": [ONE], "AccountFilterType": "INTERSECTION"},
    "Regions": [REGION],
    "Capabilities": ["CAPABILITY_NAMED_IAM"],
    "OperationPreferences": FULLY_PARALLEL,
}
OTHER_SET = {"StackSetName": "other", "TemplateBody": body()}
EMPTY = [{"ParameterKey": "Text", "ParameterValue": ""}]
MISSING = "Parameters: [Text] must have values"


def grown() -> str:
    """The body, with another description and one more parameter that has no default."""
    template = json.loads(body("grown"))
    template["Parameters"]["More"] = {"Type": "String"}
    return json.dumps(template)


def values(**given: str) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("create_stack_set", {**OTHER_SET, "Parameters": EMPTY}),
        ("create_stack_set", {**OTHER_SET, "Parameters": [{"ParameterKey": "Text"}]}),
        ("update_stack_set", {"UsePreviousTemplate": True, "Parameters": EMPTY}),
        ("create_stack_instances", {"ParameterOverrides": EMPTY}),
        ("update_stack_instances", {"ParameterOverrides": EMPTY}),
    ],
)
def test_an_empty_parameter_is_refused(quick: Administrator, operation: str, given: dict[str, Any]) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    usual: dict[str, Any] = {key: value for key, value in ON_ONE.items() if key != "Capabilities"}
    if operation.endswith("set"):
        usual = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
    if operation == "create_stack_set":
        usual["PermissionModel"] = "SERVICE_MANAGED"
    with pytest.raises(ClientError) as refused:
        quick(operation, **usual | given)
    assert MISSING in str(refused.value)


def test_an_empty_parameter_that_is_taken_has_no_value_in_answers(quick: Administrator) -> None:
    quick.service.assumptions.takes_empty_values = True
    quick.deploy(ONE, ParameterOverrides=EMPTY)
    quick.clock.run()
    assert quick.instance(ONE)["ParameterOverrides"] == [{"ParameterKey": "Text"}]


@pytest.mark.parametrize("compares", [False, True])
def test_an_update_that_names_the_same_template_marks_every_instance(quick: Administrator, *, compares: bool) -> None:
    quick.service.assumptions.compares_definitions = compares
    quick.deploy(ONE, TWO)
    quick.clock.run()
    quick("update_stack_set", TemplateBody=body(), **ON_ONE)
    quick.clock.run()
    assert quick.instance(ONE)["Status"] == "CURRENT"
    assert quick.instance(TWO)["Status"] == ("CURRENT" if compares else "OUTDATED")


def test_an_update_that_names_nothing_new_leaves_the_others_as_they_are(quick: Administrator) -> None:
    quick.deploy(ONE, TWO)
    quick.clock.run()
    previous = [{"ParameterKey": "Text", "UsePreviousValue": True}]
    quick("update_stack_set", UsePreviousTemplate=True, Parameters=previous, **ON_ONE)
    quick.clock.run()
    assert (quick.instance(ONE)["Status"], quick.instance(TWO)["Status"]) == ("CURRENT", "CURRENT")


@pytest.mark.parametrize("kind", [False, True])
def test_an_update_of_accounts_without_an_instance_is_refused(quick: Administrator, *, kind: bool) -> None:
    quick.service.assumptions.updates_nobody = kind
    quick.deploy(TWO)
    quick.clock.run()
    if not kind:
        with pytest.raises(ClientError, match="StackInstanceNotFoundException"):
            quick("update_stack_set", TemplateBody=body("changed"), **ON_ONE)
        assert quick("describe_stack_set")["StackSet"]["TemplateBody"] == body()
        return
    quick("update_stack_set", TemplateBody=body("changed"), **ON_ONE)
    assert quick("describe_stack_set")["StackSet"]["TemplateBody"] == body("changed")


@pytest.mark.parametrize("kind", [False, True])
def test_updating_instances_sets_parameters_of_the_template_their_stacks_have(
    quick: Administrator, *, kind: bool
) -> None:
    quick.service.assumptions.instances_take_the_template = kind
    quick.deploy(ONE, TWO)
    quick.clock.run()
    quick("update_stack_set", TemplateBody=grown(), Parameters=values(Text="new", More="more"), **ON_ONE)
    quick.clock.run()
    quick.deploy(ONE, operation="update_stack_instances", ParameterOverrides=values(Text="mine", More="less"))
    quick.deploy(TWO, operation="update_stack_instances", ParameterOverrides=values(Text="mine"))
    quick.clock.run()

    assert (quick.instance(ONE)["Status"], quick.role(ONE)) == ("CURRENT", "mine")
    assert (quick.instance(TWO)["Status"], quick.role(TWO)) == ("CURRENT" if kind else "OUTDATED", "mine")


def test_a_new_parameter_is_overridden_only_after_the_instance_was_updated_with_it(quick: Administrator) -> None:
    quick.deploy(ONE, TWO)
    quick.clock.run()
    quick("update_stack_set", TemplateBody=grown(), Parameters=values(Text="new", More="more"), **ON_ONE)
    quick.clock.run()
    with pytest.raises(ClientError, match=r"\[More\] can't be overridden before UpdateStackSet brought them"):
        quick.deploy(TWO, operation="update_stack_instances", ParameterOverrides=values(Text="mine", More="less"))


def test_a_parameter_the_template_lost_is_overridden_no_more(quick: Administrator) -> None:
    capable = {"Capabilities": ON_ONE["Capabilities"]}
    quick("update_stack_set", TemplateBody=grown(), Parameters=values(More="more"), **capable)
    quick.clock.run()
    quick.deploy(ONE, ParameterOverrides=values(Text="mine", More="less"))
    quick.clock.run()
    quick("update_stack_set", TemplateBody=body(), **ON_ONE)
    quick.clock.run()
    assert (quick.instance(ONE)["Status"], quick.role(ONE)) == ("CURRENT", "mine")
    assert quick.instance(ONE)["ParameterOverrides"] == values(Text="mine")


def test_new_tags_of_a_set_reach_a_work_group_in_place(quick: Administrator) -> None:
    group = {"Name": "quick", "Description": {"Ref": "Text"}, "Tags": [{"Key": "own", "Value": "kept"}]}
    template = json.loads(body())
    template["Resources"] = {"Group": {"Type": "AWS::Athena::WorkGroup", "Properties": group}}
    usual = {"TemplateBody": json.dumps(template), **{k: v for k, v in ON_ONE.items() if k != "Capabilities"}}
    quick(
        "create_stack_set",
        StackSetName="groups",
        TemplateBody=usual["TemplateBody"],
        PermissionModel="SERVICE_MANAGED",
        Tags=[{"Key": "body", "Value": "old"}, {"Key": "gone", "Value": "x"}],
    )
    quick.deploy(ONE, StackSetName="groups")
    quick.clock.run()
    quick(
        "update_stack_set",
        StackSetName="groups",
        Parameters=parameters("new"),
        Tags=[{"Key": "body", "Value": "new"}],
        **usual,
    )
    quick.clock.run()
    with quick.cloud.administering(ONE):
        athena = quick.cloud.client("athena")
        arn = f"arn:aws:athena:{REGION}:{ONE}:workgroup/quick"
        tags = {tag["Key"]: tag["Value"] for tag in athena.list_tags_for_resource(ResourceARN=arn)["Tags"]}
        described = athena.get_work_group(WorkGroup="quick")["WorkGroup"]["Description"]
    assert (described, tags) == ("new", {"own": "kept", "body": "new"})
