"""Every role's call is checked: the right action, on the right resource, with the right condition keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.gateway import Call
from sandbox.aws.permissions import Permissions
from sandbox.aws.permissions.table import NEEDS
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.organizations import Organizations
from sandbox.aws.services.quick import Quick
from sandbox.aws.services.sts import Sts
from tests.integration.sandbox.roles import (
    HUB,
    Statement,
    acting,
    allow,
    code,
    create_role,
    document,
    message,
    put,
    role_arn,
    wait,
)

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

REGION, MANAGEMENT, MEMBER = "eu-west-1", "111122223333", "777788889999"
QUEUE = f"arn:aws:sqs:{REGION}:{HUB}:dead"
SCHEDULE = f"arn:aws:scheduler:{REGION}:{HUB}:schedule/default/sweep"
TABLE = f"arn:aws:dynamodb:{REGION}:{HUB}:table/registry"
POLICY = f"arn:aws:iam::{HUB}:policy/quick-athena/shard"
SOURCE = f"arn:aws:quicksight:{REGION}:{HUB}:datasource/sales"
STACK_SET = f"arn:aws:cloudformation:{REGION}:{MANAGEMENT}:stackset/set:*"
STACK_SETS = [STACK_SET, STACK_SET.replace(MANAGEMENT, HUB)]  # nobody says which of the two is checked
TARGETS = [
    f"arn:aws:cloudformation:{region}:{owner}:stackset-target/set:*/r-ab12"
    for owner in (MANAGEMENT, HUB)
    for region in (REGION, "")
]
TYPES = [f"arn:aws:cloudformation:{REGION}:{owner}:type/resource/AWS-IAM-Role" for owner in ("", MANAGEMENT, HUB)]
CALL_AS: Any = {"CallAs": "DELEGATED_ADMIN"}
TAGS: Any = [{"Key": "managed-by", "Value": "us"}]
ATHENA: Any = {"AthenaParameters": {"RoleArn": role_arn("role-a")}}


@pytest.fixture
def iam(cloud: Cloud) -> Iam:
    Organizations(cloud).create_organization()
    iam = Iam(cloud)
    Permissions(cloud, iam)
    return iam


def needs(cloud: Cloud, service: str, operation: str, **parameters: Any) -> list[tuple[str, str]]:
    """Actions and resources a call of the hub's needs."""
    call = Call(service, operation, REGION, cloud.identities.administrator(HUB), parameters)
    return [(need.action, need.resource) for need in NEEDS[service, operation](call)]


