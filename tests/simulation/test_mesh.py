"""A mesh of four consumer accounts: one publishes to two of the others. What each may read is asked of Quick."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from control_plane.account import Hub
from control_plane.profiles import Profile
from quickctl.publishing import CATALOG, needed
from sandbox.aws.clock import VirtualClock
from sandbox.organization import PROJECT, Sandbox
from tests.prototypes import directory, prototype
from tests.simulation.conftest import START, Story

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.aws.services.quick.answer import Answer

PUBLISHER, NAMED, BELOW, OTHER = "publisher", "named", "below", "other"


class Mesh(Story):
    """A sandbox whose profile `products` publishes to one account, and to what is below an OU."""

    def __init__(self, world: Sandbox, accounts: dict[str, str], profiles: dict[str, Any]) -> None:
        super().__init__(world)
        self.accounts, self.profiles = accounts, profiles

    @property
    def hub(self) -> Hub:
        """The hub, as names are built from it."""
        place = self.world.cloud.topology
        return Hub(
            account_id=place.hub,
            management_account_id=place.management,
            region=place.region,
            partition="aws",
            organization_id=self.world.organizations.organization_id,
            root_id=self.world.organizations.root_id,
            run_as_role_arn=self.world.outputs["RunAsRoleArn"],
            deployment_id="default",
        )

    def connect(self, *names: str, profile: str = "enabled") -> None:
        """Tag these accounts: the publisher with the profile that publishes, the others with this one."""
        for name in names:
            self.world.tag(self.accounts[name], "products" if name == PUBLISHER else profile)
        self.run()

    def allow(self, *, without: Sequence[str] = ()) -> None:
        """The publisher's owner adds the statements that are printed, but not to these places."""
        owner, profile = self.accounts[PUBLISHER], Profile.model_validate(self.profiles["products"])
        session = self.world.boto3_session(owner)
        statements = [each for each in needed(owner, "products", profile, self.hub) if each.place not in without]
        policies: dict[str, list[Any]] = {}
        for place, statement in statements:
            policies.setdefault(place, []).append(statement)
        for place, found in policies.items():
            document = json.dumps({"Version": "2012-10-17", "Statement": found})
            if place == CATALOG:
                session.client("glue").put_resource_policy(PolicyInJson=document)
            else:
                session.client("s3").put_bucket_policy(Bucket=place.split()[-1], Policy=document)

    def source(self, name: str, profile: str = "default") -> str:
        """The id of an account's data source."""
        return f"quick-athena-{self.accounts[name]}-{profile}"

    def read(self, reader: str, *, profile: str = "default") -> Answer:
        """What a BI author gets who selects from the publisher's table through this account's data source."""
        self.world.iam.settle()
        catalog = f"quick-athena-{profile}-{self.accounts[PUBLISHER]}"
        return self.world.quick.query(self.source(reader, profile), "quick_sales", "orders", catalog)

    def catalogs(self, reader: str) -> list[str]:
        """The Athena catalogs of an account."""
        athena = self.world.boto3_session(self.accounts[reader]).client("athena")
        return sorted(each["CatalogName"] for each in athena.list_data_catalogs()["DataCatalogsSummary"])


@prototype
def mesh() -> Iterator[Mesh]:
    """Four accounts with a lake each, none connected."""
    layer = directory("consumer")
    shipped = yaml.safe_load((PROJECT / "layers/consumer/profiles.yaml").read_text(encoding="utf-8"))
    default = shipped["profiles"]["default"]
    body = (PROJECT / "layers/consumer/consumer_role.yaml").read_text(encoding="utf-8")
    (layer / "consumer_role.yaml").write_text(body, encoding="utf-8")
    with Sandbox(VirtualClock(START), layer) as world:
        world.create_organization()
        unit = world.organizations.create_unit("readers")
        parents = dict.fromkeys((PUBLISHER, NAMED, OTHER), world.organizations.root_id) | {BELOW: unit}
        accounts = {name: world.organizations.create_member(name, parent=parent) for name, parent in parents.items()}
        for account_id in accounts.values():
            world.quick.seed_lake(account_id, "quick_sales", "orders", f"quick-data-{account_id}")
        publishing = {"data_buckets": ["quick-data-{account}"], "publishes_to": [accounts[NAMED], unit]}
        blind = {**default, "data_buckets": ["elsewhere-{account}"]}
        profiles = {"default": default, "products": {**default, **publishing}, "blind": blind}
        (layer / "profiles.yaml").write_text(yaml.safe_dump({"profiles": profiles}), encoding="utf-8")
        world.deploy()
        world.warm_up()
        yield Mesh(world, accounts, profiles)


