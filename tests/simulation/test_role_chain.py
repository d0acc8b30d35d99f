"""The chain from Quick to the data, link by link: take any away, and Quick's answer changes to the right error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.aws.clock import VirtualClock
from sandbox.aws.services.sts import AssumeRoleRequest
from sandbox.organization import Sandbox
from tests.prototypes import directory, prototype
from tests.simulation.conftest import START, Story
from tests.simulation.sealed import PROFILE, SHARED_BUCKET, TABLE, encrypt, layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.services.quick import Answer

SHARED_TABLE = ("quick_sales", "prices")


@prototype
def chain() -> Iterator[Chain]:
    """One account connected through a profile that uses every statement of the consumer role."""
    consumer = layer(directory("consumer"))
    with Sandbox(VirtualClock(START), consumer) as world:
        world.create_organization()
        world.deploy()
        world.warm_up()
        story = Story(world)
        account_id = story.member()
        encrypt(world, account_id)
        world.quick.seed_lake(account_id, *SHARED_TABLE, SHARED_BUCKET)
        world.tag(account_id, PROFILE)
        story.run()
        assert story.status(account_id, PROFILE) == "connected"
        world.iam.settle()
        yield Chain(story, account_id)


class Chain:
    """The connected account, and the few things tests do to its roles."""

    def __init__(self, story: Story, account_id: str) -> None:
        self.story, self.world, self.account_id = story, story.world, account_id
        self.hub = self.world.cloud.topology.hub
        self.role = story.role(account_id, PROFILE)
        self.data_source = f"arn:aws:quicksight:eu-west-1:{self.hub}:datasource/quick-athena-{account_id}-{PROFILE}"

    def iam(self, account_id: str) -> Any:
        """IAM as an administrator of an account."""
        return self.world.boto3_session(account_id).client("iam")

    def query(self, table: tuple[str, str] = TABLE) -> Answer:
        """What Quick answers now, with IAM settled."""
        self.world.iam.settle()
        return self.world.quick.query(f"quick-athena-{self.account_id}-{PROFILE}", *table)

    def session(self, role_arn: str) -> Any:
        """STS as a session of a role in the hub, made the way Quick makes the run-as role's."""
        source = {"aws:SourceAccount": self.hub, "aws:SourceArn": self.data_source}
        session = self.world.sts.as_service("quicksight.amazonaws.com", AssumeRoleRequest(role_arn, context=source))
        return self.world.client_of(session, "sts")

    def may_assume(self, sts: Any, external_id: str | None) -> bool:
        """Whether a session reaches the consumer role with this ExternalId."""
        extra = {"ExternalId": external_id} if external_id else {}
        try:
            sts.assume_role(RoleArn=self.role, RoleSessionName="test", **extra)
        except sts.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True


def test_the_whole_chain_answers_and_the_owner_pays(chain: Chain) -> None:
    answer = chain.query()
    assert answer.allowed, answer.message
    assert answer.account == chain.account_id


def test_run_as_role_reaches_consumer_role_with_the_data_sources_arn_and_with_nothing_else(chain: Chain) -> None:
    sts = chain.session(chain.world.outputs["RunAsRoleArn"])
    another = chain.data_source.replace(chain.account_id, "222233334444")
    assert chain.may_assume(sts, chain.data_source)
    assert not chain.may_assume(sts, None)
    assert not chain.may_assume(sts, another)
    assert not chain.may_assume(sts, chain.data_source + "x")


def test_another_role_of_the_hub_does_not_reach_consumer_role_whatever_it_may(chain: Chain) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "quicksight.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam = chain.iam(chain.hub)
    arn = iam.create_role(RoleName="nosy", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="nosy", PolicyName="all", PolicyDocument=json.dumps(everything))
    chain.world.iam.settle()
    assert not chain.may_assume(chain.session(arn), chain.data_source)


