"""The sandbox's stack sets: AWS's semantics, of which moto has few, one test for each."""

import json
from collections.abc import Collection, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.clock import VirtualClock
from sandbox.aws.cloud import Cloud
from sandbox.aws.services.cloudformation import CloudFormation
from sandbox.aws.services.stack_sets import SERVICE_PRINCIPAL, StackSets

MANAGEMENT, HUB = "111122223333", "444455556666"
ROOT, DATA, DEEP = "r-ab12", "ou-ab12-datadata", "ou-ab12-deepdeep"
ONE, TWO, THREE = "100000000001", "100000000002", "100000000003"
REGION = "eu-west-1"
FULLY_PARALLEL = {
    "MaxConcurrentPercentage": 100,
    "FailureTolerancePercentage": 100,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
}


class SmallOrganization:
    """ONE and TWO below the root, THREE two levels down, the hub and the management account below the root."""

    management_account = MANAGEMENT

    def __init__(self) -> None:
        self.places = {MANAGEMENT: [ROOT], HUB: [ROOT], ONE: [ROOT], TWO: [ROOT], THREE: [ROOT, DATA, DEEP]}
        self.states: dict[str, str] = {}
        self.trusted: list[str] = []

    def accounts_below(self, parent: str) -> Collection[str] | None:
        """At any depth."""
        return (
            [account for account, units in self.places.items() if parent in units]
            if parent in {ROOT, DATA, DEEP}
            else None
        )

    def state_of(self, account: str) -> str | None:
        """ACTIVE unless a test says otherwise."""
        return self.states.get(account, "ACTIVE") if account in self.places else None

    def delegated_administrators(self, service_principal: str) -> Collection[str]:
        """The hub."""
        return [HUB] if service_principal == SERVICE_PRINCIPAL else []

    def trust(self, service_principal: str) -> None:
        """Remembers whom."""
        self.trusted.append(service_principal)


def body(description: str = "first", role: str = "consumer") -> str:
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": HUB}, "Action": "sts:AssumeRole"}],
        "Version": "2012-10-17",
    }
    properties = {"RoleName": role, "Description": {"Ref": "Text"}, "AssumeRolePolicyDocument": trust}
    return json.dumps(
        {
            "Description": description,
            "Parameters": {"Text": {"Type": "String", "Default": "none"}},
            "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}},
        }
    )


def parameters(text: str) -> list[dict[str, str]]:
    return [{"ParameterKey": "Text", "ParameterValue": text}]


class Administrator:
    """The delegated administrator at work on one stack set."""

    def __init__(self, cloud: Cloud, clock: VirtualClock) -> None:
        self.cloud, self.clock = cloud, clock
        self.organization = SmallOrganization()
        self.service = StackSets(cloud, self.organization, CloudFormation(cloud))

    def __call__(
        self, operation: str, account: str = HUB, call_as: str = "DELEGATED_ADMIN", **given: Any
    ) -> dict[str, Any]:
        """One call of CloudFormation."""
        with self.cloud.administering(account):
            client = self.cloud.client("cloudformation")
            answer: dict[str, Any] = getattr(client, operation)(
                **{"StackSetName": "quick"} | given, **({"CallAs": call_as} if call_as else {})
            )
        return answer

    def define(self, *, managed: bool = True, **given: Any) -> None:
        """The stack set."""
        usual = {"TemplateBody": body(), "PermissionModel": "SERVICE_MANAGED", "Capabilities": ["CAPABILITY_NAMED_IAM"]}
        self("create_stack_set", **usual | {"ManagedExecution": {"Active": managed}} | given)

    def deploy(self, *accounts: str, operation: str = "create_stack_instances", unit: str = ROOT, **given: Any) -> str:
        """An operation on these accounts, begun; its id."""
        targets = {"OrganizationalUnitIds": [unit], "Accounts": list(accounts), "AccountFilterType": "INTERSECTION"}
        usual = {"DeploymentTargets": targets, "Regions": [REGION], "OperationPreferences": FULLY_PARALLEL}
        identity: str = self(operation, **usual | given)["OperationId"]
        return identity

    def withdraw(self, *accounts: str, retain: bool = False, **given: Any) -> str:
        """The deletion of these accounts' instances, begun; its id."""
        return self.deploy(*accounts, operation="delete_stack_instances", RetainStacks=retain, **given)

    def operation(self, identity: str) -> dict[str, Any]:
        """DescribeStackSetOperation."""
        operation: dict[str, Any] = self("describe_stack_set_operation", OperationId=identity)["StackSetOperation"]
        return operation

    def status(self, identity: str) -> str:
        """The operation's status."""
        return str(self.operation(identity)["Status"])

    def results(self, identity: str) -> dict[str, str]:
        """The operation's result by account."""
        summaries = self("list_stack_set_operation_results", OperationId=identity)["Summaries"]
        return {summary["Account"]: summary["Status"] for summary in summaries}

    def instance(self, account: str) -> dict[str, Any]:
        """DescribeStackInstance."""
        where = {"StackInstanceAccount": account, "StackInstanceRegion": REGION}
        instance: dict[str, Any] = self("describe_stack_instance", **where)["StackInstance"]
        return instance

    def instances(self, **filters: Any) -> list[str]:
        """The accounts ListStackInstances answers."""
        return [summary["Account"] for summary in self("list_stack_instances", **filters)["Summaries"]]

    def role(self, account: str) -> str | None:
        """The description of the role in the account, None without the role."""
        with self.cloud.administering(account):
            roles = {role["RoleName"]: role["Description"] for role in self.cloud.client("iam").list_roles()["Roles"]}
        return roles.get("consumer")


