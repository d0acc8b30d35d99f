"""Drift of the sandbox's stack sets: what is seen, what is not, and what repairs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.clock import VirtualClock
from sandbox.aws.faults import Faults
from sandbox.aws.permissions import Permissions
from sandbox.aws.services.iam import Iam
from sandbox.organization import PROJECT
from tests.integration.sandbox.roles import acting, allow
from tests.integration.sandbox.test_stack_sets import (
    FULLY_PARALLEL,
    HUB,
    MANAGEMENT,
    ONE,
    REGION,
    TWO,
    Administrator,
    body,
    parameters,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.aws.cloud import Cloud

BODY = (PROJECT / "layers/consumer/consumer_role.yaml").read_text(encoding="utf-8")
ROLE = "quick-athena-default"
VALUES = {
    "Profile": "default",
    "DeploymentId": "d1",
    "HubAccountId": HUB,
    "OrganizationId": "o-exampleorg",
    "RunAsRoleArn": f"arn:aws:iam::{HUB}:role/quick-athena-run-as",
    "DatabaseArns": f"arn:aws:glue:{REGION}:{ONE}:database/sales",
    "DataBucketArns": "arn:aws:s3:::lake",
    "DataObjectArns": "arn:aws:s3:::lake/*",
    "OwnDataBucketArns": "none",
    "OwnDataObjectArns": "none",
    "ResultsBucketArn": "none",
    "ResultsObjectArns": "none",
}
PUBLISHERS = {
    **{f"Publisher{number}": f"{number:012}" for number in range(1, 11)},
    "PublisherAccounts": "000000000001",
    "PublishedDatabaseArns": f"arn:aws:glue:{REGION}:*:database/products",
}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
SET: dict[str, Any] = {"StackSetName": "quick"}


class Inspector(Administrator):
    """The delegated administrator, and what somebody does in a member behind its back."""

    iam: Iam

    def member(self, service: str, operation: str, account: str = ONE, **given: Any) -> Any:
        """One call of the member's own administrator."""
        with self.cloud.administering(account):
            return getattr(self.cloud.client(service), operation)(**given)

    def detect(self, **given: Any) -> str:
        """A detection, begun; its id."""
        return str(self("detect_stack_set_drift", **{"OperationPreferences": FULLY_PARALLEL} | given)["OperationId"])

    def detected(self, **given: Any) -> str:
        """A detection, ended; its id."""
        operation = self.detect(**given)
        self.clock.run()
        return operation

    def listed(self) -> dict[str, Any]:
        """What ListStackSets says of the one set there is."""
        with self.cloud.administering(HUB):
            (summary,) = self.cloud.client("cloudformation").list_stack_sets(CallAs="DELEGATED_ADMIN")["Summaries"]
        return dict(summary)

    def details(self, operation: str) -> dict[str, Any]:
        """StackSetDriftDetectionDetails of an operation."""
        details: dict[str, Any] = self.operation(operation)["StackSetDriftDetectionDetails"]
        return details

    def drifts(self, operation: str, account: str = ONE, **given: Any) -> list[dict[str, Any]]:
        """ListStackInstanceResourceDrifts."""
        where = {"StackInstanceAccount": account, "StackInstanceRegion": REGION, "OperationId": operation}
        drifts: list[dict[str, Any]] = self("list_stack_instance_resource_drifts", **where | given)["Summaries"]
        return drifts

    def found(self, operation: str) -> dict[str, str]:
        """The resources that drifted, and how."""
        drifts = {each["LogicalResourceId"]: each["StackResourceDriftStatus"] for each in self.drifts(operation)}
        return {name: status for name, status in drifts.items() if status != "IN_SYNC"}

    def bucket(self) -> str:
        """The name of the results bucket."""
        return str(self.member("s3", "list_buckets")["Buckets"][0]["Name"])

    def delete_role(self) -> None:
        """As IAM lets anybody: its policies first."""
        self.member("iam", "delete_role_policy", RoleName=ROLE, PolicyName="query-athena")
        self.member("iam", "delete_role", RoleName=ROLE)


