"""Where the sandbox's CloudFormation differs from moto's: one test for each difference."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.cloud import Cloud
from sandbox.aws.services.cloudformation import CloudFormation
from sandbox.aws.services.saved_queries import SavedQueries

TEMPLATES = Path(__file__).parent / "templates"
HUB = "444455556666"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
MAY_SEND = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}],
}
MACHINE = """
StartAt: Wait
States:
  Wait: {Type: Wait, Seconds: ${Seconds}, Next: Call}
  Call: {Type: Task, Resource: "${Function}", End: true}
"""


class Hub:
    """An administrator of the hub account at work."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def __call__(self, service: str, operation: str, **parameters: Any) -> Any:
        """One API call."""
        with self.cloud.administering(HUB):
            return getattr(self.cloud.client(service), operation)(**parameters)

    def create(self, resources: dict[str, Any], name: str = "demo", **more: Any) -> dict[str, Any]:
        """A stack of these resources; what DescribeStacks says of it."""
        sections = {key: more.pop(key) for key in ("Parameters", "Outputs", "Transform", "Conditions") if key in more}
        body = json.dumps({"Resources": resources, **sections})
        self("cloudformation", "create_stack", StackName=name, TemplateBody=body, Capabilities=CAPABILITIES, **more)
        return self.describe(name)

    def update(self, resources: dict[str, Any], name: str = "demo", **more: Any) -> dict[str, Any]:
        """The stack under other resources."""
        body = json.dumps({"Resources": resources})
        self("cloudformation", "update_stack", StackName=name, TemplateBody=body, Capabilities=CAPABILITIES, **more)
        return self.describe(name)

    def describe(self, name: str = "demo") -> dict[str, Any]:
        """DescribeStacks of one stack."""
        stack: dict[str, Any] = self("cloudformation", "describe_stacks", StackName=name)["Stacks"][0]
        return stack

    def queues(self) -> list[str]:
        """Names of the queues there are."""
        return [url.rsplit("/", 1)[1] for url in self("sqs", "list_queues").get("QueueUrls", [])]


CAPABILITIES = ["CAPABILITY_NAMED_IAM"]


@pytest.fixture
def hub(cloud: Cloud) -> Hub:
    CloudFormation(cloud)
    SavedQueries(cloud)
    return Hub(cloud)


@pytest.fixture
def artifacts(hub: Hub) -> Hub:
    place = {"LocationConstraint": "eu-west-1"}
    hub("s3", "create_bucket", Bucket="artifacts", CreateBucketConfiguration=place)
    layer = io.BytesIO()
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr("python/empty.py", "")
    hub("s3", "put_object", Bucket="artifacts", Key="layer.zip", Body=layer.getvalue())
    hub("s3", "put_object", Bucket="artifacts", Key="machine.asl.yaml", Body=MACHINE.encode())
    return hub


def queue(name: str | None = None, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name} if name else {}, **more}


def role(name: str = "worker", **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": name, "AssumeRolePolicyDocument": TRUST, **properties},
    }


@pytest.fixture
def every(artifacts: Hub) -> Hub:
    body = (TEMPLATES / "every_type.yaml").read_text()
    tags = [{"Key": "owner", "Value": "platform"}]
    artifacts(
        "cloudformation", "create_stack", StackName="every", TemplateBody=body, Capabilities=CAPABILITIES, Tags=tags
    )
    return artifacts