ROWS: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    (
        "organizations",
        "DescribeAccount",
        {"AccountId": MEMBER},
        [("organizations:DescribeAccount", f"arn:aws:organizations::{MANAGEMENT}:account/o-exampleorg/{MEMBER}")],
    ),
    (
        "organizations",
        "ListTagsForResource",
        {"ResourceId": "ou-ab12-one"},
        [
            (
                "organizations:ListTagsForResource",
                f"arn:aws:organizations::{MANAGEMENT}:ou/o-exampleorg/ou-ab12-one",
            )
        ],
    ),
    ("organizations", "ListAccounts", {}, [("organizations:ListAccounts", "*")]),
    (
        "cloudformation",
        "CreateStackSet",
        {"StackSetName": "set", "Tags": TAGS, **CALL_AS},
        [("cloudformation:CreateStackSet", "*"), *(("cloudformation:TagResource", arn) for arn in STACK_SETS)],
    ),
    (
        "cloudformation",
        "DescribeStackSet",
        {"StackSetName": "set"},
        [("cloudformation:DescribeStackSet", f"arn:aws:cloudformation:{REGION}:{HUB}:stackset/set:*")],
    ),
    (
        "cloudformation",
        "CreateStackInstances",
        {"StackSetName": "set", "DeploymentTargets": {"OrganizationalUnitIds": ["r-ab12"]}, **CALL_AS},
        [("cloudformation:CreateStackInstances", arn) for arn in (*STACK_SETS, *TARGETS, *TYPES)],
    ),
    (
        "cloudformation",
        "DeleteStackInstances",
        {"StackSetName": "set", "DeploymentTargets": {"OrganizationalUnitIds": ["r-ab12"]}, **CALL_AS},
        [("cloudformation:DeleteStackInstances", arn) for arn in (*STACK_SETS, *TARGETS, *TYPES)],
    ),
    (
        "cloudformation",
        "DetectStackSetDrift",
        {"StackSetName": "set", **CALL_AS},
        [("cloudformation:DetectStackSetDrift", arn) for arn in STACK_SETS],
    ),
    (
        "cloudformation",
        "ListStackInstanceResourceDrifts",
        {"StackSetName": "set", **CALL_AS},
        [("cloudformation:ListStackInstanceResourceDrifts", arn) for arn in STACK_SETS],
    ),
    (
        "cloudformation",
        "StopStackSetOperation",
        {"StackSetName": "set", "OperationId": "one", **CALL_AS},
        [("cloudformation:StopStackSetOperation", arn) for arn in STACK_SETS],
    ),
    ("cloudformation", "ListStackSets", CALL_AS, [("cloudformation:ListStackSets", "*")]),
    (
        "iam",
        "CreatePolicy",
        {"PolicyName": "shard", "Path": "/quick-athena/", "PolicyDocument": "{}", "Tags": TAGS},
        [("iam:CreatePolicy", POLICY), ("iam:TagPolicy", POLICY)],
    ),
    ("iam", "GetPolicyVersion", {"PolicyArn": POLICY, "VersionId": "v1"}, [("iam:GetPolicyVersion", POLICY)]),
    ("iam", "AttachRolePolicy", {"RoleName": "a", "PolicyArn": POLICY}, [("iam:AttachRolePolicy", role_arn("a"))]),
    (
        "quicksight",
        "CreateDataSource",
        {"DataSourceId": "sales", "Tags": TAGS, "DataSourceParameters": ATHENA},
        [
            ("quicksight:CreateDataSource", "*"),
            ("quicksight:TagResource", SOURCE),
            ("iam:PassRole", role_arn("role-a")),
        ],
    ),
    ("quicksight", "UpdateDataSource", {"DataSourceId": "sales"}, [("quicksight:UpdateDataSource", SOURCE)]),
    (
        "quicksight",
        "DescribeGroup",
        {"Namespace": "default", "GroupName": "authors"},
        [("quicksight:DescribeGroup", f"arn:aws:quicksight:{REGION}:{HUB}:group/default/authors")],
    ),
    ("dynamodb", "Query", {"TableName": "registry", "KeyConditionExpression": "pk = :a"}, [("dynamodb:Query", TABLE)]),
    (
        "dynamodb",
        "TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": "registry", "Item": {}}}, {"ConditionCheck": {"TableName": TABLE}}]},
        [("dynamodb:PutItem", TABLE), ("dynamodb:ConditionCheckItem", TABLE)],
    ),
    (
        "lambda",
        "Invoke",
        {"FunctionName": "assess"},
        [("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{HUB}:function:assess")],
    ),
    (
        "events",
        "PutEvents",
        {"Entries": [{"EventBusName": "hub"}]},
        [("events:PutEvents", f"arn:aws:events:{REGION}:{HUB}:event-bus/hub")],
    ),
    ("sqs", "GetQueueUrl", {"QueueName": "dead"}, [("sqs:GetQueueUrl", QUEUE)]),
    (
        "sqs",
        "StartMessageMoveTask",
        {"SourceArn": QUEUE},
        [
            (f"sqs:{name}", QUEUE)
            for name in ("StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        ],
    ),
    ("sqs", "ListMessageMoveTasks", {"SourceArn": QUEUE}, [("sqs:ListMessageMoveTasks", QUEUE)]),
    ("sns", "Publish", {"TopicArn": "arn:aws:sns:a:b:c"}, [("sns:Publish", "arn:aws:sns:a:b:c")]),
    ("cloudwatch", "PutMetricData", {"Namespace": "Tests"}, [("cloudwatch:PutMetricData", "*")]),
    (
        "cloudwatch",
        "SetAlarmState",
        {"AlarmName": "failures"},
        [("cloudwatch:SetAlarmState", f"arn:aws:cloudwatch:{REGION}:{HUB}:alarm:failures")],
    ),
    ("scheduler", "DeleteSchedule", {"Name": "sweep"}, [("scheduler:DeleteSchedule", SCHEDULE)]),
    (
        "scheduler",
        "CreateSchedule",
        {"Name": "sweep", "Target": {"RoleArn": role_arn("sweeping")}},
        [("scheduler:CreateSchedule", SCHEDULE), ("iam:PassRole", role_arn("sweeping"))],
    ),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "wanted"), ROWS, ids=[row[1] for row in ROWS])