@pytest.fixture
def quick(cloud: Cloud) -> Iterator[Inspector]:
    assert isinstance(cloud.clock, VirtualClock)
    iam = Iam(cloud)
    administrator = Inspector(cloud, cloud.clock)
    administrator.iam = iam
    administrator.define()
    yield administrator
    cloud.clock.run()


@pytest.fixture
def consumer(quick: Inspector) -> Inspector:
    """The product's own stack set, deployed to ONE."""
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in VALUES.items()]
    quick("update_stack_set", TemplateBody=BODY, Parameters=given, Capabilities=["CAPABILITY_NAMED_IAM"])
    quick.clock.run()
    quick.deploy(ONE)
    quick.clock.run()
    assert quick.instance(ONE)["Status"] == "CURRENT"
    return quick


# The operation


def test_detection_is_an_operation_that_takes_its_time(consumer: Inspector) -> None:
    operation = consumer.detect(OperationId="look-1")
    during, before = consumer.details(operation), consumer("describe_stack_set")["StackSet"]
    running = consumer.status(operation), consumer.instance(ONE)["StackInstanceStatus"]["DetailedStatus"]
    consumer.clock.run()
    after, shown = consumer.details(operation), consumer.operation(operation)

    assert (operation, running) == ("look-1", ("RUNNING", "RUNNING"))
    assert (during["DriftDetectionStatus"], during["DriftStatus"]) == ("IN_PROGRESS", "NOT_CHECKED")
    assert (during["TotalStackInstancesCount"], during["InProgressStackInstancesCount"]) == (1, 1)
    assert before["StackSetDriftDetectionDetails"]["DriftStatus"] == "NOT_CHECKED"
    assert (shown["Action"], shown["Status"]) == ("DETECT_DRIFT", "SUCCEEDED")
    assert (after["DriftDetectionStatus"], after["DriftStatus"]) == ("COMPLETED", "IN_SYNC")
    assert (after["InSyncStackInstancesCount"], after["InProgressStackInstancesCount"]) == (1, 0)
    assert after["LastDriftCheckTimestamp"] == shown["EndTimestamp"] > shown["CreationTimestamp"]
    assert consumer("describe_stack_set")["StackSet"]["StackSetDriftDetectionDetails"] == after


def test_an_instance_and_its_set_report_what_the_last_detection_found(quick: Inspector) -> None:
    quick.deploy(ONE, TWO)
    quick.clock.run()
    unchecked = quick.instance(ONE)
    quick.member("iam", "update_role", RoleName="consumer", Description="other")
    operation = quick.detected()
    seen, listed = quick.instance(ONE), quick.listed()

    assert (unchecked["DriftStatus"], "LastDriftCheckTimestamp" in unchecked) == ("NOT_CHECKED", False)
    assert (seen["DriftStatus"], seen["Status"], seen["LastOperationId"]) == ("DRIFTED", "CURRENT", operation)
    assert seen["LastDriftCheckTimestamp"] == listed["LastDriftCheckTimestamp"] == quick.clock.now()
    assert (listed["DriftStatus"], quick.instance(TWO)["DriftStatus"]) == ("DRIFTED", "IN_SYNC")
    assert quick.instances(Filters=[{"Name": "DRIFT_STATUS", "Values": "DRIFTED"}]) == [ONE]
    details = quick.details(operation)
    assert (details["DriftedStackInstancesCount"], details["InSyncStackInstancesCount"]) == (1, 1)


def test_detection_changes_nothing_in_the_members(consumer: Inspector) -> None:
    consumer.member("iam", "update_role", RoleName=ROLE, Description="other")
    log = consumer.cloud.gateway.log.entries
    begun = len(log)
    operation = consumer.detected()
    made = {entry.operation for entry in log[begun:] if entry.account == ONE}

    assert consumer.found(operation) == {"ConsumerRole": "MODIFIED"}
    assert made
    assert [name for name in made if not name.startswith(("Get", "List"))] == []


def test_an_operation_id_is_used_once_by_a_detection_too(quick: Inspector) -> None:
    quick.detected(OperationId="look-1")
    with pytest.raises(ClientError) as refused:
        quick.detect(OperationId="look-1")

    assert refusal(refused) == "OperationIdAlreadyExistsException"