def test_a_stack_of_every_type_is_made_and_deleted_without_a_trace(every: Hub) -> None:
    stack = every.describe("every")
    every("cloudformation", "delete_stack", StackName="every")

    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert every.describe(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert every("iam", "list_roles")["Roles"] == []
    assert every("iam", "list_policies", Scope="Local")["Policies"] == []
    assert every.queues() == []
    assert every("logs", "describe_query_definitions")["queryDefinitions"] == []
    assert every("lambda", "list_functions")["Functions"] == []
    assert every("athena", "list_data_catalogs")["DataCatalogsSummary"] == []
    assert [bus["Name"] for bus in every("events", "list_event_buses")["EventBuses"]] == ["default"]


def test_a_function_has_the_layers_and_architecture_of_its_template(every: Hub) -> None:
    function = every("lambda", "list_functions")["Functions"][0]

    assert function["Architectures"] == ["arm64"]
    assert function["Layers"][0]["Arn"].endswith("layer:every-layer:1")
    assert (function["MemorySize"], function["Timeout"]) == (256, 30)
    assert function["Environment"]["Variables"]["DAYS"] == "7"


def test_a_state_machine_has_its_definition_from_s3_with_substitutions(every: Hub) -> None:
    arn = every("stepfunctions", "list_state_machines")["stateMachines"][0]["stateMachineArn"]
    machine = every("stepfunctions", "describe_state_machine", stateMachineArn=arn)
    definition = json.loads(machine["definition"])

    assert definition["States"]["Wait"]["Seconds"] == 5
    assert definition["States"]["Call"]["Resource"].startswith(
        f"arn:aws:lambda:eu-west-1:{HUB}:function:every-Function"
    )
    assert {"OutputKey": "MachineArn", "OutputValue": arn, "ExportName": "every-machine"} in every.describe("every")[
        "Outputs"
    ]


def test_ref_of_an_event_bus_is_its_name_and_its_rules_are_on_it(every: Hub) -> None:
    rules = every("events", "list_rules", EventBusName="every-bus")["Rules"]
    targets = every("events", "list_targets_by_rule", Rule=rules[0]["Name"], EventBusName="every-bus")["Targets"]

    assert targets[0]["RetryPolicy"] == {"MaximumRetryAttempts": 3}
    assert {"OutputKey": "BusName", "OutputValue": "every-bus"} in every.describe("every")["Outputs"]


def test_resource_policies_take_effect(every: Hub) -> None:
    bus = json.loads(every("events", "describe_event_bus", Name="every-bus")["Policy"])
    queue_url = next(url for url in every("sqs", "list_queues")["QueueUrls"] if "every-Queue-" in url)
    queue_policy = every("sqs", "get_queue_attributes", QueueUrl=queue_url, AttributeNames=["Policy"])["Attributes"]
    topic = every("sns", "get_topic_attributes", TopicArn=f"arn:aws:sns:eu-west-1:{HUB}:every-topic")["Attributes"]
    bucket = next(each["Name"] for each in every("s3", "list_buckets")["Buckets"] if each["Name"] != "artifacts")

    assert [statement["Sid"] for statement in bus["Statement"]] == ["management"]
    assert "events.amazonaws.com" in queue_policy["Policy"]
    assert "cloudwatch.amazonaws.com" in topic["Policy"]
    assert f"arn:aws:s3:::{bucket}/*" in every("s3", "get_bucket_policy", Bucket=bucket)["Policy"]


def test_alarms_schedules_metric_filters_and_work_groups_exist(every: Hub) -> None:
    alarm = every("cloudwatch", "describe_alarms")["MetricAlarms"][0]
    schedule = every("scheduler", "get_schedule", GroupName="every-group", Name="every-schedule")
    filters = every("logs", "describe_metric_filters", logGroupName="/every/logs")["metricFilters"]
    work_group = every("athena", "get_work_group", WorkGroup="every-workgroup")["WorkGroup"]
    catalog = every("athena", "get_data_catalog", Name="every-catalog")["DataCatalog"]

    assert alarm["AlarmActions"] == [f"arn:aws:sns:eu-west-1:{HUB}:every-topic"]
    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    assert filters[0]["metricTransformations"][0]["metricName"] == "Errors"
    assert "OutputLocation" in work_group["Configuration"]["ResultConfiguration"]
    assert (catalog["Type"], catalog["Parameters"]) == ("GLUE", {"catalog-id": "111122223333"})


def test_a_saved_query_exists_and_changes_in_place(every: Hub) -> None:
    (saved,) = every("logs", "describe_query_definitions", queryDefinitionNamePrefix="every/")["queryDefinitions"]
    assert (saved["queryString"], saved["logGroupNames"]) == ('filter level = "ERROR"', ["/every/logs"])
    body = (TEMPLATES / "every_type.yaml").read_text().replace('level = "ERROR"', 'level = "WARNING"')
    every("cloudformation", "update_stack", StackName="every", TemplateBody=body, Capabilities=CAPABILITIES)
    (changed,) = every("logs", "describe_query_definitions")["queryDefinitions"]
    assert changed["queryDefinitionId"] == saved["queryDefinitionId"]
    assert changed["queryString"] == 'filter level = "WARNING"'
    for operation in ("delete_query_definition", "put_query_definition"):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            every(
                "logs",
                operation,
                queryDefinitionId="none",
                **({"name": "n", "queryString": "q"} if "put" in operation else {}),
            )


def test_a_table_expires_items_and_a_role_has_a_boundary(every: Hub) -> None:
    expiry = every("dynamodb", "describe_time_to_live", TableName="every-table")["TimeToLiveDescription"]
    boundary = every("iam", "get_role", RoleName="every-role")["Role"]["PermissionsBoundary"]

    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    assert boundary["PermissionsBoundaryArn"] == f"arn:aws:iam::{HUB}:policy/every/every-boundary"


def test_inline_policies_are_objects_and_no_value_leaves_lists(every: Hub) -> None:
    policy = every("iam", "get_role_policy", RoleName="every-role", PolicyName="inline")
    attached = every("iam", "list_attached_role_policies", RoleName="every-role")["AttachedPolicies"]

    assert policy["PolicyDocument"]["Statement"][0]["Resource"] == f"arn:aws:sqs:*:{HUB}:*"
    assert len(attached) == 1


def test_the_tags_of_a_stack_reach_its_resources(every: Hub) -> None:
    owner = {"Key": "owner", "Value": "platform"}

    assert owner in every("iam", "list_role_tags", RoleName="every-role")["Tags"]
    arn = f"arn:aws:dynamodb:eu-west-1:{HUB}:table/every-table"
    assert owner in every("dynamodb", "list_tags_of_resource", ResourceArn=arn)["Tags"]


def test_moto_alone_leaves_out_a_bus_policy(cloud: Cloud) -> None:
    hub = Hub(cloud)
    policy = {"StatementId": "a", "Action": "events:PutEvents", "Principal": "*"}
    with pytest.warns(UserWarning, match="EventBusPolicy but it's not supported"):
        hub.create({"Policy": {"Type": "AWS::Events::EventBusPolicy", "Properties": policy}})

    assert "Policy" not in hub("events", "describe_event_bus")


def test_moto_alone_does_not_run_the_sam_transform(cloud: Cloud) -> None:
    function = {"Type": "AWS::Serverless::SimpleTable", "Properties": {}}
    with pytest.warns(UserWarning, match="AWS::Serverless"):
        Hub(cloud).create({"Table": function}, Transform="AWS::Serverless-2016-10-31")


def test_the_sam_transform_runs_with_the_parameters_given(hub: Hub) -> None:
    function = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Handler": "index.handler",
            "Runtime": "python3.13",
            "InlineCode": "def handler(event, context): return event",
            "ReservedConcurrentExecutions": {"Ref": "Slots"},
            "Policies": [{"Version": "2012-10-17", "Statement": MAY_SEND["Statement"]}],
        },
    }
    body = json.dumps(
        {
            "Transform": "AWS::Serverless-2016-10-31",
            "Parameters": {"Slots": {"Type": "Number"}},
            "Resources": {"Function": function},
        }
    )
    slots = [{"ParameterKey": "Slots", "ParameterValue": "7"}]
    hub(
        "cloudformation",
        "create_stack",
        StackName="sam",
        TemplateBody=body,
        Parameters=slots,
        Capabilities=CAPABILITIES,
    )
    created = hub("lambda", "list_functions")["Functions"][0]["FunctionName"]

    assert hub("lambda", "get_function_concurrency", FunctionName=created)["ReservedConcurrentExecutions"] == 7
    role_name = hub("iam", "list_roles")["Roles"][0]["RoleName"]
    attached = hub("iam", "list_attached_role_policies", RoleName=role_name)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AWSLambdaBasicExecutionRole"]


