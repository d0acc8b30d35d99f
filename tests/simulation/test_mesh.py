"""A mesh of four consumer accounts: one publishes to two of the others. What each may read is asked of Quick."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from control_plane import publications, wiring
from control_plane.account import Hub
from control_plane.profiles import Profile
from quickctl.app import app
from quickctl.cli import Surroundings
from quickctl.exits import ExitCode
from quickctl.publishing import needed
from sandbox.aws.clock import VirtualClock
from sandbox.organization import PROJECT, Sandbox
from tests.prototypes import derived, directory, prototype
from tests.simulation.conftest import START, Story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.aws.services.quick.answer import Answer

PUBLISHER, NAMED, BELOW, OTHER = "publisher", "named", "below", "other"


class Mesh(Story):
    """A sandbox whose profile `products` publishes to one account, and to what is below an OU."""

    def __init__(self, world: Sandbox, accounts: dict[str, str], profiles: dict[str, Any], file: Path) -> None:
        super().__init__(world)
        self.accounts, self.profiles, self.file = accounts, profiles, file

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

    def allow(self, *, without: str = "") -> None:
        """The publisher's owner adds the statements that are printed, but not to this kind of policy."""
        owner, profile = self.accounts[PUBLISHER], Profile.model_validate(self.profiles["products"])
        policies: dict[tuple[str, str], list[Any]] = {}
        for kind, name, statement in needed(owner, "products", profile, self.hub):
            own = {**statement, "Sid": "OwnersOwn", "Principal": {"AWS": f"arn:aws:iam::{owner}:root"}}
            del own["Condition"]
            found = policies.setdefault((kind, name), [own])
            found += [statement] if kind != without else []
        for (kind, name), statements in policies.items():
            self._put_policy(kind, name, json.dumps({"Version": "2012-10-17", "Statement": statements}))

    def _put_policy(self, kind: str, name: str, document: str) -> None:
        session = self.world.boto3_session(self.accounts[PUBLISHER])
        if kind == "catalog":
            session.client("glue").put_resource_policy(PolicyInJson=document)
        elif kind == "bucket":
            session.client("s3").put_bucket_policy(Bucket=name, Policy=document)
        else:
            kms = session.client("kms")
            key = kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"]
            kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document)

    def mesh(self, *arguments: str, code: int = 0) -> Any:
        """What `quickctl mesh` answers."""
        return self.call("mesh", *arguments, "--file", str(self.file), code=code)

    def call(self, *arguments: str, code: int = 0) -> Any:
        """What quickctl answers; the profile of an account's owner is the account's name here."""

        def open_session(profile: str | None, _region: str | None) -> Any:
            return self.world.boto3_session(self.accounts[profile] if profile else self.world.cloud.topology.hub)

        given = Surroundings(open_session=open_session, now=self.clock.now, sleep=self.run)
        result = CliRunner().invoke(app, ["--output", "json", *arguments], obj=given)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if result.stdout else result.stderr

    def deploy_profiles(self, **changes: Any) -> None:
        """Deploy another version of the file, in which the profile `products` has these values."""
        self.profiles["products"] |= changes
        write_profiles(self.file, self.profiles)
        wiring._profiles.cache_clear()  # a deployment starts every function anew

    def sweep(self) -> None:
        """One sweep of everything, and what follows."""
        self.world.step_functions.start(self.world.outputs["SweepOrganizationArn"], {})
        self.run(1800)

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


def write_profiles(file: Path, profiles: dict[str, Any]) -> None:
    """The profiles file, in the consumer layer."""
    file.write_text(yaml.safe_dump({"profiles": profiles}), encoding="utf-8")


def encrypt(world: Sandbox, account_id: str) -> None:
    """The lake of the account gets a key of its own."""
    session = world.boto3_session(account_id)
    kms = session.client("kms", region_name=world.cloud.topology.region)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/lake", TargetKeyId=key)
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    bucket = f"quick-data-{account_id}"
    session.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


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
        encrypt(world, accounts[PUBLISHER])
        publishing = {
            "data_buckets": ["quick-data-{account}"],
            "kms_key_aliases": ["alias/lake"],
            "publishes_to": [accounts[NAMED], unit],
        }
        blind = {**default, "data_buckets": ["elsewhere-{account}"]}
        profiles = {"default": default, "products": {**default, **publishing}, "blind": blind}
        write_profiles(layer / "profiles.yaml", profiles)
        world.deploy()
        world.warm_up()
        yield Mesh(world, accounts, profiles, layer / "profiles.yaml")


@derived(mesh)
def connected(mesh: Mesh) -> Mesh:
    """All four connected, and what the owner has to allow is allowed."""
    mesh.allow()
    mesh.connect(PUBLISHER, NAMED, BELOW, OTHER)
    return mesh


@pytest.fixture
def redeployed(connected: Mesh) -> Iterator[Mesh]:
    """A connected mesh whose profiles a test changes: all forks read the same file, so it is put back."""
    before = connected.file.read_text(encoding="utf-8")
    yield connected
    connected.file.write_text(before, encoding="utf-8")


