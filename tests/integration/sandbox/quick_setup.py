"""What the tests of Amazon Quick share: a hub with Quick and the run-as role, and a consumer account with a lake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.services.iam import Iam
from sandbox.aws.services.organizations import Organizations
from sandbox.aws.services.quick import Quick
from sandbox.aws.services.sts import Sts
from tests.integration.sandbox.roles import HUB, allow, code, create_role, put, role_arn, trusting, wait

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

REGION = "eu-west-1"
SOURCE = f"arn:aws:quicksight:{REGION}:{HUB}:datasource/sales"
ROLE_IN_A = role_arn("role-a")
GROUP = f"arn:aws:quicksight:{REGION}:{HUB}:group/default/authors"
VIEW = ["DescribeDataSource", "DescribeDataSourcePermissions", "PassDataSource"]
OWN = [*VIEW, "UpdateDataSource", "DeleteDataSource", "UpdateDataSourcePermissions"]


def consumer_statements(account: str) -> dict[str, dict[str, Any]]:
    """A small consumer role's policy: each statement is needed, by the name it has here."""
    athena, glue = f"arn:aws:athena:{REGION}:{account}", f"arn:aws:glue:{REGION}:{account}"
    own = {"StringEquals": {"aws:ResourceAccount": account}}
    running = ["GetWorkGroup", "StartQueryExecution", "GetQueryExecution", "GetQueryResults"]
    reading = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"]
    return {
        "athena:ListDataCatalogs": allow("athena:ListDataCatalogs"),
        "athena:GetWorkGroup": allow([f"athena:{each}" for each in running], f"{athena}:workgroup/quick"),
        "athena:GetDataCatalog": allow(
            ["athena:GetDataCatalog", "athena:ListDatabases", "athena:GetTableMetadata"],
            f"{athena}:datacatalog/AwsDataCatalog",
        ),
        "glue:GetDatabases": allow("glue:GetDatabases", [f"{glue}:catalog", f"{glue}:database/*"]),
        "default database": allow("glue:GetDatabase", f"{glue}:database/default"),
        "glue:GetDatabase": allow(reading, [f"{glue}:catalog", f"{glue}:database/lake", f"{glue}:table/lake/*"]),
        "s3:GetBucketLocation": allow(["s3:GetBucketLocation", "s3:ListBucket"], "arn:aws:s3:::quick-results", **own),
        "s3:PutObject": allow(["s3:PutObject", "s3:GetObject"], "arn:aws:s3:::quick-results/*", **own),
        "s3:ListBucket": allow("s3:ListBucket", "arn:aws:s3:::quick-data", **own),
        "s3:GetObject": allow("s3:GetObject", "arn:aws:s3:::quick-data/*", **own),
    }


@dataclass
class World:
    """A hub with Quick and the run-as role, and one consumer account with a lake and the consumer role."""

    cloud: Cloud
    iam: Iam
    quick: Quick
    account: str

    @property
    def client(self) -> Any:
        """Quick's API as an administrator of the hub has it; use it inside `administering`."""
        return self.cloud.client("quicksight")

    def call(self, operation: str, **parameters: Any) -> Any:
        """Call Quick as an administrator of the hub."""
        with self.cloud.administering(HUB):
            return getattr(self.client, operation)(AwsAccountId=HUB, **parameters)

    def create(self, data_source_id: str = "sales", **given: Any) -> Any:
        """Create the data source that the roles are made for, or another one."""
        athena = {
            "WorkGroup": "quick",
            "RoleArn": ROLE_IN_A,
            "ConsumerAccountRoleArn": role_arn("role-b", self.account),
        }
        parameters = {"Name": data_source_id, "DataSourceParameters": {"AthenaParameters": athena}, **given}
        return self.call("create_data_source", DataSourceId=data_source_id, Type="ATHENA", **parameters)

    def described(self, data_source_id: str = "sales") -> Any:
        """The data source as described now."""
        return self.call("describe_data_source", DataSourceId=data_source_id)["DataSource"]

    def outcome(self) -> tuple[str, str, str]:
        """Create the data source and tell how that ends: status, error type and message."""
        self.create()
        wait(self.cloud, 6)
        found = self.described()
        error = found.get("ErrorInfo", {})
        return found["Status"], error.get("Type", ""), error.get("Message", "")

    def change_consumer(self, **statements: dict[str, Any]) -> None:
        """Replace the consumer role's permissions, known to everybody."""
        put(self.cloud, "role-b", *statements.values(), account=self.account)
        self.iam.settle()


def make_world(cloud: Cloud) -> World:
    """A world in which everything is allowed that must be."""
    organizations = Organizations(cloud)
    organizations.create_organization()
    account = organizations.create_member("sales")
    iam = Iam(cloud)
    quick = Quick(cloud, Sts(cloud, iam), iam)
    quick.refuses_as = "ACCESS_DENIED"  # so that a refused data source is there to be looked at
    make_lake(cloud, quick, account)
    make_roles(cloud, account, str(organizations.organization_id))
    with cloud.administering(HUB):
        cloud.client("quicksight").create_group(AwsAccountId=HUB, Namespace="default", GroupName="authors")
    iam.settle()
    return World(cloud, iam, quick, account)


def make_lake(cloud: Cloud, quick: Quick, account: str) -> None:
    """A table in the consumer account, a workgroup and a place for results."""
    quick.seed_lake(account, "lake", "orders", "quick-data")
    with cloud.administering(account):
        place: Any = {"LocationConstraint": REGION}
        cloud.client("s3").create_bucket(Bucket="quick-results", CreateBucketConfiguration=place)
        results = {"OutputLocation": "s3://quick-results/athena/"}
        cloud.client("athena").create_work_group(Name="quick", Configuration={"ResultConfiguration": results})


def make_roles(cloud: Cloud, account: str, organization_id: str) -> None:
    """The run-as role and the consumer role."""
    quick_only = trusting(
        {"Service": "quicksight.amazonaws.com"},
        StringEquals={"aws:SourceAccount": HUB},
        ArnLike={"aws:SourceArn": f"arn:aws:quicksight:*:{HUB}:datasource/*"},
    )
    create_role(cloud, "role-a", [allow("sts:AssumeRole", role_arn("role-b", account))], quick_only)
    run_as_role_only = trusting(
        {"AWS": f"arn:aws:iam::{HUB}:root"},
        ArnEquals={"aws:PrincipalArn": ROLE_IN_A},
        StringEquals={"aws:PrincipalOrgID": organization_id, "sts:ExternalId": SOURCE},
    )
    create_role(cloud, "role-b", consumer_statements(account).values(), run_as_role_only, account)


def error(world: World, operation: str, **parameters: Any) -> str:
    """The code of the error an administrator of the hub gets."""
    with pytest.raises(ClientError) as caught:
        world.call(operation, **parameters)
    return code(caught)


def revoke(world: World) -> None:
    """The run-as role may not assume the consumer role any more, known to everybody."""
    put(world.cloud, "role-a", allow("sts:AssumeRole", role_arn("another", world.account)))
    world.iam.settle()