def test_a_template_sam_cannot_read_fails_its_change_set_with_the_cause(hub: Hub) -> None:
    body = json.dumps(
        {
            "Transform": "AWS::Serverless-2016-10-31",
            "Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "h"}}},
        }
    )
    made = hub(
        "cloudformation",
        "create_change_set",
        StackName="sam",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=body,
        Capabilities=CAPABILITIES,
    )
    change_set = hub("cloudformation", "describe_change_set", ChangeSetName=made["Id"])

    assert change_set["Status"] == "FAILED"
    assert "Resource with id [F] is invalid" in change_set["StatusReason"]


def test_an_unknown_resource_type_is_refused(hub: Hub) -> None:
    with pytest.raises(ClientError, match=r"Unrecognized resource types: \[AWS::Nowhere::Thing\]"):
        hub.create({"Thing": {"Type": "AWS::Nowhere::Thing"}})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"Parameters: \[Name\] must have values"),
        ({"Name": "x", "Other": "y"}, r"Parameters: \[Other\] do not exist in the template"),
        ({"Name": "UPPER"}, r"Parameter Name failed to satisfy constraint: Parameter must match pattern \[a-z\]\+"),
        ({"Name": "a", "Size": "huge"}, r"Parameter must be one of: \[small, large\]"),
        ({"Name": "a", "Accounts": "1,b"}, r"Parameter Accounts failed to satisfy constraint"),
    ],
)
def test_parameters_are_checked(hub: Hub, given: dict[str, str], message: str) -> None:
    slots = {
        "Name": {"Type": "String", "AllowedPattern": "[a-z]+"},
        "Size": {"Type": "String", "Default": "small", "AllowedValues": ["small", "large"]},
        "Accounts": {"Type": "CommaDelimitedList", "Default": "1,2", "AllowedPattern": "[0-9]"},
    }
    body = json.dumps({"Parameters": slots, "Resources": {"Q": queue()}})
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    with pytest.raises(ClientError, match=message):
        hub("cloudformation", "create_stack", StackName="demo", TemplateBody=body, Parameters=parameters)