def test_who_is_published_to_reads_and_nobody_else(connected: Mesh) -> None:
    answers = {name: connected.read(name) for name in (NAMED, BELOW, OTHER)}
    assert {name: each.allowed for name, each in answers.items()} == {NAMED: True, BELOW: True, OTHER: False}
    assert answers[NAMED].account == connected.accounts[NAMED], "the reader pays"
    assert connected.catalogs(OTHER) == connected.catalogs(PUBLISHER) == []


@pytest.mark.parametrize("first", [PUBLISHER, NAMED])
def test_it_does_not_matter_who_is_connected_first(mesh: Mesh, first: str) -> None:
    mesh.allow()
    mesh.connect(first)
    mesh.connect(*({PUBLISHER, NAMED} - {first}))
    assert mesh.read(NAMED).allowed


def test_an_untagged_publisher_is_read_by_nobody_although_its_policies_stay(connected: Mesh) -> None:
    connected.world.untag(connected.accounts[PUBLISHER])
    connected.run(600)
    assert connected.status(connected.accounts[PUBLISHER], "products") == "quarantined"
    assert [connected.catalogs(each) for each in (NAMED, BELOW)] == [[], []]
    assert not any(connected.read(each).allowed for each in (NAMED, BELOW))
    assert connected.world.quick.query(connected.source(NAMED), "quick_sales", "orders").allowed, (
        "its own data as before"
    )


def test_a_reader_that_is_moved_away_reads_no_more_after_the_next_sweep(connected: Mesh) -> None:
    assert connected.read(BELOW).allowed
    client: Any = connected.world.boto3_session(connected.world.cloud.topology.management).client("organizations")
    (parent,) = client.list_parents(ChildId=connected.accounts[BELOW])["Parents"]
    root = connected.world.organizations.root_id
    client.move_account(AccountId=connected.accounts[BELOW], SourceParentId=parent["Id"], DestinationParentId=root)
    refused = connected.read(BELOW)
    assert "no resource-based policy allows" in refused.message, "at once: the owner's policy names the OU"
    connected.run(timedelta(days=1).total_seconds())
    assert connected.catalogs(BELOW) == []


def test_what_is_published_opens_nothing_of_the_readers_own(connected: Mesh) -> None:
    """The published buckets are named by pattern, which the reader's own bucket matches, too."""
    connected.connect(NAMED, profile="blind")
    assert connected.read(NAMED, profile="blind").allowed
    own = connected.world.quick.query(connected.source(NAMED, "blind"), "quick_sales", "orders")
    assert (own.allowed, "s3:ListBucket" in own.message) == (False, True)


@pytest.mark.parametrize(
    ("kind", "action"), [("catalog", "glue:GetDatabase"), ("bucket", "s3:ListBucket"), ("key", "kms:Decrypt")]
)
def test_a_statement_that_the_owner_left_out_is_named(connected: Mesh, kind: str, action: str) -> None:
    connected.allow(without=kind)
    refused = connected.read(NAMED)
    assert not refused.allowed
    assert action in refused.message
    assert "no resource-based policy allows" in refused.message


@pytest.mark.parametrize(
    ("sid", "action"),
    [
        ("PublishersCatalogs", "athena:GetDataCatalog"),
        ("PublishersGlueCatalog", "glue:GetDatabase"),
        ("PublishedDatabases", "glue:GetDatabase"),
        ("PublishedData", "s3:ListBucket"),
        ("PublishersKeysThroughS3", "kms:Decrypt"),
    ],
)
def test_without_a_statement_the_reader_is_refused(connected: Mesh, sid: str, action: str) -> None:
    iam = connected.world.boto3_session(connected.accounts[NAMED]).client("iam")
    attached = iam.list_attached_role_policies(RoleName="quick-athena-default")["AttachedPolicies"]
    (arn,) = [each["PolicyArn"] for each in attached]
    policy: Any = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    less = [each for each in policy["Statement"] if each["Sid"] != sid]
    assert len(less) == len(policy["Statement"]) - 1
    document = json.dumps({**policy, "Statement": less})
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    refused = connected.read(NAMED)
    assert (refused.allowed, action in refused.message) == (False, True)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert connected.read(NAMED).allowed


def test_quickctl_lists_who_publishes_and_checks_what_the_owner_allows(connected: Mesh) -> None:
    account_id = connected.accounts[PUBLISHER]
    (found,) = connected.mesh("list")["publications"]
    assert (found["account_id"], found["profile"], found["databases"]) == (account_id, "products", ["quick_*"])
    printed = connected.mesh("statements", account_id)["statements"]
    assert {each["state"] for each in printed} == {"not checked"}
    checked = connected.mesh("statements", account_id, "--owner-profile", PUBLISHER)["statements"]
    assert [(each["kind"], each["state"]) for each in checked] == [
        (kind, "there") for kind in ("catalog", "bucket", "key") for _ in ("named accounts", "accounts below the OU")
    ]
    assert [each["statement"] for each in printed] == [each["statement"] for each in checked]