def test_detections_and_deployments_wait_for_each_other(quick: Inspector) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    deployment, detection = quick.deploy(ONE, operation="update_stack_instances"), quick.detect()
    deletion = quick.withdraw(ONE)
    at_first = [quick.status(each) for each in (deployment, detection, deletion)]
    quick.clock.run()

    assert at_first == ["RUNNING", "QUEUED", "QUEUED"]
    assert quick.details(detection)["InSyncStackInstancesCount"] == 1
    assert quick.instances() == []


def test_a_role_detects_as_delegated_administrator_with_three_permissions_and_not_with_two(quick: Inspector) -> None:
    Permissions(quick.cloud, quick.iam)
    operations = ["cloudformation:DetectStackSetDrift", "cloudformation:DescribeStackSetOperation"]
    on_set = f"arn:aws:cloudformation:{REGION}:*:stackset/quick:*"
    delegated: dict[str, Any] = {**SET, "CallAs": "DELEGATED_ADMIN"}
    looking_up = allow("organizations:ListDelegatedAdministrators")
    with acting(quick.cloud, quick.iam, allow(operations, on_set), looking_up):
        client = quick.cloud.client("cloudformation")
        operation = client.detect_stack_set_drift(**delegated)["OperationId"]
        shown = client.describe_stack_set_operation(OperationId=operation, **delegated)["StackSetOperation"]
    other = acting(quick.cloud, quick.iam, allow(operations[1], on_set), looking_up, name="other")
    with other, pytest.raises(ClientError) as refused:
        quick.cloud.client("cloudformation").detect_stack_set_drift(**delegated)

    assert shown["Action"] == "DETECT_DRIFT"
    assert refusal(refused) == "AccessDenied"


def test_one_detection_at_a_time_is_run_on_a_set(quick: Inspector) -> None:
    first, second = quick.detect(), quick.detect()
    at_first = quick.status(first), quick.status(second)
    quick.clock.run()

    assert at_first == ("RUNNING", "QUEUED")
    assert (quick.status(first), quick.status(second)) == ("SUCCEEDED", "SUCCEEDED")


def test_an_instance_deleted_while_a_detection_waited_is_not_counted(quick: Inspector) -> None:
    quick.deploy(ONE, TWO)
    quick.clock.run()
    quick.withdraw(ONE)
    operation = quick.detected()

    assert quick.details(operation)["TotalStackInstancesCount"] == 1


def test_without_managed_execution_a_detection_excludes_a_deployment(cloud: Cloud) -> None:
    assert isinstance(cloud.clock, VirtualClock)
    admin = Inspector(cloud, cloud.clock)
    admin.define(managed=False)
    admin.detect()
    with pytest.raises(ClientError) as refused:
        admin.deploy(ONE)
    cloud.clock.run()

    assert refusal(refused) == "OperationInProgressException"


def fail_in_one(quick: Inspector, **given: Any) -> None:
    """Deploy to ONE, where somebody's role has the name, and to TWO."""
    document = json.dumps({**ALLOW, "Statement": [TRUSTING]})
    quick.member("iam", "create_role", RoleName="consumer", AssumeRolePolicyDocument=document)
    quick.deploy(ONE, TWO, **given)
    quick.clock.run()


TRUSTING = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("preferences", "status", "detection", "failed"),
    [(FULLY_PARALLEL, "SUCCEEDED", "PARTIAL_SUCCESS", 1), ({}, "FAILED", "FAILED", 2)],
)
def test_what_cannot_be_checked_fails_within_the_tolerance_or_not(
    quick: Inspector, preferences: dict[str, Any], status: str, detection: str, failed: int
) -> None:
    fail_in_one(quick)
    operation = quick.detected(OperationPreferences=preferences)
    details = quick.details(operation)

    assert (quick.status(operation), details["DriftDetectionStatus"]) == (status, detection)
    assert (details["DriftStatus"], details["FailedStackInstancesCount"]) == ("NOT_CHECKED", failed)
    assert (quick.instance(ONE)["DriftStatus"], quick.instance(ONE)["Status"]) == ("NOT_CHECKED", "OUTDATED")
    assert quick.instance(TWO)["Status"] == "CURRENT"
    assert "consumer already exists" in quick.instance(ONE)["StatusReason"]