def test_the_default_of_a_list_parameter_is_a_list(hub: Hub) -> None:
    body = json.dumps(
        {
            "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "one,two"}},
            "Resources": {"Q": queue({"Fn::Select": [1, {"Ref": "Names"}]})},  # type: ignore[arg-type]  # an intrinsic
        }
    )
    hub("cloudformation", "create_stack", StackName="demo", TemplateBody=body)

    assert hub.queues() == ["two"]
    assert hub.describe("demo")["Parameters"] == [{"ParameterKey": "Names", "ParameterValue": "one,two"}]


def test_named_iam_resources_need_the_named_capability(hub: Hub) -> None:
    body = json.dumps({"Resources": {"Role": role()}})
    with pytest.raises(ClientError) as refused:
        hub("cloudformation", "create_stack", StackName="a", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])

    assert refused.value.response["Error"]["Code"] == "InsufficientCapabilitiesException"
    assert refused.value.response["Error"]["Message"] == "Requires capabilities : [CAPABILITY_NAMED_IAM]"


def test_a_failing_resource_rolls_the_stack_back_and_says_why(hub: Hub) -> None:
    stack = hub.create({"Queue": queue("first"), "Role": role(ManagedPolicyArns=["arn:aws:iam::1:policy/none"])})
    events = hub("cloudformation", "describe_stack_events", StackName="demo")["StackEvents"]
    failed = next(event for event in events if event["ResourceStatus"] == "CREATE_FAILED")

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stack["StackStatusReason"].startswith("The following resource(s) failed to create: [Role].")
    assert (failed["LogicalResourceId"], failed["ResourceType"]) == ("Role", "AWS::IAM::Role")
    assert hub.queues() == []
    assert hub("iam", "list_roles")["Roles"] == []
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        hub.update({"Queue": queue("first")})


def test_on_failure_do_nothing_keeps_what_was_made(hub: Hub) -> None:
    stack = hub.create(
        {"Queue": queue("first"), "Role": role(ManagedPolicyArns=["arn:aws:iam::1:policy/none"])},
        OnFailure="DO_NOTHING",
    )

    assert stack["StackStatus"] == "CREATE_FAILED"
    assert hub.queues() == ["first"]


def test_moto_alone_leaves_half_a_stack_when_a_resource_fails(cloud: Cloud) -> None:
    hub = Hub(cloud)
    hub("iam", "create_role", RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))
    with pytest.raises(ClientError):
        hub.create({"Queue": queue("first"), "Role": role()})

    assert hub.queues() == ["first"]


def test_a_name_another_stack_holds_is_refused_with_that_stacks_name(hub: Hub) -> None:
    first = hub.create({"Role": role()}, "first")
    second = hub.create({"Role": role()}, "second")

    assert second["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"worker already exists in stack {first['StackId']}" in second["StackStatusReason"]


def test_a_change_set_makes_a_stack_with_outputs(hub: Hub) -> None:
    body = json.dumps(
        {"Resources": {"Q": queue("q")}, "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Q", "QueueName"]}}}}
    )
    made = hub(
        "cloudformation",
        "create_change_set",
        StackName="c",
        ChangeSetName="one",
        ChangeSetType="CREATE",
        TemplateBody=body,
    )
    waiting = hub.describe("c")["StackStatus"]
    hub("cloudformation", "execute_change_set", ChangeSetName=made["Id"])

    assert waiting == "REVIEW_IN_PROGRESS"
    assert hub.describe("c")["StackStatus"] == "CREATE_COMPLETE"
    assert hub.describe("c")["Outputs"] == [{"OutputKey": "Name", "OutputValue": "q"}]