def test_quickctl_names_the_statement_that_is_missing(connected: Mesh) -> None:
    connected.allow(without="bucket")
    account_id = connected.accounts[PUBLISHER]
    checked = connected.mesh("statements", account_id, "--owner-profile", PUBLISHER, code=ExitCode.FAILED)["statements"]
    assert {each["kind"] for each in checked if each["state"] == "missing"} == {"bucket"}
    assert "not of" in connected.mesh("statements", account_id, "--owner-profile", NAMED, code=ExitCode.USAGE)
    assert "publishes nothing" in connected.mesh("statements", connected.accounts[NAMED], code=ExitCode.NOT_FOUND)


def test_quickctl_prints_how_to_remove_what_a_reader_that_is_gone_had(redeployed: Mesh) -> None:
    """The commands are run as they are printed: after them, and with what is missing, all is as it should be."""
    account_id = redeployed.accounts[PUBLISHER]
    redeployed.deploy_profiles(publishes_to=[redeployed.accounts[NAMED]])
    checked = redeployed.mesh("statements", account_id, "--owner-profile", PUBLISHER, code=ExitCode.FAILED)
    assert {each["state"] for each in checked["statements"]} == {"there"}
    assert [(each["kind"], [one["Sid"] for one in each["statements"]]) for each in checked["leftovers"]] == [
        (kind, ["QuickReadsBelowproducts"]) for kind in ("catalog", "bucket", "key")
    ]
    for each in checked["leftovers"]:
        words = shlex.split(each["command"])
        assert words[:5] == ["aws", "--region", redeployed.world.cloud.topology.region, "--profile", PUBLISHER]
        kept = json.loads(words[-1])
        assert [one["Sid"] for one in kept["Statement"]] == ["OwnersOwn", "QuickReadsproducts"]
        redeployed._put_policy(each["kind"], each["name"], words[-1])
    assert redeployed.mesh("statements", account_id, "--owner-profile", PUBLISHER)["leftovers"] == []


def test_a_publisher_that_cannot_be_connected_sweeps_nobody(mesh: Mesh) -> None:
    """Its readers would be swept, and with them the failed account, which would sweep them once more."""
    iam = mesh.world.boto3_session(mesh.accounts[PUBLISHER]).client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": mesh.accounts[PUBLISHER]}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="quick-athena-products", AssumeRolePolicyDocument=document)
    mesh.connect(PUBLISHER, NAMED)
    assert mesh.status(mesh.accounts[PUBLISHER], "products") == "failed"
    assert mesh.executions("SweepOrganization") == []


def test_readers_lose_what_they_read_also_where_drift_is_only_reported(connected: Mesh) -> None:
    connected.world.deploy(DriftRepair="notify")
    connected.world.untag(connected.accounts[PUBLISHER])
    connected.run(600)
    assert [connected.catalogs(each) for each in (NAMED, BELOW)] == [[], []]


def test_another_publishes_to_gives_a_new_reader_its_catalog_and_takes_it_from_an_old_one(redeployed: Mesh) -> None:
    redeployed.deploy_profiles(publishes_to=[redeployed.accounts[OTHER], redeployed.accounts[NAMED]])
    redeployed.allow()
    redeployed.sweep()
    assert {each: redeployed.read(each).allowed for each in (OTHER, NAMED, BELOW)} == {
        OTHER: True,
        NAMED: True,
        BELOW: False,
    }
    assert redeployed.catalogs(OTHER) == redeployed.catalogs(NAMED) != []
    assert redeployed.catalogs(BELOW) == []
    assert redeployed.world.quick.query(redeployed.source(BELOW), "quick_sales", "orders").allowed


def test_readers_need_not_wait_for_another_connection_of_the_publisher(connected: Mesh) -> None:
    publisher = connected.accounts[PUBLISHER]
    before = len(connected.executions("SweepOrganization"))
    connected.world.tag(publisher, "default")
    connected.run(30)
    assert (connected.status(publisher, "products"), connected.status(publisher)) == ("quarantined", "connecting")
    assert len(connected.executions("SweepOrganization")) == before + 1
    connected.run()
    assert connected.status(publisher) == "connected"
    assert [connected.catalogs(each) for each in (NAMED, BELOW)] == [[], []]


def test_a_publisher_without_a_place_is_a_finding_of_its_reader_until_a_place_is_free(
    connected: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publications, "PUBLISHER_PLACES", ("Publisher1",))
    connected.world.tag(connected.accounts[OTHER], "products")
    connected.run(600)
    reader, crowded = connected.accounts[NAMED], f"no place for the publishers {connected.accounts[OTHER]}: an account"
    (found,) = connected.call("explain", reader)["connections"]
    assert (found["state"], found["finding"].startswith(crowded)) == ("connected", True)
    assert "Untag publishers" in found["finding"]
    assert connected.read(NAMED).allowed
    connected.world.untag(connected.accounts[PUBLISHER])
    connected.run(600)
    (found,) = connected.call("explain", reader)["connections"]
    assert (found["state"], found["finding"]) == ("connected", "")
    assert connected.catalogs(NAMED) == [f"quick-athena-default-{connected.accounts[OTHER]}"]