@pytest.fixture
def admin(cloud: Cloud) -> Iterator[Administrator]:
    assert isinstance(cloud.clock, VirtualClock)
    administrator = Administrator(cloud, cloud.clock)
    yield administrator
    cloud.clock.run()


@pytest.fixture
def quick(admin: Administrator) -> Administrator:
    admin.define()
    return admin


def refusal(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# Who sees what


def test_the_delegated_administrator_and_the_management_account_see_the_same_sets(quick: Administrator) -> None:
    seen = quick("describe_stack_set", account=MANAGEMENT, call_as="SELF")["StackSet"]

    assert seen["StackSetARN"].startswith(f"arn:aws:cloudformation:{REGION}:{MANAGEMENT}:stackset/quick:")
    assert seen["ManagedExecution"] == {"Active": True}


def test_without_call_as_the_hub_sees_none_of_them(quick: Administrator) -> None:
    with pytest.raises(ClientError) as refused:
        quick("describe_stack_set", call_as="")

    assert refusal(refused) == "StackSetNotFoundException"


def test_nobody_else_is_a_delegated_administrator(quick: Administrator) -> None:
    with pytest.raises(ClientError, match="Account used is not a delegated administrator"):
        quick("describe_stack_set", account=ONE)


def test_a_stack_set_is_regional(quick: Administrator) -> None:
    with quick.cloud.administering(HUB), pytest.raises(ClientError) as refused:
        quick.cloud.client("cloudformation", "us-east-1").describe_stack_set(
            StackSetName="quick", CallAs="DELEGATED_ADMIN"
        )

    assert refusal(refused) == "StackSetNotFoundException"


# The definition


def test_a_name_is_taken_once(quick: Administrator) -> None:
    with pytest.raises(ClientError) as refused:
        quick.define()

    assert refusal(refused) == "NameAlreadyExistsException"


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({"PermissionModel": "SELF_MANAGED"}, "ValidationError", "does not claim"),
        ({"AutoDeployment": {"Enabled": True}}, "ValidationError", "does not claim"),
        ({"Capabilities": []}, "InsufficientCapabilitiesException", "CAPABILITY_NAMED_IAM"),
        ({"StackSetName": "1quick"}, "ValidationError", "regular expression"),
        ({"Parameters": parameters("x" * 4097)}, "ValidationError", "4096 bytes"),
        ({"TemplateBody": body("x" * 51_200)}, "ValidationError", "less than or equal to 51200"),
        (
            {"TemplateBody": json.dumps({"Transform": "AWS::LanguageExtensions", **json.loads(body())})},
            "ValidationError",
            "do not support macros",
        ),
        (
            {"TemplateBody": json.dumps({"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack"}}})},
            "ValidationError",
            "do not support nested stacks",
        ),
    ],
)
def test_a_definition_is_checked(admin: Administrator, given: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        admin.define(**given)

    assert refusal(refused) == code


def test_only_an_empty_set_can_be_deleted(quick: Administrator) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    with pytest.raises(ClientError) as refused:
        quick("delete_stack_set")
    quick.withdraw(ONE)
    quick.clock.run()
    quick("delete_stack_set")

    assert refusal(refused) == "StackSetNotEmptyException"
    with pytest.raises(ClientError, match="not found"):
        quick("describe_stack_set")


# Targets


def test_an_intersection_reaches_the_named_account_only(quick: Administrator) -> None:
    quick.deploy(ONE)
    quick.clock.run()

    assert quick.instances() == [ONE]
    assert (quick.role(ONE), quick.role(TWO)) == ("none", None)


def test_the_root_reaches_nested_accounts_but_never_the_management_account(quick: Administrator) -> None:
    quick.deploy(DeploymentTargets={"OrganizationalUnitIds": [ROOT]})
    quick.clock.run()

    assert sorted(quick.instances()) == [ONE, TWO, THREE, HUB]


def test_a_difference_leaves_accounts_out(quick: Administrator) -> None:
    targets = {"OrganizationalUnitIds": [ROOT], "Accounts": [HUB, TWO], "AccountFilterType": "DIFFERENCE"}
    quick.deploy(DeploymentTargets=targets)
    quick.clock.run()

    assert sorted(quick.instances()) == [ONE, THREE]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Accounts": [ONE]}, "UNION is not supported"),
        ({"Accounts": [ONE], "AccountFilterType": "UNION"}, "UNION is not supported"),
        ({"AccountFilterType": "INTERSECTION"}, "Accounts should be specified"),
        ({"OrganizationalUnitIds": ["ou-ab12-unknown1"]}, "was not found"),
        ({"OrganizationalUnitIds": []}, "OrganizationalUnitIds are required"),
    ],
)
def test_targets_are_checked(quick: Administrator, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        quick.deploy(DeploymentTargets={"OrganizationalUnitIds": [ROOT]} | given)


# Operations


def test_an_operation_takes_its_time_and_shows_what_is_between(quick: Administrator) -> None:
    operation = quick.deploy(ONE)
    during = quick.status(operation), quick.instance(ONE)["StackInstanceStatus"], quick.instance(ONE)["Status"]
    quick.clock.run()
    after = quick.instance(ONE)

    assert during == ("RUNNING", {"DetailedStatus": "RUNNING"}, "OUTDATED")
    assert (quick.status(operation), after["Status"]) == ("SUCCEEDED", "CURRENT")
    assert after["StackInstanceStatus"] == {"DetailedStatus": "SUCCEEDED"}
    assert after["LastOperationId"] == operation
    shown = quick.operation(operation)
    assert (
        shown["EndTimestamp"] - shown["CreationTimestamp"]
    ).total_seconds() == quick.service.engine.seconds_per_instance


def test_an_operation_id_is_used_once(quick: Administrator) -> None:
    quick.deploy(ONE, OperationId="connect-1")
    with pytest.raises(ClientError) as refused:
        quick.deploy(TWO, OperationId="connect-1")

    assert refusal(refused) == "OperationIdAlreadyExistsException"
    with pytest.raises(ClientError, match="operationId"):
        quick.deploy(TWO, OperationId="-no")


def test_without_managed_execution_a_second_operation_is_refused(admin: Administrator) -> None:
    admin.define(managed=False)
    admin.deploy(ONE)
    with pytest.raises(ClientError) as refused:
        admin.deploy(TWO)
    admin.clock.run()
    admin.deploy(TWO)

    assert refusal(refused) == "OperationInProgressException"


def test_managed_execution_queues_everything_by_default(quick: Administrator) -> None:
    operations = [quick.deploy(ONE), quick.deploy(TWO), quick.deploy(THREE)]
    at_first = [quick.status(each) for each in operations]
    quick.clock.run()

    assert at_first == ["RUNNING", "QUEUED", "QUEUED"]
    assert {quick.status(each) for each in operations} == {"SUCCEEDED"}
    assert sorted(quick.instances()) == [ONE, TWO, THREE]


def test_managed_execution_may_run_what_does_not_conflict_and_queues_what_does(quick: Administrator) -> None:
    quick.service.assumptions.runs_side_by_side = True
    first, other = quick.deploy(ONE), quick.deploy(TWO)
    conflicting, behind = quick.withdraw(ONE), quick.deploy(THREE)
    at_first = [quick.status(each) for each in (first, other, conflicting, behind)]
    quick.clock.run()

    assert at_first == ["RUNNING", "RUNNING", "QUEUED", "QUEUED"]
    assert {quick.status(each) for each in (first, other, conflicting, behind)} == {"SUCCEEDED"}
    assert sorted(quick.instances()) == [TWO, THREE]


def test_create_after_delete_of_one_account_ends_with_an_instance(quick: Administrator) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    quick.withdraw(ONE)
    quick.deploy(ONE, ParameterOverrides=parameters("again"))
    quick.clock.run()

    assert quick.role(ONE) == "again"


def test_managed_execution_cannot_be_switched_while_operations_run(quick: Administrator) -> None:
    quick.deploy(ONE)
    usual: dict[str, Any] = {"UsePreviousTemplate": True, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    with pytest.raises(ClientError, match="cannot be modified while operations are running"):
        quick("update_stack_set", ManagedExecution={"Active": False}, **usual)


def blocked(admin: Administrator, *accounts: str) -> None:
    for account in accounts:
        with admin.cloud.administering(account):
            admin.cloud.client("iam").create_role(
                RoleName="consumer", Description="foreign", AssumeRolePolicyDocument="{}"
            )


def test_by_default_one_failure_cancels_the_rest(quick: Administrator) -> None:
    blocked(quick, ONE)
    operation = quick.deploy(ONE, TWO, OperationPreferences={})
    quick.clock.run()

    assert quick.status(operation) == "FAILED"
    assert quick.results(operation) == {ONE: "FAILED", TWO: "CANCELLED"}
    assert quick.instance(TWO)["StackInstanceStatus"] == {"DetailedStatus": "CANCELLED"}
    assert quick.instance(TWO)["Status"] == "OUTDATED"


def test_within_the_tolerance_an_operation_succeeds_although_accounts_failed(quick: Administrator) -> None:
    blocked(quick, ONE, TWO)
    operation = quick.deploy(ONE, TWO, THREE)
    quick.clock.run()
    failed = quick.instance(ONE)

    assert quick.status(operation) == "SUCCEEDED"
    assert quick.operation(operation)["StatusDetails"] == {"FailedStackInstancesCount": 2}
    assert quick.results(operation) == {ONE: "FAILED", TWO: "FAILED", THREE: "SUCCEEDED"}
    assert (failed["Status"], failed["StackInstanceStatus"]["DetailedStatus"]) == ("OUTDATED", "FAILED")
    assert failed["StatusReason"].startswith(
        "ResourceLogicalId:Role, ResourceType:AWS::IAM::Role, ResourceStatusReason:"
    )
    assert "consumer already exists" in failed["StatusReason"]
    assert quick.role(ONE) == "foreign"


def test_repeating_a_create_retries_what_is_outdated(quick: Administrator) -> None:
    blocked(quick, ONE)
    quick.deploy(ONE)
    quick.clock.run()
    with quick.cloud.administering(ONE):
        quick.cloud.client("iam").delete_role(RoleName="consumer")
    quick.deploy(ONE)
    quick.clock.run()

    assert quick.instance(ONE)["Status"] == "CURRENT"
    assert quick.role(ONE) == "none"


@pytest.mark.parametrize(
    ("preferences", "at_a_time"),
    [
        ({}, 1),
        ({"MaxConcurrentCount": 3}, 1),  # strict: no more than the tolerance + 1
        ({"MaxConcurrentCount": 3, "FailureToleranceCount": 1}, 2),
        ({"MaxConcurrentCount": 3, "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"}, 3),
        ({"MaxConcurrentPercentage": 50, "FailureTolerancePercentage": 100}, 2),
        ({"MaxConcurrentPercentage": 1, "FailureTolerancePercentage": 100}, 1),
    ],
)
def test_as_many_accounts_at_a_time_as_the_preferences_say(
    quick: Administrator, preferences: dict[str, Any], at_a_time: int
) -> None:
    operation = quick.deploy(ONE, TWO, THREE, HUB, OperationPreferences=preferences)

    assert list(quick.results(operation).values()).count("RUNNING") == at_a_time


def test_a_stopped_operation_lets_run_what_runs(quick: Administrator) -> None:
    operation = quick.deploy(ONE, TWO, OperationPreferences={"MaxConcurrentCount": 1})
    quick("stop_stack_set_operation", OperationId=operation)
    stopping = quick.status(operation)
    quick.clock.run()

    assert (stopping, quick.status(operation)) == ("STOPPING", "STOPPED")
    assert quick.results(operation) == {ONE: "SUCCEEDED", TWO: "CANCELLED"}


def test_regions_are_worked_on_one_after_the_other(quick: Administrator) -> None:
    operation = quick.deploy(ONE, TWO, Regions=["eu-central-1", REGION])
    summaries = quick("list_stack_set_operation_results", OperationId=operation)["Summaries"]
    quick.clock.run()

    assert {summary["Region"]: summary["Status"] for summary in summaries} == {
        "eu-central-1": "RUNNING",
        REGION: "PENDING",
    }
    assert quick.status(operation) == "SUCCEEDED"
    # IAM is global: the role of the first Region stands in the second's way.
    assert quick.instance(ONE)["StatusReason"].endswith("Error Code: EntityAlreadyExists)")


# What reaches the accounts


def test_an_instance_is_a_stack_in_its_account_with_its_own_parameters(quick: Administrator) -> None:
    quick.deploy(ONE, ParameterOverrides=parameters("mine"))
    quick.clock.run()
    instance = quick.instance(ONE)
    with quick.cloud.administering(ONE):
        stack = quick.cloud.client("cloudformation").describe_stacks(StackName=instance["StackId"])["Stacks"][0]

    assert stack["StackName"].startswith("StackSet-quick-")
    assert stack["StackId"].split(":")[4] == ONE
    assert instance["ParameterOverrides"] == parameters("mine")
    assert quick.role(ONE) == "mine"


def test_deleting_an_instance_deletes_its_stack_unless_it_is_retained(quick: Administrator) -> None:
    quick.deploy(ONE, TWO)
    quick.clock.run()
    quick.withdraw(ONE)
    quick.withdraw(TWO, retain=True)
    quick.clock.run()

    assert quick.instances() == []
    assert (quick.role(ONE), quick.role(TWO)) == (None, "none")


def test_a_stack_that_cannot_be_deleted_leaves_its_instance_inoperable(quick: Administrator) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    with quick.cloud.administering(ONE):
        iam = quick.cloud.client("iam")
        iam.put_role_policy(RoleName="consumer", PolicyName="foreign", PolicyDocument=json.dumps(EMPTY))
    operation = quick.withdraw(ONE)
    quick.clock.run()
    instance = quick.instance(ONE)
    quick.withdraw(ONE, retain=True)
    quick.clock.run()

    assert quick.results(operation) == {ONE: "FAILED"}
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("INOPERABLE", "INOPERABLE")
    assert "DeleteConflict" in instance["StatusReason"]
    assert quick.instances() == []


EMPTY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}


def test_updating_the_set_updates_its_members_but_not_their_overrides(quick: Administrator) -> None:
    quick.deploy(ONE)
    quick.deploy(TWO, ParameterOverrides=parameters("mine"))
    quick.clock.run()
    usual: dict[str, Any] = {
        "UsePreviousTemplate": True,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "OperationPreferences": FULLY_PARALLEL,
    }
    operation = quick("update_stack_set", Parameters=parameters("new"), **usual)["OperationId"]
    during = quick.instance(ONE)["Status"], quick.role(ONE)
    quick.clock.run()

    assert during == ("OUTDATED", "none")
    assert quick.results(operation) == {ONE: "SUCCEEDED", TWO: "SUCCEEDED"}
    assert (quick.role(ONE), quick.role(TWO)) == ("new", "mine")
    assert quick("describe_stack_set")["StackSet"]["Parameters"] == parameters("new")


def test_an_unchanged_update_repairs_nothing(quick: Administrator) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    with quick.cloud.administering(ONE):
        quick.cloud.client("iam").update_role(RoleName="consumer", Description="drifted")
    operation = quick("update_stack_set", UsePreviousTemplate=True, Capabilities=["CAPABILITY_NAMED_IAM"])[
        "OperationId"
    ]
    quick.clock.run()

    assert quick.status(operation) == "SUCCEEDED"
    assert quick.role(ONE) == "drifted"


def test_updating_instances_changes_their_overrides(quick: Administrator) -> None:
    quick.deploy(ONE, TWO)
    quick.clock.run()
    quick.deploy(ONE, operation="update_stack_instances", ParameterOverrides=parameters("mine"))
    quick.clock.run()

    assert (quick.role(ONE), quick.role(TWO)) == ("mine", "none")
    assert quick.instance(ONE)["ParameterOverrides"] == parameters("mine")


def test_instances_that_do_not_exist_cannot_be_updated_and_their_deletion_does_nothing(quick: Administrator) -> None:
    with pytest.raises(ClientError) as refused:
        quick.deploy(ONE, operation="update_stack_instances")
    operation = quick.withdraw(ONE)
    quick.clock.run()

    assert refusal(refused) == "StackInstanceNotFoundException"
    assert (quick.status(operation), quick.results(operation)) == ("SUCCEEDED", {})


def test_a_suspended_account_is_skipped(quick: Administrator) -> None:
    quick.organization.states[ONE] = "SUSPENDED"
    operation = quick.deploy(ONE, TWO)
    quick.clock.run()

    assert quick.instance(ONE)["StackInstanceStatus"] == {"DetailedStatus": "SKIPPED_SUSPENDED_ACCOUNT"}
    assert quick.results(operation)[TWO] == "SUCCEEDED"


def test_an_account_that_left_keeps_its_stack_and_its_instance_can_only_be_forgotten(quick: Administrator) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    del quick.organization.places[ONE]
    failing = quick.withdraw(ONE)
    quick.clock.run()
    forgetting = quick.withdraw(ONE, retain=True)
    quick.clock.run()

    assert quick.results(failing) == {ONE: "FAILED"}
    assert quick.results(forgetting) == {ONE: "SUCCEEDED"}
    assert quick.instances() == []
    assert quick.role(ONE) == "none"


# Lists


def test_instances_are_listed_by_account_status_and_operation(quick: Administrator) -> None:
    blocked(quick, ONE)
    first = quick.deploy(ONE, TWO)
    quick.clock.run()
    second = quick.deploy(THREE)
    quick.clock.run()

    assert quick.instances(StackInstanceAccount=TWO) == [TWO]
    assert quick.instances(Filters=[{"Name": "DETAILED_STATUS", "Values": "FAILED"}]) == [ONE]
    assert quick.instances(Filters=[{"Name": "LAST_OPERATION_ID", "Values": first}]) == [ONE, TWO]
    assert [each["OperationId"] for each in quick("list_stack_set_operations")["Summaries"]] == [second, first]


def test_instances_come_in_pages_of_a_hundred(quick: Administrator) -> None:
    many = [f"2{number:011d}" for number in range(120)]
    quick.organization.places |= {account: [ROOT] for account in many}
    quick.deploy(*many)
    first = quick("list_stack_instances")
    rest = quick("list_stack_instances", NextToken=first["NextToken"])

    assert [summary["Account"] for summary in first["Summaries"] + rest["Summaries"]] == many
    assert "NextToken" not in rest


def test_moto_alone_ignores_the_account_filter(cloud: Cloud) -> None:
    with cloud.administering(MANAGEMENT):
        organizations, client = cloud.client("organizations", "us-east-1"), cloud.client("cloudformation")
        organizations.create_organization(FeatureSet="ALL")
        for name in ("one", "two"):
            organizations.create_account(AccountName=name, Email=f"{name}@example.com")
        account = organizations.list_accounts()["Accounts"][1]["Id"]
        targets = {"OrganizationalUnitIds": [organizations.list_roots()["Roots"][0]["Id"]], "Accounts": [account]}
        client.create_stack_set(StackSetName="quick", TemplateBody=body(), PermissionModel="SERVICE_MANAGED")
        client.create_stack_instances(
            StackSetName="quick",
            DeploymentTargets={**targets, "AccountFilterType": "INTERSECTION"},
            Regions=[REGION],
        )
        reached = client.list_stack_instances(StackSetName="quick")["Summaries"]

    assert len(reached) == 3


def test_only_the_management_account_gives_stack_sets_trusted_access(admin: Administrator) -> None:
    with admin.cloud.administering(MANAGEMENT):
        admin.cloud.client("cloudformation").activate_organizations_access()
    with admin.cloud.administering(HUB), pytest.raises(ClientError, match="must be the management account"):
        admin.cloud.client("cloudformation").activate_organizations_access()
    assert admin.organization.trusted == [SERVICE_PRINCIPAL]