def test_an_operation_needs_these_actions_on_these_resources(
    cloud: Cloud, iam: Iam, service: str, operation: str, parameters: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    assert iam
    if "ExpressionAttributeValues" not in parameters and operation == "Query":
        parameters = {**parameters, "ExpressionAttributeValues": {":a": {"S": "x"}}}
    assert needs(cloud, service, operation, **parameters) == wanted


def test_a_role_may_do_what_its_policy_allows_and_the_refusal_names_the_rest(cloud: Cloud, iam: Iam) -> None:
    with acting(cloud, iam, allow("iam:GetRole", role_arn("worker"))) as session:
        client = cloud.client("iam")
        assert client.get_role(RoleName="worker")["Role"]
        with pytest.raises(ClientError) as caught:
            client.list_attached_role_policies(RoleName="worker")
    action = "iam:ListAttachedRolePolicies"
    assert code(caught) == "AccessDenied"
    assert message(caught) == (
        f"User: {session.principal.arn} is not authorized to perform: {action} on resource: {role_arn('worker')}"
        f" because no identity-based policy allows the {action} action"
    )


def test_a_boundary_limits_what_a_policy_allows(cloud: Cloud, iam: Iam) -> None:
    with cloud.administering(HUB):
        bound = cloud.client("iam").create_policy(PolicyName="b", PolicyDocument=document(allow("sts:*")))["Policy"]
    with acting(cloud, iam, allow("iam:*")):
        with cloud.administering(HUB):
            cloud.client("iam").put_role_permissions_boundary(RoleName="worker", PermissionsBoundary=bound["Arn"])
        wait(cloud, 8)
        with pytest.raises(ClientError) as caught:
            cloud.client("iam").get_account_summary()
    assert "because no permissions boundary allows the iam:GetAccountSummary action" in message(caught)


def test_a_permission_just_granted_is_not_in_force_yet(cloud: Cloud, iam: Iam) -> None:
    with acting(cloud, iam, allow("s3:GetObject")):
        put(cloud, "worker", allow("iam:GetAccountSummary"))
        with pytest.raises(ClientError):
            cloud.client("iam").get_account_summary()
        wait(cloud, 8)
        assert cloud.client("iam").get_account_summary()["SummaryMap"]


def test_an_administrator_is_not_asked(cloud: Cloud, iam: Iam) -> None:
    assert iam
    with cloud.administering(HUB):
        assert cloud.client("iam").list_users()["Users"] == []


def test_a_roles_call_nobody_described_is_our_fault_and_no_pass(cloud: Cloud, iam: Iam) -> None:
    with (
        acting(cloud, iam, allow("*")),
        pytest.raises(RuntimeError, match=r"describes no iam:ListUsers, called by arn:\S+:role/worker"),
    ):
        cloud.client("iam").list_users()


def test_permission_is_asked_before_anything_else(cloud: Cloud, iam: Iam) -> None:
    with acting(cloud, iam, allow("s3:GetObject")), pytest.raises(ClientError) as caught:
        cloud.client("iam").create_policy(PolicyName="p", PolicyDocument="no policy")
    assert code(caught) == "AccessDenied"


def test_the_call_log_says_who_did_what_to_which_resource(cloud: Cloud, iam: Iam) -> None:
    with acting(cloud, iam, allow("s3:GetObject")), pytest.raises(ClientError):
        cloud.client("iam").get_role(RoleName="worker")
    (entry,) = cloud.gateway.log.of("GetRole")
    assert (entry.role, entry.resource, entry.outcome) == (role_arn("worker"), role_arn("worker"), "AccessDenied")


# --- condition keys ------------------------------------------------------------------------------------


def attach(cloud: Cloud, name: str) -> None:
    arn = f"arn:aws:iam::{HUB}:policy/{name}"
    cloud.client("iam").attach_role_policy(RoleName="run-as", PolicyArn=arn)


def test_only_our_policies_may_be_attached(cloud: Cloud, iam: Iam) -> None:
    create_role(cloud, "run-as")
    with cloud.administering(HUB):
        for name in ("ours-1", "theirs"):
            cloud.client("iam").create_policy(PolicyName=name, PolicyDocument=document(allow("sts:AssumeRole")))
    ours = {"iam:PolicyARN": f"arn:aws:iam::{HUB}:policy/ours-*"}
    with acting(cloud, iam, allow("iam:AttachRolePolicy", role_arn("run-as"), ArnLike=ours)):
        attach(cloud, "ours-1")
        with pytest.raises(ClientError) as caught:
            attach(cloud, "theirs")
    assert code(caught) == "AccessDenied"


def leading(pattern: str) -> Statement:
    keys = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": pattern}, "Null": {"dynamodb:LeadingKeys": "false"}}
    return allow(["dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"], TABLE, **keys)


@pytest.fixture
def table(cloud: Cloud) -> str:
    with cloud.administering(HUB):
        cloud.client("dynamodb").create_table(
            TableName="registry",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
    return "registry"


def requests(table: str, key: str) -> list[tuple[str, dict[str, Any]]]:
    """One call of each kind that names a partition key."""
    item = {"pk": {"S": key}, "sk": {"S": "claim"}}
    value = {":key": {"S": key}, ":start": {"S": "c"}}
    named: dict[str, Any] = {"ExpressionAttributeNames": {"#p": "pk"}, "ExpressionAttributeValues": value}
    return [
        ("put_item", {"TableName": table, "Item": item}),
        ("get_item", {"TableName": table, "Key": item}),
        ("update_item", {"TableName": table, "Key": item, "UpdateExpression": "REMOVE requeue_requested"}),
        ("query", {"TableName": table, "KeyConditionExpression": "#p = :key AND begins_with(sk, :start)", **named}),
        (
            "query",
            {
                "TableName": table,
                "KeyConditionExpression": "begins_with(sk, :start) AND pk = :key",
                "ExpressionAttributeValues": value,
            },
        ),
    ]


def test_a_role_reaches_only_the_items_of_its_partition_keys(cloud: Cloud, iam: Iam, table: str) -> None:
    with acting(cloud, iam, leading("account#*")):
        client = cloud.client("dynamodb")
        for operation, request in requests(table, "account#1"):
            getattr(client, operation)(**request)
        codes = []
        for operation, request in requests(table, "access"):
            with pytest.raises(ClientError) as caught:
                getattr(client, operation)(**request)
            codes.append(code(caught))
    assert codes == ["AccessDeniedException"] * 5


@pytest.fixture
def quick(cloud: Cloud, iam: Iam) -> Quick:
    create_role(cloud, "role-a")
    return Quick(cloud, Sts(cloud, iam), iam)


CREATING = [
    allow("quicksight:CreateDataSource", "*", StringEquals={"aws:RequestTag/managed-by": "us"}),
    allow("quicksight:TagResource", SOURCE),
    allow("iam:PassRole", role_arn("role-a"), StringEquals={"iam:PassedToService": "quicksight.amazonaws.com"}),
]


def create_data_source(cloud: Cloud, tags: Any = TAGS) -> None:
    cloud.client("quicksight").create_data_source(
        AwsAccountId=HUB, DataSourceId="sales", Name="sales", Type="ATHENA", DataSourceParameters=ATHENA, Tags=tags
    )


@pytest.mark.parametrize(
    ("taken", "action"), [(0, "quicksight:CreateDataSource"), (1, "quicksight:TagResource"), (2, "iam:PassRole")]
)
def test_creating_a_data_source_needs_each_of_three_permissions(
    cloud: Cloud, iam: Iam, quick: Quick, taken: int, action: str
) -> None:
    quick.refuses_as = "ACCESS_DENIED"  # the roles of this test are nobody's; only the request is asked about
    statements = [each for number, each in enumerate(CREATING) if number != taken]
    with acting(cloud, iam, *statements):
        with pytest.raises(ClientError) as caught:
            create_data_source(cloud)
        assert f"is not authorized to perform: {action} on resource: " in message(caught)
        put(cloud, "worker", *CREATING)
        wait(cloud, 8)
        create_data_source(cloud)


def test_a_data_source_without_the_mark_is_refused(cloud: Cloud, iam: Iam, quick: Quick) -> None:
    assert quick
    with acting(cloud, iam, *CREATING), pytest.raises(ClientError) as caught:
        create_data_source(cloud, [{"Key": "managed-by", "Value": "them"}])
    assert "perform: quicksight:CreateDataSource on resource: *" in message(caught)


def test_a_policys_own_tags_are_known(cloud: Cloud, iam: Iam) -> None:
    with cloud.administering(HUB):
        for name, mark in (("ours", "us"), ("theirs", "them")):
            tags: Any = [{"Key": "managed-by", "Value": mark}]
            cloud.client("iam").create_policy(PolicyName=name, PolicyDocument=document(allow("s3:*")), Tags=tags)
    with acting(cloud, iam, allow("iam:GetPolicy", "*", StringEquals={"aws:ResourceTag/managed-by": "us"})):
        assert cloud.client("iam").get_policy(PolicyArn=f"arn:aws:iam::{HUB}:policy/ours")["Policy"]
        with pytest.raises(ClientError):
            cloud.client("iam").get_policy(PolicyArn=f"arn:aws:iam::{HUB}:policy/theirs")


def test_the_organization_and_the_region_of_a_call_are_known(cloud: Cloud, iam: Iam) -> None:
    here = {"aws:PrincipalOrgID": "o-exampleorg", "aws:RequestedRegion": REGION}
    with acting(cloud, iam, allow("dynamodb:GetItem", TABLE, StringEquals=here)):
        request: Any = {"TableName": "registry", "Key": {"pk": {"S": "x"}}}
        with pytest.raises(ClientError) as allowed:
            cloud.client("dynamodb").get_item(**request)
        with pytest.raises(ClientError) as refused:
            cloud.client("dynamodb", "us-east-1").get_item(**request)
    assert (code(allowed), code(refused)) == ("ResourceNotFoundException", "AccessDeniedException")


def test_a_delegated_administrator_must_be_able_to_look_that_up(cloud: Cloud, iam: Iam) -> None:
    with acting(cloud, iam, allow("cloudformation:*")), pytest.raises(ClientError) as caught:
        cloud.client("cloudformation").describe_stack_set(StackSetName="set", **CALL_AS)
    assert (code(caught), message(caught)) == ("ValidationError", "Account used is not a delegated administrator")