def test_an_instance_that_never_got_a_stack_cannot_be_checked(quick: Inspector) -> None:
    fail_in_one(quick, OperationPreferences={})
    operation = quick.detected()

    assert quick.results(operation) == {ONE: "FAILED", TWO: "FAILED"}
    assert quick.drifts(operation, TWO) == []


def test_a_resource_that_cannot_be_read_fails_the_check_with_its_name(quick: Inspector) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    Faults(quick.cloud).order(service="iam", operation="GetRole", code="AccessDenied", message="A policy says no")
    quick.detected()

    assert quick.instance(ONE)["StatusReason"].startswith("ResourceLogicalId:Role, ResourceType:AWS::IAM::Role, ")
    assert "A policy says no" in quick.instance(ONE)["StatusReason"]


def test_a_stopped_detection_leaves_the_rest_unchecked_and_up_to_date(quick: Inspector) -> None:
    quick.deploy(ONE, TWO)
    quick.clock.run()
    operation = quick.detect(OperationPreferences={})
    quick("stop_stack_set_operation", OperationId=operation)
    quick.clock.run()

    assert quick.details(operation)["DriftDetectionStatus"] == "STOPPED"
    assert [quick.instance(each)["DriftStatus"] for each in (ONE, TWO)] == ["IN_SYNC", "NOT_CHECKED"]
    assert quick.instance(TWO)["Status"] == "CURRENT"


@pytest.mark.parametrize(("state", "detailed"), [("SUSPENDED", "SKIPPED_SUSPENDED_ACCOUNT"), (None, "FAILED")])
def test_an_account_that_cannot_be_reached_is_not_checked_and_not_outdated(
    quick: Inspector, state: str | None, detailed: str
) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    if state:
        quick.organization.states[ONE] = state
    else:
        del quick.organization.places[ONE]
    operation = quick.detected()
    instance = quick.instance(ONE)

    assert quick.results(operation) == {ONE: "FAILED"}
    assert (instance["Status"], instance["StackInstanceStatus"]["DetailedStatus"]) == ("CURRENT", detailed)
    assert instance["DriftStatus"] == "NOT_CHECKED"


def test_a_stack_somebody_deleted_cannot_be_checked(quick: Inspector) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    quick.member("cloudformation", "delete_stack", StackName=quick.instance(ONE)["StackId"])
    operation = quick.detected()

    assert quick.results(operation) == {ONE: "FAILED"}
    assert "in state DELETE_COMPLETE" in quick.instance(ONE)["StatusReason"]


# What is seen


def trust(consumer: Inspector) -> None:
    document = json.dumps({**ALLOW, "Statement": [TRUSTING]})
    consumer.member("iam", "update_assume_role_policy", RoleName=ROLE, PolicyDocument=document)


def inline_policy(consumer: Inspector) -> None:
    document = json.dumps(ALLOW)
    consumer.member("iam", "put_role_policy", RoleName=ROLE, PolicyName="query-athena", PolicyDocument=document)


def boundary_document(consumer: Inspector) -> None:
    arn = consumer.member("iam", "get_role", RoleName=ROLE)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    consumer.member("iam", "create_policy_version", PolicyArn=arn, PolicyDocument=json.dumps(ALLOW), SetAsDefault=True)


def bucket_policy(consumer: Inspector) -> None:
    statement = {**ALLOW["Statement"][0], "Principal": "*"}  # type: ignore[dict-item]  # a document of any kind
    document = json.dumps({**ALLOW, "Statement": [statement]})
    consumer.member("s3", "put_bucket_policy", Bucket=consumer.bucket(), Policy=document)