def test_an_administrator_of_the_hub_does_not_reach_consumer_role(chain: Chain) -> None:
    sts = chain.world.boto3_session(chain.hub).client("sts")
    assert not chain.may_assume(sts, chain.data_source)


# What the one function that may deploy to other accounts can't deploy, whoever holds its role.

TOPIC = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
MARKED = [
    {"Key": "managed-by", "Value": "quick-onboarding"},
    {"Key": "quick-onboarding:deployment", "Value": "default"},
]
DELEGATED = {"CallAs": "DELEGATED_ADMIN"}


def _as_the_function_that_deploys(chain: Chain) -> tuple[Any, Any]:
    """CloudFormation in the hub's Region and in another, as AdvanceOperation's role."""
    roles = chain.iam(chain.hub).list_roles(MaxItems=1000)["Roles"]
    (role,) = [each["Arn"] for each in roles if "AdvanceOperation" in each["RoleName"]]
    session = chain.world.sts.as_service("lambda.amazonaws.com", AssumeRoleRequest(role, "attack"))
    credentials: Any = session.credentials()
    here, elsewhere = (boto3.Session(region_name=region, **credentials) for region in ("eu-west-1", "us-east-1"))
    return here.client("cloudformation"), elsewhere.client("cloudformation")


def _refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given, **DELEGATED)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    return str(caught.value)


def test_the_function_that_deploys_makes_nothing_else_and_nowhere_else(chain: Chain) -> None:
    here, elsewhere = _as_the_function_that_deploys(chain)
    evil: Any = {
        "StackSetName": "quick-athena-evil",
        "TemplateBody": json.dumps(TOPIC),
        "PermissionModel": "SERVICE_MANAGED",
    }
    service_managed: Any = {**evil, "AutoDeployment": {"Enabled": False}, "ManagedExecution": {"Active": True}}
    assert "CreateStackSet on resource: *" in _refused(here.create_stack_set, **service_managed)
    others = {**service_managed, "StackSetName": "baseline", "Tags": MARKED}
    assert "cloudformation:TagResource" in _refused(here.create_stack_set, **others)
    assert "CreateStackSet on resource: *" in _refused(elsewhere.create_stack_set, **service_managed, Tags=MARKED)

    here.create_stack_set(
        **service_managed, Tags=MARKED, **DELEGATED
    )  # its name and mark are ours: the sweep's to report
    targets: Any = {"OrganizationalUnitIds": [chain.world.organizations.root_id], "Accounts": [chain.account_id]}
    there: Any = {
        "StackSetName": "quick-athena-evil",
        "DeploymentTargets": {**targets, "AccountFilterType": "INTERSECTION"},
    }
    assert "type/resource/AWS-SNS-Topic" in _refused(here.create_stack_instances, **there, Regions=["eu-west-1"])
    both = _refused(here.create_stack_instances, **there, Regions=["eu-west-1", "us-east-1"])
    assert "cloudformation:CreateStackInstances on resource: " in both


# What Quick says when a statement of the consumer role is taken away: the action it then lacks.
STATEMENTS = {
    "AthenaWithoutResourceTypes": "athena:ListDataCatalogs",
    "AthenaWorkGroup": "athena:",
    "AthenaCatalog": "athena:",
    "GlueCatalog": "glue:GetDatabases",
    "GlueReadsThroughTheCatalog": "glue:Get",
    "GlueDefaultDatabase": "glue:GetDatabase",
    "GlueDatabases": "glue:Get",
    "DataBuckets": "s3:ListBucket",
    "DataObjects": "s3:GetObject",
    "OwnDataBuckets": "s3:ListBucket",
    "OwnDataObjects": "s3:GetObject",
    "ResultsBucket": "s3:",
    "ResultsObjects": "s3:",
    "KmsKeysThroughS3": "kms:Decrypt",
    "LakeFormation": "lakeformation:GetDataAccess",
}


def test_every_statement_of_consumer_role_is_tried(chain: Chain) -> None:
    assert {statement["Sid"] for statement in _policy(chain)["Statement"]} == set(STATEMENTS)