def test_who_is_published_to_reads_and_nobody_else(mesh: Mesh) -> None:
    mesh.connect(PUBLISHER, NAMED, BELOW, OTHER)
    denied = mesh.read(NAMED)
    assert not denied.allowed
    assert "glue:GetDatabase" in denied.message
    mesh.allow()
    assert [(name, mesh.read(name).allowed) for name in (NAMED, BELOW, OTHER)] == [
        (NAMED, True),
        (BELOW, True),
        (OTHER, False),
    ]
    assert mesh.read(NAMED).account == mesh.accounts[NAMED], "the reader pays"


@pytest.mark.parametrize("first", [PUBLISHER, NAMED])
def test_it_does_not_matter_who_is_connected_first(mesh: Mesh, first: str) -> None:
    mesh.allow()
    mesh.connect(first)
    mesh.connect(*({PUBLISHER, NAMED} - {first}))
    assert mesh.read(NAMED).allowed


def test_an_untagged_publisher_is_read_by_nobody_although_its_policies_stay(mesh: Mesh) -> None:
    mesh.allow()
    mesh.connect(PUBLISHER, NAMED, BELOW)
    mesh.world.untag(mesh.accounts[PUBLISHER])
    mesh.run(600)
    assert mesh.status(mesh.accounts[PUBLISHER], "products") == "quarantined"
    assert [mesh.catalogs(each) for each in (NAMED, BELOW)] == [[], []]
    assert not any(mesh.read(each).allowed for each in (NAMED, BELOW))
    assert mesh.world.quick.query(mesh.source(NAMED), "quick_sales", "orders").allowed, "its own data as before"


def test_a_reader_that_is_moved_away_reads_no_more_after_the_next_sweep(mesh: Mesh) -> None:
    mesh.allow()
    mesh.connect(PUBLISHER, BELOW)
    assert mesh.read(BELOW).allowed
    client: Any = mesh.world.boto3_session(mesh.world.cloud.topology.management).client("organizations")
    (parent,) = client.list_parents(ChildId=mesh.accounts[BELOW])["Parents"]
    root = mesh.world.organizations.root_id
    client.move_account(AccountId=mesh.accounts[BELOW], SourceParentId=parent["Id"], DestinationParentId=root)
    refused = mesh.read(BELOW)
    assert "no resource-based policy allows" in refused.message, "at once: the owner's policy names the OU"
    mesh.run(timedelta(days=1).total_seconds())
    assert mesh.catalogs(BELOW) == []


def test_what_is_published_opens_nothing_of_the_readers_own(mesh: Mesh) -> None:
    """The published buckets are named by pattern, which the reader's own bucket matches, too."""
    mesh.allow()
    mesh.connect(PUBLISHER, NAMED)
    mesh.connect(NAMED, profile="blind")
    assert mesh.read(NAMED, profile="blind").allowed
    own = mesh.world.quick.query(mesh.source(NAMED, "blind"), "quick_sales", "orders")
    assert (own.allowed, "s3:ListBucket" in own.message) == (False, True)


@pytest.mark.parametrize("place", [CATALOG, "the bucket"])
def test_a_policy_that_the_owner_left_out_is_named(mesh: Mesh, place: str) -> None:
    whole = place if place == CATALOG else f"{place} quick-data-{mesh.accounts[PUBLISHER]}"
    mesh.allow(without=[whole])
    mesh.connect(PUBLISHER, NAMED)
    refused = mesh.read(NAMED)
    assert not refused.allowed
    assert ("glue:GetDatabase" if place == CATALOG else "s3:ListBucket") in refused.message
    assert "no resource-based policy allows" in refused.message
