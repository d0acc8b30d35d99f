"""Amazon Quick as AWS has it: it takes time, and believes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.integration.sandbox.quick_setup import (
    GROUP,
    OWN,
    REGION,
    ROLE_IN_A,
    SOURCE,
    VIEW,
    World,
    consumer_statements,
    error,
    make_world,
)
from tests.integration.sandbox.roles import (
    HUB,
    allow,
    code,
    document,
    put,
    role_arn,
    trusting,
    wait,
)

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

IN_TEST = ["athena:ListDataCatalogs", "athena:GetWorkGroup", "athena:GetDataCatalog", "glue:GetDatabases"]
IN_TEST += ["s3:GetBucketLocation", "s3:PutObject"]
IN_QUERY = ["glue:GetDatabase", "s3:ListBucket", "s3:GetObject"]


@pytest.fixture
def world(cloud: Cloud) -> World:
    return make_world(cloud)


# --- creation takes time, and is tested --------------------------------------------------------------


def test_a_creation_is_in_progress_before_it_is_successful(world: World) -> None:
    answer = world.create()
    wait(world.cloud, 5)
    during = world.described()["Status"]
    wait(world.cloud, 1)
    assert (answer["CreationStatus"], during) == ("CREATION_IN_PROGRESS", "CREATION_IN_PROGRESS")
    assert world.described()["Status"] == "CREATION_SUCCESSFUL"


def test_moto_alone_still_succeeds_at_once_and_overwrites() -> None:
    with mock_aws():
        alone = boto3.client("quicksight", REGION, aws_access_key_id="a", aws_secret_access_key="b")
        request: Any = {"AwsAccountId": "123456789012", "DataSourceId": "x", "Name": "x", "Type": "ATHENA"}
        assert alone.create_data_source(**request)["CreationStatus"] == "CREATION_SUCCESSFUL"
        alone.create_data_source(**request)


@pytest.mark.parametrize("taken", IN_TEST)
def test_without_one_statement_of_the_consumer_role_the_creation_fails_naming_it(world: World, taken: str) -> None:
    statements = consumer_statements(world.account)
    del statements[taken]
    world.change_consumer(**statements)
    status, error_type, text = world.outcome()
    assert (status, error_type) == ("CREATION_FAILED", "ACCESS_DENIED")
    assert f"is not authorized to perform: {taken} on resource: " in text
    assert f"because no identity-based policy allows the {taken} action" in text


@pytest.mark.parametrize("taken", IN_TEST + IN_QUERY)
def test_without_one_statement_of_the_consumer_run_as_role_query_fails_naming_it(world: World, taken: str) -> None:
    world.outcome()
    statements = consumer_statements(world.account)
    del statements[taken]
    world.change_consumer(**statements)
    answer = world.quick.query("sales", "lake", "orders")
    assert (answer.allowed, answer.error_type) == (False, "ACCESS_DENIED")
    assert ":assumed-role/role-b/QuickSight-RoleSession-" in answer.message
    assert f"is not authorized to perform: {taken} on resource: " in answer.message


def test_the_default_database_is_asked_for_whatever_is_queried(world: World) -> None:
    statements = consumer_statements(world.account)
    del statements["default database"]
    world.change_consumer(**statements)
    status, error_type, text = world.outcome()
    assert (status, error_type) == ("CREATION_FAILED", "ACCESS_DENIED")
    assert f"glue:GetDatabase on resource: arn:aws:glue:eu-west-1:{world.account}:database/default" in text


def test_a_query_through_the_whole_chain_is_answered_and_billed_to_the_consumer(world: World) -> None:
    world.outcome()
    answer = world.quick.query("sales", "lake", "orders")
    assert (answer.allowed, answer.account, answer.work_group) == (True, world.account, "quick")
    assert (answer.location, answer.columns) == ("s3://quick-data/lake/orders/", ("id", "amount", "day"))


# --- the chain of roles --------------------------------------------------------------------------------


def refused(world: World, who: str, arn: str) -> None:
    status, error_type, text = world.outcome()
    assert (status, error_type) == ("CREATION_FAILED", "ACCESS_DENIED")
    assert who in text
    assert text.endswith(f"is not authorized to perform: sts:AssumeRole on resource: {arn}")


def retrust(world: World, name: str, trust: str, account: str = HUB) -> None:
    with world.cloud.administering(account):
        world.cloud.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    world.iam.settle()


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringEquals": {"aws:SourceAccount": "123412341234"}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:quicksight:*:{HUB}:datasource/another"}},
    ],
)
def test_run_as_role_must_trust_quick_for_this_source(world: World, conditions: dict[str, Any]) -> None:
    retrust(world, "role-a", trusting({"Service": "quicksight.amazonaws.com"}, **conditions))
    refused(world, "quicksight.amazonaws.com", ROLE_IN_A)


def break_chain(world: World) -> None:
    """The run-as role may assume another role only."""
    put(world.cloud, "role-a", allow("sts:AssumeRole", role_arn("another", world.account)))
    world.iam.settle()


def test_run_as_role_must_be_allowed_to_assume_consumer_role(world: World) -> None:
    break_chain(world)
    refused(world, f"{HUB}:assumed-role/role-a/QuickSight-RoleSession-", role_arn("role-b", world.account))


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEquals", "sts:ExternalId", SOURCE + "-x"),
        ("StringEquals", "aws:PrincipalOrgID", "o-outsider"),
        ("ArnEquals", "aws:PrincipalArn", role_arn("role-x")),
    ],
)
def test_consumer_role_must_trust_run_as_role_for_this_data_source(
    world: World, operator: str, key: str, value: str
) -> None:
    trust = trusting({"AWS": f"arn:aws:iam::{HUB}:root"}, **{operator: {key: value}})
    retrust(world, "role-b", trust, world.account)
    refused(world, f"{HUB}:assumed-role/role-a/", role_arn("role-b", world.account))


def test_the_external_id_is_the_arn_of_the_data_source(world: World) -> None:
    world.create("other")
    wait(world.cloud, 6)
    assert world.described("other")["Status"] == "CREATION_FAILED"


def test_quicks_session_policy_lets_run_as_role_reach_the_one_consumer_role_only(world: World) -> None:
    world.outcome()
    sessions = [each for each in world.cloud.identities._sessions.values() if each.principal.arn == ROLE_IN_A]
    (policy,) = sessions[-1].session_policies
    assert policy["Statement"] == [allow("sts:AssumeRole", role_arn("role-b", world.account))]


def test_without_a_consumer_role_quick_queries_as_run_as_role_in_its_own_account(world: World) -> None:
    world.create(DataSourceParameters={"AthenaParameters": {"WorkGroup": "quick", "RoleArn": ROLE_IN_A}})
    wait(world.cloud, 6)
    assert (
        f"athena:GetWorkGroup on resource: arn:aws:athena:{REGION}:{HUB}:" in world.described()["ErrorInfo"]["Message"]
    )


def _with_consumer(world: World) -> dict[str, Any]:
    consumer = role_arn("role-b", world.account)
    return {"AthenaParameters": {"WorkGroup": "quick", "RoleArn": ROLE_IN_A, "ConsumerAccountRoleArn": consumer}}


def test_revoking_run_as_role_permission_ends_queries_when_iam_has_spread_it(world: World) -> None:
    world.outcome()
    put(world.cloud, "role-a", allow("sts:AssumeRole", role_arn("another", world.account)))
    at_once = world.quick.query("sales", "lake", "orders")
    wait(world.cloud, 8)
    assert (at_once.allowed, world.quick.query("sales", "lake", "orders").allowed) == (True, False)


# --- what a query meets -----------------------------------------------------------------------------------


def test_a_missing_workgroup_is_no_question_of_permissions(world: World) -> None:
    world.change_consumer(**consumer_statements(world.account), all=allow("athena:*"))
    athena = {**_with_consumer(world)["AthenaParameters"], "WorkGroup": "gone"}
    world.create(DataSourceParameters={"AthenaParameters": athena})
    wait(world.cloud, 6)
    info = {"Type": "GENERIC_SQL_FAILURE", "Message": "WorkGroup gone is not found."}
    assert world.described()["ErrorInfo"] == info


def test_the_primary_workgroup_exists_and_has_no_place_for_results(world: World) -> None:
    world.change_consumer(**consumer_statements(world.account), all=allow("athena:*"))
    athena = {key: value for key, value in _with_consumer(world)["AthenaParameters"].items() if key != "WorkGroup"}
    world.create(DataSourceParameters={"AthenaParameters": athena})
    wait(world.cloud, 6)
    assert world.described()["ErrorInfo"]["Message"].startswith("No output location provided.")


def test_a_missing_results_bucket_fails_the_connection(world: World) -> None:
    with world.cloud.administering(world.account):
        world.cloud.client("s3").delete_bucket(Bucket="quick-results")
    status, error_type, text = world.outcome()
    assert (status, error_type) == ("CREATION_FAILED", "GENERIC_SQL_FAILURE")
    assert text.startswith("The S3 location provided to save your query results is invalid.")


def test_a_missing_table_fails_the_query_only(world: World) -> None:
    assert world.outcome()[0] == "CREATION_SUCCESSFUL"
    answer = world.quick.query("sales", "lake", "invoices")
    assert (answer.error_type, answer.allowed) == ("GENERIC_SQL_FAILURE", False)
    assert "Table 'awsdatacatalog.lake.invoices' does not exist" in answer.message


def test_a_bucket_of_another_account_is_read_only_if_its_policy_allows(world: World) -> None:
    world.quick.seed_lake(HUB, "lake", "shared", "shared-data")
    with world.cloud.administering(world.account):
        table: Any = {"Name": "shared", "StorageDescriptor": {"Location": "s3://shared-data/lake/shared/"}}
        world.cloud.client("glue").create_table(DatabaseName="lake", TableInput=table)
    shared = allow(["s3:ListBucket", "s3:GetObject"], ["arn:aws:s3:::shared-data", "arn:aws:s3:::shared-data/*"])
    world.change_consumer(**consumer_statements(world.account), shared=shared)
    world.outcome()
    before = world.quick.query("sales", "lake", "shared")
    with world.cloud.administering(HUB):
        policy = document({**shared, "Principal": {"AWS": world.account}})
        world.cloud.client("s3").put_bucket_policy(Bucket="shared-data", Policy=policy)
    assert "no resource-based policy allows the s3:ListBucket action" in before.message
    assert world.quick.query("sales", "lake", "shared").allowed


def encrypt(world: World, bucket: str) -> str:
    """Give a bucket a customer's key; answers the key's ARN."""
    with world.cloud.administering(world.account):
        key = world.cloud.client("kms").create_key()["KeyMetadata"]
        world.cloud.client("kms").create_alias(AliasName="alias/lake", TargetKeyId=key["KeyId"])
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}
        rules: Any = {"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]}
        world.cloud.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    return str(key["Arn"])


def test_data_encrypted_with_a_customers_key_asks_for_decrypt_through_s3(world: World) -> None:
    key = encrypt(world, "quick-data")
    world.outcome()
    before = world.quick.query("sales", "lake", "orders")
    conditions = {
        "StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"},
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/lake"},
    }
    world.change_consumer(**consumer_statements(world.account), kms=allow("kms:Decrypt", key, **conditions))
    assert f"is not authorized to perform: kms:Decrypt on resource: {key}" in before.message
    assert world.quick.query("sales", "lake", "orders").allowed


def test_encrypted_results_ask_for_a_data_key(world: World) -> None:
    key = encrypt(world, "quick-results")
    assert f"perform: kms:GenerateDataKey on resource: {key}" in world.outcome()[2]


@pytest.mark.parametrize("by", ["moto", "set"])
def test_a_location_of_lake_formation_asks_for_its_permission_and_not_for_s3s(world: World, by: str) -> None:
    if by == "set":
        world.quick.lake_formation_locations.add("arn:aws:s3:::quick-data")
    else:
        with world.cloud.administering(world.account):
            lake_formation = world.cloud.client("lakeformation")
            lake_formation.register_resource(
                ResourceArn="arn:aws:s3:::quick-data", RoleArn=role_arn("x", world.account)
            )
    world.outcome()
    before = world.quick.query("sales", "lake", "orders")
    statements = consumer_statements(world.account)
    for name in ("s3:ListBucket", "s3:GetObject"):
        del statements[name]
    world.change_consumer(**statements, lake_formation=allow("lakeformation:GetDataAccess"))
    assert "is not authorized to perform: lakeformation:GetDataAccess on resource: *" in before.message
    assert world.quick.query("sales", "lake", "orders").allowed


# --- the API -------------------------------------------------------------------------------------------------


def test_an_id_is_given_once(world: World) -> None:
    world.create()
    with pytest.raises(ClientError) as caught:
        world.create()
    assert code(caught) == "ResourceExistsException"


@pytest.mark.parametrize(
    "given",
    [
        {"data_source_id": "with space"},
        {"DataSourceParameters": {"AthenaParameters": {"RoleArn": "arn:aws:iam::123412341234:role/a"}}},
        {"DataSourceParameters": {"AthenaParameters": {"ConsumerAccountRoleArn": "arn:aws:iam::123412341234:role/b"}}},
        {"Permissions": [{"Principal": GROUP + "x", "Actions": [f"quicksight:{each}" for each in VIEW]}]},
        {"Permissions": [{"Principal": GROUP, "Actions": ["quicksight:DescribeDataSource"]}]},
    ],
)
def test_what_quick_cannot_take_is_an_invalid_parameter(world: World, given: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        world.create(**given)
    assert code(caught) == "InvalidParameterValueException"


def test_an_update_takes_time_excludes_others_and_is_tested(world: World) -> None:
    world.outcome()
    athena = {**_with_consumer(world)["AthenaParameters"], "WorkGroup": "gone"}
    request: Any = {"DataSourceId": "sales", "Name": "new", "DataSourceParameters": {"AthenaParameters": athena}}
    begun = world.call("update_data_source", **request)["UpdateStatus"]
    conflict = error(world, "update_data_source", **request)
    wait(world.cloud, 6)
    found = world.described()
    assert (begun, conflict) == ("UPDATE_IN_PROGRESS", "ConflictException")
    assert (found["Status"], found["Name"], found["ErrorInfo"]["Type"]) == ("UPDATE_FAILED", "new", "ACCESS_DENIED")


@pytest.mark.parametrize("how", ["AccessDeniedException", "InvalidParameterValueException"])
def test_a_role_that_cannot_be_assumed_is_reported_at_once_and_nothing_is_made(world: World, how: str) -> None:
    break_chain(world)
    world.quick.refuses_as = how
    with pytest.raises(ClientError, match="is not authorized to perform: sts:AssumeRole on resource: ") as caught:
        world.create()
    after = error(world, "describe_data_source", DataSourceId="sales")
    assert (code(caught), after) == (how, "ResourceNotFoundException")


@pytest.mark.parametrize("how", ["AccessDeniedException", "InvalidParameterValueException"])
def test_an_update_to_a_role_that_cannot_be_assumed_is_refused_at_once_and_changes_nothing(
    world: World, how: str
) -> None:
    world.outcome()
    before = world.described()
    break_chain(world)
    world.quick.refuses_as = how
    request: Any = {"DataSourceId": "sales", "Name": "new", "DataSourceParameters": _with_consumer(world)}
    assert error(world, "update_data_source", **request) == how
    assert world.described() == before


@pytest.mark.parametrize("how", ["GENERIC_SQL_FAILURE", "UNKNOWN", "TIMEOUT", "CONFLICT"])
def test_a_role_that_cannot_be_assumed_may_be_reported_later_as_something_else(world: World, how: str) -> None:
    break_chain(world)
    world.quick.refuses_as = how
    status, error_type, text = world.outcome()
    assert (status, error_type) == ("CREATION_FAILED", how)
    assert "sts:AssumeRole" in text


def test_quick_refuses_in_no_other_way(world: World) -> None:
    with pytest.raises(ValueError, match="not as ACCESSDENIED"):
        world.quick.refuses_as = "ACCESSDENIED"


def test_what_the_consumer_role_lacks_is_reported_later_however_a_chain_is_refused(world: World) -> None:
    world.quick.refuses_as = "AccessDeniedException"
    statements = consumer_statements(world.account)
    del statements[IN_TEST[0]]
    world.change_consumer(**statements)
    assert world.outcome()[:2] == ("CREATION_FAILED", "ACCESS_DENIED")


def test_a_deleted_source_is_gone_and_its_id_is_free(world: World) -> None:
    world.create()
    world.call("delete_data_source", DataSourceId="sales")
    assert error(world, "describe_data_source", DataSourceId="sales") == "ResourceNotFoundException"
    wait(world.cloud, 3)
    world.create()
    wait(world.cloud, 4)  # the end of the first creation is not the end of the second
    assert world.described()["Status"] == "CREATION_IN_PROGRESS"


def test_lists_have_pages(world: World) -> None:
    for name in ("one", "two", "three"):
        world.create(name)
    first = world.call("list_data_sources", MaxResults=2)
    rest = world.call("list_data_sources", MaxResults=2, NextToken=first["NextToken"])
    assert [each["DataSourceId"] for each in first["DataSources"] + rest["DataSources"]] == ["one", "two", "three"]
    assert "NextToken" not in rest


def test_sources_are_found_by_name_and_by_owner(world: World) -> None:
    world.create("sales", Permissions=[{"Principal": GROUP, "Actions": [f"quicksight:{each}" for each in OWN]}])
    world.create("finance")
    by_name: Any = [{"Operator": "StringLike", "Name": "DATASOURCE_NAME", "Value": "fin"}]
    by_owner: Any = [{"Operator": "StringEquals", "Name": "DIRECT_QUICKSIGHT_OWNER", "Value": GROUP}]
    found = [
        [each["DataSourceId"] for each in world.call("search_data_sources", Filters=filters)["DataSourceSummaries"]]
        for filters in (by_name, by_owner)
    ]
    assert found == [["finance"], ["sales"]]


def test_permissions_are_granted_and_revoked(world: World) -> None:
    viewer = [{"Principal": GROUP, "Actions": [f"quicksight:{each}" for each in VIEW]}]
    owner = [{"Principal": GROUP, "Actions": [f"quicksight:{each}" for each in OWN]}]
    world.create(Permissions=viewer)
    world.call("update_data_source_permissions", DataSourceId="sales", GrantPermissions=owner)
    granted = world.call("describe_data_source_permissions", DataSourceId="sales")["Permissions"]
    world.call("update_data_source_permissions", DataSourceId="sales", RevokePermissions=owner)
    left = world.call("describe_data_source_permissions", DataSourceId="sales")["Permissions"]
    assert ([len(each["Actions"]) for each in granted], left) == ([6], [])


def test_tags_come_and_go(world: World) -> None:
    world.create(Tags=[{"Key": "managed-by", "Value": "us"}])
    with world.cloud.administering(HUB):
        world.client.tag_resource(ResourceArn=SOURCE, Tags=[{"Key": "team", "Value": "sales"}])
        world.client.untag_resource(ResourceArn=SOURCE, TagKeys=["managed-by"])
        assert world.client.list_tags_for_resource(ResourceArn=SOURCE)["Tags"] == [{"Key": "team", "Value": "sales"}]


def test_the_subscription_is_the_hubs_and_enterprise(world: World) -> None:
    info = world.call("describe_account_subscription")["AccountInfo"]
    settings = world.call("describe_account_settings")["AccountSettings"]
    assert (info["Edition"], info["AccountSubscriptionStatus"]) == ("ENTERPRISE", "ACCOUNT_CREATED")
    assert settings["Edition"] == "ENTERPRISE"
    with world.cloud.administering(world.account), pytest.raises(ClientError) as caught:
        world.client.describe_account_subscription(AwsAccountId=world.account)
    assert code(caught) == "ResourceNotFoundException"