def _policy(chain: Chain) -> Any:
    return chain.iam(chain.account_id).get_role_policy(RoleName=f"quick-athena-{PROFILE}", PolicyName="query-athena")[
        "PolicyDocument"
    ]


@pytest.mark.parametrize("sid", STATEMENTS)
def test_without_a_statement_of_consumer_role_quick_is_refused(chain: Chain, sid: str) -> None:
    policy = _policy(chain)
    less = {**policy, "Statement": [statement for statement in policy["Statement"] if statement["Sid"] != sid]}
    name = {"RoleName": f"quick-athena-{PROFILE}", "PolicyName": "query-athena"}
    iam = chain.iam(chain.account_id)
    if sid == "LakeFormation":  # it lends credentials for what it governs: then buckets and keys are not asked
        chain.world.quick.lake_formation_locations.add(f"arn:aws:s3:::quick-data-{chain.account_id}")
    table = SHARED_TABLE if sid in ("DataBuckets", "DataObjects") else TABLE
    iam.put_role_policy(**name, PolicyDocument=json.dumps(less))
    answer = chain.query(table)
    iam.put_role_policy(**name, PolicyDocument=json.dumps(policy))
    chain.world.quick.lake_formation_locations.clear()
    assert (answer.allowed, answer.error_type) == (False, "ACCESS_DENIED")
    assert STATEMENTS[sid] in answer.message
    assert chain.query(table).allowed


def test_without_the_consumer_roles_trust_quick_is_refused(chain: Chain) -> None:
    name, iam = f"quick-athena-{PROFILE}", chain.iam(chain.account_id)
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    narrowed = json.loads(json.dumps(trust).replace("role/quick-athena-run-as", "role/somebody-else"))
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(narrowed))
    answer = chain.query()
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    assert answer.error_type == "ACCESS_DENIED"
    assert f"sts:AssumeRole on resource: {chain.role}" in answer.message
    assert chain.query().allowed


def test_without_the_access_entry_quick_is_refused(chain: Chain) -> None:
    iam = chain.iam(chain.hub)
    (shard,) = iam.list_attached_role_policies(RoleName="quick-athena-run-as")["AttachedPolicies"]
    iam.detach_role_policy(RoleName="quick-athena-run-as", PolicyArn=shard["PolicyArn"])
    answer = chain.query()
    iam.attach_role_policy(RoleName="quick-athena-run-as", PolicyArn=shard["PolicyArn"])
    assert answer.error_type == "ACCESS_DENIED"
    assert f"sts:AssumeRole on resource: {chain.role}" in answer.message
    assert chain.query().allowed


@pytest.mark.parametrize("key", ["aws:SourceAccount", "aws:SourceArn"])
def test_run_as_role_trust_is_for_quick_on_behalf_of_this_account_only(chain: Chain, key: str) -> None:
    source = {"aws:SourceAccount": chain.hub, "aws:SourceArn": chain.data_source}
    outsider = {**source, key: source[key].replace(chain.hub, "999988887777")}
    with pytest.raises(Exception, match="sts:AssumeRole"):
        chain.world.sts.as_service(
            "quicksight.amazonaws.com", AssumeRoleRequest(chain.world.outputs["RunAsRoleArn"], context=outsider)
        )


@pytest.mark.parametrize("which", ["run-as", "consumer"])
def test_without_what_its_boundary_allows_a_role_is_worth_nothing(chain: Chain, which: str) -> None:
    account, role = (
        (chain.hub, "quick-athena-run-as") if which == "run-as" else (chain.account_id, f"quick-athena-{PROFILE}")
    )
    iam = chain.iam(account)
    boundary = iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    nothing = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"}],
    }
    other = iam.create_policy(PolicyName=f"nothing-{which}", PolicyDocument=json.dumps(nothing))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=other)
    answer = chain.query()
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=boundary)
    assert answer.error_type == "ACCESS_DENIED"
    assert chain.query().allowed