def test_a_second_change_set_changes_roles_and_functions_in_place(hub: Hub) -> None:
    def resources(seconds: int, policy: str) -> dict[str, Any]:
        function = {
            "Handler": "index.handler",
            "Runtime": "python3.13",
            "Timeout": seconds,
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": f"# {seconds}"},
        }
        inline = [{"PolicyName": policy, "PolicyDocument": MAY_SEND}]
        return {"Role": role(Policies=inline), "Function": {"Type": "AWS::Lambda::Function", "Properties": function}}

    hub.create(resources(10, "old"))
    before = hub("lambda", "list_functions")["Functions"][0]
    body = json.dumps({"Resources": resources(20, "new")})
    change_set = hub(
        "cloudformation",
        "create_change_set",
        StackName="demo",
        ChangeSetName="two",
        TemplateBody=body,
        Capabilities=CAPABILITIES,
    )
    changes = hub("cloudformation", "describe_change_set", ChangeSetName=change_set["Id"])["Changes"]
    hub("cloudformation", "execute_change_set", ChangeSetName=change_set["Id"])
    after = hub("lambda", "list_functions")["Functions"][0]

    assert {change["ResourceChange"]["Action"] for change in changes} == {"Modify"}
    assert after["Timeout"] == 20
    assert after["FunctionArn"] == before["FunctionArn"]
    assert after["CodeSha256"] != before["CodeSha256"]
    assert hub("iam", "list_role_policies", RoleName="worker")["PolicyNames"] == ["new"]
    assert hub.describe()["StackStatus"] == "UPDATE_COMPLETE"


