"""An account whose lake Lake Formation governs: its stack makes the grants, and Quick reads what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from control_plane import wiring
from sandbox.aws.clock import VirtualClock
from sandbox.aws.services.cloudformation.scope import STACK_SETS_ROLE
from sandbox.organization import PROJECT, Sandbox
from tests.prototypes import directory, prototype
from tests.simulation.conftest import START, Story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROFILE = "governed"
DAY = 86_400


class Governed(Story):
    """An account in which only grants count, and the profile that grants."""

    def __init__(self, world: Sandbox, layer: Path) -> None:
        super().__init__(world)
        self.layer = layer
        self.account_id = self.member()
        bucket = f"quick-data-{self.account_id}"
        self.world.quick.seed_lake(self.account_id, "quick_sales", "items", bucket)
        self.world.quick.seed_lake(self.account_id, "quick_hr", "staff", bucket)
        self.call("register_resource", ResourceArn=f"arn:aws:s3:::{bucket}", RoleArn="arn:aws:iam::1:role/lake")
        self.decide()

    def call(self, operation: str, **given: Any) -> Any:
        """Call Lake Formation as the account's administrator."""
        return getattr(self.world.boto3_session(self.account_id).client("lakeformation"), operation)(**given)

    def decide(self, *administrators: str) -> None:
        """The account's owner says that only grants count, and that these roles are the data lake's administrators."""
        admins = [
            {"DataLakePrincipalIdentifier": f"arn:aws:iam::{self.account_id}:role/{each}"} for each in administrators
        ]
        self.call(
            "put_data_lake_settings", DataLakeSettings={"DataLakeAdmins": admins, "CreateTableDefaultPermissions": []}
        )

    def deploy(self, *databases: str, **tables: list[str]) -> None:
        """The profile grants these databases, and of quick_sales these tables, with these columns or with all."""
        shipped = yaml.safe_load((PROJECT / "layers/consumer/profiles.yaml").read_text(encoding="utf-8"))
        default = shipped["profiles"]["default"]
        granting = {
            **default,
            "databases": [*databases, "quick_sales"],
            "tables": [f"quick_sales/{table}" for table in tables],
            "lake_formation": True,
            "lake_formation_grants": True,
            "lake_formation_columns": {f"quick_sales/{table}": named for table, named in tables.items() if named},
            "proof_table": "quick_sales.orders",
        }
        profiles = {"profiles": {"default": default, PROFILE: granting}}
        (self.layer / "profiles.yaml").write_text(yaml.safe_dump(profiles), encoding="utf-8")

    def read(self, table: str = "quick_sales.orders") -> tuple[str, ...] | str:
        """The columns that an author of Quick sees of a table; or why none."""
        self.world.iam.settle()
        answer = self.world.quick.query(f"quick-athena-{self.account_id}-{PROFILE}", *table.split("."))
        return answer.columns if answer.allowed else answer.message

    def grants(self) -> list[Any]:
        """What has been granted in the account."""
        return list(self.call("list_permissions")["PrincipalResourcePermissions"])


@prototype
def governed() -> Iterator[Governed]:
    """The account is not connected yet; StackSets' role is no administrator of its data lake."""
    layer = directory("consumer")
    body = (PROJECT / "layers/consumer/consumer_role.yaml").read_text(encoding="utf-8")
    (layer / "consumer_role.yaml").write_text(body, encoding="utf-8")
    with Sandbox(VirtualClock(START), layer) as world:
        world.create_organization()
        story = Governed(world, layer)
        story.deploy(orders=["id", "day"])
        world.deploy(GracePeriodDays="1")
        world.warm_up()
        yield story


def test_a_connection_reads_the_granted_columns_and_leaves_no_grant_behind(governed: Governed) -> None:
    governed.decide(STACK_SETS_ROLE)
    governed.world.tag(governed.account_id, PROFILE)
    governed.run(600)
    record = governed.world.record(governed.account_id, PROFILE) or {}
    assert (record["status"], record["proof"]) == ("connected", "queried")
    assert "data" in record["proven_legs"]
    assert governed.read() == ("id", "day")
    assert "is not authorized to perform: glue:GetDatabase" in governed.read("quick_hr.staff")
    assert len(governed.grants()) == len(["the database", "one column", "another column"])
    governed.world.untag(governed.account_id)
    governed.run(2 * DAY)
    assert governed.status(governed.account_id, PROFILE) == "removed"
    assert governed.grants() == []


def test_without_the_right_to_grant_the_record_says_who_lacks_it_and_a_retry_connects(governed: Governed) -> None:
    governed.world.tag(governed.account_id, PROFILE)
    governed.run(600)
    record = governed.world.record(governed.account_id, PROFILE) or {}
    assert (record["status"], record["error"]) == ("failed", "LakeGrantRefused")
    assert "ResourceType:AWS::LakeFormation::PrincipalPermissions" in record["reason"]
    assert "is no data lake administrator there" in record["cause"]
    assert "its name begins with stacksets-exec-" in record["remedy"]
    governed.decide(STACK_SETS_ROLE)
    governed.start({"account_id": governed.account_id})
    governed.run(600)
    assert (governed.status(governed.account_id, PROFILE), governed.read()) == ("connected", ("id", "day"))


def test_grants_that_move_and_shrink_are_there_afterwards(governed: Governed) -> None:
    governed.decide(STACK_SETS_ROLE)
    governed.world.tag(governed.account_id, PROFILE)
    governed.run(600)
    governed.deploy("quick_hr", items=[], orders=["day"])
    wiring._profiles.cache_clear()
    governed.start({"account_id": governed.account_id})
    governed.run(900)
    assert governed.status(governed.account_id, PROFILE) == "connected"
    assert governed.read() == ("day",)
    assert governed.read("quick_sales.items") == governed.read("quick_hr.staff") == ("id", "amount", "day")