def retention(consumer: Inspector) -> None:
    rule = {"ID": "results-expire", "Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}
    cycle = {"Rules": [rule]}
    consumer.member("s3", "put_bucket_lifecycle_configuration", Bucket=consumer.bucket(), LifecycleConfiguration=cycle)


def bucket_tags(consumer: Inspector) -> None:
    tags = {"TagSet": [{"Key": "managed-by", "Value": "quick-onboarding"}, {"Key": "more", "Value": "tags"}]}
    consumer.member("s3", "put_bucket_tagging", Bucket=consumer.bucket(), Tagging=tags)


def other_work_group(consumer: Inspector) -> None:
    consumer.member("athena", "delete_work_group", WorkGroup=ROLE)
    consumer.member("athena", "create_work_group", Name=ROLE, Configuration={"EnforceWorkGroupConfiguration": False})


def on_role(operation: str, **given: Any) -> Callable[[Inspector], None]:
    return lambda consumer: consumer.member("iam", operation, RoleName=ROLE, **given)


def on_bucket(operation: str, **given: Any) -> Callable[[Inspector], None]:
    return lambda consumer: consumer.member("s3", operation, Bucket=consumer.bucket(), **given)


CHANGES: dict[str, tuple[Callable[[Inspector], Any], str, set[tuple[str, str]]]] = {
    "trust": (
        trust,
        "ConsumerRole",
        {
            ("/AssumeRolePolicyDocument/Statement/0/Sid", "REMOVE"),
            ("/AssumeRolePolicyDocument/Statement/0/Principal/AWS", "NOT_EQUAL"),
            ("/AssumeRolePolicyDocument/Statement/0/Condition", "REMOVE"),
        },
    ),
    "boundary": (
        on_role("delete_role_permissions_boundary"),
        "ConsumerRole",
        {("/PermissionsBoundary", "REMOVE")},
    ),
    "session": (
        on_role("update_role", MaxSessionDuration=43200),
        "ConsumerRole",
        {("/MaxSessionDuration", "NOT_EQUAL")},
    ),
    "tag": (on_role("untag_role", TagKeys=["managed-by"]), "ConsumerRole", {("/Tags/0", "REMOVE")}),
    "retag": (
        on_role("tag_role", Tags=[{"Key": "managed-by", "Value": "me"}]),
        "ConsumerRole",
        {("/Tags/0/Value", "NOT_EQUAL")},
    ),
    "inline policy": (inline_policy, "ConsumerRolePolicy", set()),
    "boundary document": (boundary_document, "ConsumerRoleBoundary", set()),
    "public access": (
        on_bucket("delete_public_access_block"),
        "ResultsBucket",
        {("/PublicAccessBlockConfiguration", "REMOVE")},
    ),
    "encryption": (on_bucket("delete_bucket_encryption"), "ResultsBucket", {("/BucketEncryption", "REMOVE")}),
    "ownership": (on_bucket("delete_bucket_ownership_controls"), "ResultsBucket", {("/OwnershipControls", "REMOVE")}),
    "retention": (
        retention,
        "ResultsBucket",
        {
            ("/LifecycleConfiguration/Rules/0/Status", "NOT_EQUAL"),
            ("/LifecycleConfiguration/Rules/0/AbortIncompleteMultipartUpload", "REMOVE"),
        },
    ),
    "bucket tag": (bucket_tags, "ResultsBucket", {("/Tags/1", "ADD")}),
    "bucket policy": (bucket_policy, "ResultsBucketPolicy", set()),
    "work group": (other_work_group, "AthenaWorkGroup", {("/Description", "REMOVE")}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_what_the_template_says_is_seen_and_named(consumer: Inspector, change: str) -> None:
    make, resource, paths = CHANGES[change]
    make(consumer)
    operation = consumer.detected()
    (drift,) = consumer.drifts(operation, StackInstanceResourceDriftStatuses=["MODIFIED"])
    named = {(each["PropertyPath"], each["DifferenceType"]) for each in drift["PropertyDifferences"]}

    assert consumer.found(operation) == {resource: "MODIFIED"}
    assert named
    assert paths <= named
    assert drift["StackId"] == consumer.instance(ONE)["StackId"]
    assert drift["Timestamp"] == consumer.operation(operation)["CreationTimestamp"]
    assert consumer.details(operation)["DriftStatus"] == "DRIFTED"


@pytest.mark.parametrize(
    ("remove", "removed"),
    [
        (Inspector.delete_role, {"ConsumerRole", "ConsumerRolePolicy"}),
        (on_role("delete_role_policy", PolicyName="query-athena"), {"ConsumerRolePolicy"}),
        (on_bucket("delete_bucket_policy"), {"ResultsBucketPolicy"}),
        (on_bucket("delete_bucket"), {"ResultsBucket", "ResultsBucketPolicy"}),
        (lambda member: member.member("athena", "delete_work_group", WorkGroup=ROLE), {"AthenaWorkGroup"}),
    ],
)
def test_what_was_deleted_by_hand_is_seen(consumer: Inspector, remove: Any, removed: set[str]) -> None:
    remove(consumer)
    operation = consumer.detected()

    assert consumer.found(operation) == dict.fromkeys(removed, "DELETED")
    assert consumer.instance(ONE)["DriftStatus"] == "DRIFTED"


def test_every_resource_of_the_body_is_checked(consumer: Inspector) -> None:
    publishers = [{"ParameterKey": name, "ParameterValue": value} for name, value in {**VALUES, **PUBLISHERS}.items()]
    consumer("update_stack_set", UsePreviousTemplate=True, Parameters=publishers, Capabilities=["CAPABILITY_NAMED_IAM"])
    consumer.clock.run()
    drifts = consumer.drifts(consumer.detected())
    page: dict[str, Any] = {"MaxResults": 2, "StackInstanceAccount": ONE, "StackInstanceRegion": REGION}

    grants = {f"Grant{place}" for place in range(1, 13)}  # whether AWS checks them is not known: here nobody does
    assert {each["LogicalResourceId"] for each in drifts} == set(resources()) - grants
    assert {each["StackResourceDriftStatus"] for each in drifts} == {"IN_SYNC"}
    assert {each["PhysicalResourceId"] for each in drifts if each["LogicalResourceId"] == "ConsumerRole"} == {ROLE}
    last = consumer("list_stack_set_operations")["Summaries"][0]["OperationId"]
    first = consumer("list_stack_instance_resource_drifts", OperationId=last, **page)
    assert (len(first["Summaries"]), "NextToken" in first) == (2, True)


def resources() -> list[str]:
    """The logical ids in the product's body."""
    lines = BODY.partition("\nResources:")[2].partition("\nOutputs:")[0].splitlines()
    return [line.strip(" :") for line in lines if line.startswith("  ") and line[2:3].isalpha()]


# What is not seen


def attach(consumer: Inspector) -> None:
    """Somebody gives the role one more managed policy."""
    arn = consumer.member("iam", "create_policy", PolicyName="more", PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    consumer.member("iam", "attach_role_policy", RoleName=ROLE, PolicyArn=arn)


def reformat(consumer: Inspector) -> None:
    """The same trust, written otherwise."""
    document = consumer.member("iam", "get_role", RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    text = json.dumps(dict(reversed(document.items())), indent=4)
    consumer.member("iam", "update_assume_role_policy", RoleName=ROLE, PolicyDocument=text)


@pytest.mark.parametrize(
    "change",
    [attach, on_role("put_role_policy", PolicyName="more", PolicyDocument=json.dumps(ALLOW)), reformat],
)
def test_what_the_template_does_not_write_is_not_seen(consumer: Inspector, change: Any) -> None:
    change(consumer)
    operation = consumer.detected()

    assert consumer.found(operation) == {}
    assert consumer.details(operation)["DriftStatus"] == "IN_SYNC"


def test_a_change_made_through_cloudformation_is_no_drift(quick: Inspector) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    stack = {"StackName": quick.instance(ONE)["StackId"], "UsePreviousTemplate": True}
    quick.member("cloudformation", "update_stack", Parameters=parameters("mine"), **stack, Capabilities=CAPABLE)
    quick.detected()

    assert (quick.role(ONE), quick.instance(ONE)["DriftStatus"]) == ("mine", "IN_SYNC")


CAPABLE = ["CAPABILITY_NAMED_IAM"]


def test_a_type_that_cannot_be_checked_is_left_out(quick: Inspector) -> None:
    template = json.loads(body())
    inline = {"PolicyName": "inline", "PolicyDocument": ALLOW, "Roles": [{"Ref": "Role"}]}
    template["Resources"]["Inline"] = {"Type": "AWS::IAM::Policy", "Properties": inline}
    quick("update_stack_set", TemplateBody=json.dumps(template), Capabilities=CAPABLE)
    quick.clock.run()
    quick.deploy(ONE)
    quick.clock.run()
    quick.member("iam", "delete_role_policy", RoleName="consumer", PolicyName="inline")
    operation = quick.detected()

    assert [each["LogicalResourceId"] for each in quick.drifts(operation)] == ["Role"]
    assert quick.instance(ONE)["DriftStatus"] == "IN_SYNC"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"operation": "never"}, "OperationNotFoundException"),
        ({"account": TWO}, "StackInstanceNotFoundException"),
        ({"StackSetName": "other"}, "StackSetNotFoundException"),
    ],
)
def test_drifts_are_reported_of_what_there_is(quick: Inspector, given: dict[str, str], expected: str) -> None:
    quick.deploy(ONE)
    quick.clock.run()
    operation = quick.detected()
    with pytest.raises(ClientError) as refused:
        quick.drifts(**{"operation": operation} | given)

    assert refusal(refused) == expected


# What repairs it


@pytest.mark.parametrize("operation", ["create_stack_instances", "update_stack_instances", "update_stack_set"])
def test_an_operation_without_a_change_repairs_nothing(consumer: Inspector, operation: str) -> None:
    consumer.delete_role()
    repeated = consumer(operation, **SAME) if operation == "update_stack_set" else {}
    identity = repeated.get("OperationId") or consumer.deploy(ONE, operation=operation)
    consumer.clock.run()
    after = consumer.detected()

    assert consumer.status(identity) == "SUCCEEDED"
    assert consumer.found(after) == {"ConsumerRole": "DELETED", "ConsumerRolePolicy": "DELETED"}


SAME: dict[str, Any] = {
    "UsePreviousTemplate": True,
    "Capabilities": CAPABLE,
    "OperationPreferences": FULLY_PARALLEL,
} | {"Parameters": [{"ParameterKey": name, "UsePreviousValue": True} for name in VALUES]}


def test_deleting_the_instance_and_creating_it_again_repairs(consumer: Inspector) -> None:
    consumer.delete_role()
    deletion = consumer.withdraw(ONE)
    consumer.clock.run()
    consumer.deploy(ONE)
    consumer.clock.run()
    fresh = consumer.instance(ONE)
    operation = consumer.detected()

    assert consumer.status(deletion) == "SUCCEEDED"
    assert (fresh["Status"], fresh["DriftStatus"]) == ("CURRENT", "NOT_CHECKED")
    assert (consumer.found(operation), consumer.instance(ONE)["DriftStatus"]) == ({}, "IN_SYNC")


def test_a_role_with_a_policy_attached_by_hand_cannot_be_deleted_and_says_why(consumer: Inspector) -> None:
    attach(consumer)
    deletion = consumer.withdraw(ONE)
    consumer.clock.run()
    instance = consumer.instance(ONE)
    stack = consumer.member("cloudformation", "describe_stacks", StackName=instance["StackId"])["Stacks"][0]
    role = consumer.member("iam", "get_role", RoleName=ROLE)["Role"]
    operation = consumer.detected()

    assert consumer.results(deletion) == {ONE: "FAILED"}
    assert (instance["Status"], stack["StackStatus"]) == ("INOPERABLE", "DELETE_FAILED")
    assert instance["StatusReason"].startswith("ResourceLogicalId:ConsumerRole, ResourceType:AWS::IAM::Role, ")
    assert "must detach all policies first" in instance["StatusReason"]
    assert "Error Code: DeleteConflict" in instance["StatusReason"]
    assert "failed to delete: [ConsumerRole]" in stack["StackStatusReason"]
    assert role["PermissionsBoundary"]
    assert consumer.results(operation) == {ONE: "FAILED"}  # no detection on a stack in this state
    assert consumer.instance(ONE)["StackInstanceStatus"] == {"DetailedStatus": "INOPERABLE"}


def test_moto_alone_detects_no_drift(cloud: Cloud) -> None:
    with cloud.administering(MANAGEMENT), pytest.raises(NotImplementedError):
        cloud.client("cloudformation").detect_stack_set_drift(**SET)