def test_a_change_set_without_changes_fails_and_says_so(hub: Hub) -> None:
    hub.create({"Queue": queue("q")})
    body = json.dumps({"Resources": {"Queue": queue("q")}})
    made = hub("cloudformation", "create_change_set", StackName="demo", ChangeSetName="same", TemplateBody=body)
    change_set = hub("cloudformation", "describe_change_set", ChangeSetName=made["Id"])

    assert (change_set["Status"], change_set["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in change_set["StatusReason"]


def test_an_update_replaces_and_removes_what_the_template_no_longer_has(hub: Hub) -> None:
    hub.create({"Renamed": queue("old"), "Gone": queue("gone"), "Kept": queue("kept", DeletionPolicy="Retain")})
    hub.update({"Renamed": queue("new")})

    assert sorted(hub.queues()) == ["kept", "new"]


def test_a_failing_update_goes_back_to_what_was(hub: Hub) -> None:
    hub.create({"Queue": queue("old"), "Role": role(Description="before")})
    stack = hub.update(
        {
            "Queue": queue("new"),
            "Role": role(Description="after"),
            "Bad": role("bad", ManagedPolicyArns=["arn:aws:iam::1:policy/none"]),
        }
    )

    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "failed to update: [Bad]" in stack["StackStatusReason"]
    assert hub.queues() == ["old"]
    assert hub("iam", "get_role", RoleName="worker")["Role"]["Description"] == "before"


def test_a_managed_policy_keeps_its_arn_and_its_newest_version_counts(hub: Hub) -> None:
    def policy(action: str) -> dict[str, Any]:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
        properties = {"ManagedPolicyName": "limits", "Path": "/quick/", "PolicyDocument": document}
        return {"Policy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}

    hub.create(policy("sqs:Action0"))
    for number in range(1, 7):  # more than the five versions IAM keeps
        hub.update(policy(f"sqs:Action{number}"))
    arn = f"arn:aws:iam::{HUB}:policy/quick/limits"
    version = hub("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = hub("iam", "get_policy_version", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

    assert document["Statement"][0]["Action"] == "sqs:Action6"


def test_deleting_a_stack_detaches_the_policies_of_its_roles_first(hub: Hub) -> None:
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": MAY_SEND}}
    inline = [{"PolicyName": "inline", "PolicyDocument": MAY_SEND}]
    managed = [{"Ref": "Policy"}, "arn:aws:iam::aws:policy/ReadOnlyAccess"]
    hub.create({"Role": role(Policies=inline, ManagedPolicyArns=managed), "Policy": policy})
    hub("cloudformation", "delete_stack", StackName="demo")

    assert hub("iam", "list_roles")["Roles"] == []
    assert hub("cloudformation", "list_stacks")["StackSummaries"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_a_policy_somebody_else_attached_makes_the_deletion_fail(hub: Hub) -> None:
    stack = hub.create({"Role": role(), "Queue": queue("q")})
    arn = hub("iam", "create_policy", PolicyName="other", PolicyDocument=json.dumps(MAY_SEND))["Policy"]["Arn"]
    hub("iam", "attach_role_policy", RoleName="worker", PolicyArn=arn)
    hub("cloudformation", "delete_stack", StackName="demo")
    half = hub.describe(stack["StackId"])
    hub("iam", "detach_role_policy", RoleName="worker", PolicyArn=arn)
    hub("cloudformation", "delete_stack", StackName="demo")

    assert half["StackStatus"] == "DELETE_FAILED"
    assert "failed to delete: [Role]" in half["StackStatusReason"]
    assert hub.queues() == []
    assert hub.describe(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_what_a_resource_that_cannot_be_deleted_needs_is_left_alone(hub: Hub) -> None:
    limit = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": MAY_SEND}}
    stack = hub.create({"Limit": limit, "Role": role(PermissionsBoundary={"Ref": "Limit"}), "Queue": queue("q")})
    hub("iam", "put_role_policy", RoleName="worker", PolicyName="other", PolicyDocument=json.dumps(MAY_SEND))
    hub("cloudformation", "delete_stack", StackName="demo")
    half, left = hub.describe(stack["StackId"]), hub("iam", "list_policies", Scope="Local")["Policies"]
    hub("iam", "delete_role_policy", RoleName="worker", PolicyName="other")
    hub("cloudformation", "delete_stack", StackName="demo")

    assert "failed to delete: [Role]" in half["StackStatusReason"]
    assert (len(left), hub.queues()) == (1, [])
    assert hub.describe(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert hub("iam", "list_policies", Scope="Local")["Policies"] == []


def test_retained_resources_outlive_their_stack(hub: Hub) -> None:
    hub.create({"Kept": queue("kept", DeletionPolicy="Retain"), "Gone": queue("gone")})
    hub("cloudformation", "delete_stack", StackName="demo")

    assert hub.queues() == ["kept"]


def test_a_stack_belongs_to_the_account_that_asked(cloud: Cloud) -> None:
    CloudFormation(cloud)
    body = json.dumps({"Resources": {"Role": role()}})
    with cloud.administering("777788889999"):
        client = cloud.client("cloudformation")
        client.create_stack(StackName="theirs", TemplateBody=body, Capabilities=CAPABILITIES)
        arn = cloud.client("iam").get_role(RoleName="worker")["Role"]["Arn"]
    with cloud.administering(HUB):
        ours = cloud.client("iam").list_roles()["Roles"]

    assert arn == "arn:aws:iam::777788889999:role/worker"
    assert ours == []


def test_circular_references_are_refused(hub: Hub) -> None:
    stack = hub.create({"A": queue(DependsOn="B"), "B": queue(DependsOn="A")})

    assert "Circular dependency between resources: [A]" in stack["StackStatusReason"]


def test_what_cannot_be_deleted_may_be_left_to_itself_but_only_after_it_was_tried(hub: Hub) -> None:
    stack = hub.create({"Role": role(), "Queue": queue("q")})
    arn = hub("iam", "create_policy", PolicyName="other", PolicyDocument=json.dumps(MAY_SEND))["Policy"]["Arn"]
    hub("iam", "attach_role_policy", RoleName="worker", PolicyArn=arn)
    with pytest.raises(ClientError, match="only when the stack is in the DELETE_FAILED state"):
        hub("cloudformation", "delete_stack", StackName="demo", RetainResources=["Role"])
    hub("cloudformation", "delete_stack", StackName="demo")
    hub("cloudformation", "delete_stack", StackName="demo", RetainResources=["Role"])

    assert hub.describe(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert [each["RoleName"] for each in hub("iam", "list_roles")["Roles"]] == ["worker"]
