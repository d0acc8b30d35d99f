"""More of what the sandbox's stack sets refuse and decide unlike moto's, and moto alone beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from sandbox.clock import VirtualClock
from tests.integration.sandbox.test_stack_sets import (
    AT_ONCE,
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

    from sandbox.cloud import Cloud

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
        OperationPreferences=AT_ONCE,
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
    operation = quick.deploy(ONE, Regions=[REGION, OTHER], OperationPreferences=AT_ONCE | preferences)

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
