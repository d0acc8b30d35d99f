"""Two run-as roles: the chains of two profiles are apart, even in the same account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from control_plane import wiring
from sandbox.aws import AssumeRoleRequest
from sandbox.aws.clock import VirtualClock
from sandbox.organization import PROJECT, Sandbox
from tests.prototypes import directory, prototype
from tests.simulation.conftest import START, Story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROLES = {"default": 1, "finance": 2}


class Apart(Story):
    """An account that is connected through both profiles."""

    def __init__(self, world: Sandbox, profiles: Path) -> None:
        super().__init__(world)
        self.profiles = profiles
        self.account_id = self.tagged(value="default finance")

    def allowed(self) -> dict[int, list[str]]:
        """What each run-as role may assume."""
        return {number: self.world.allowed_roles(number) for number in (1, 2)}

    def answers(self, profile: str) -> bool:
        """Whether Quick gets an answer through a profile."""
        self.world.iam.settle()
        return self.world.quick.query(f"quick-athena-{self.account_id}-{profile}", "quick_sales", "orders").allowed

    def run_as_role_of(self, profile: str) -> str:
        """The run-as role that a data source names."""
        found = self.data_source(self.account_id, profile)
        assert found
        return str(found["DataSourceParameters"]["AthenaParameters"]["RoleArn"])

    def reaches(self, run_as_role: int, profile: str) -> bool:
        """Whether a session of a run-as role reaches a consumer role, with the right ExternalId."""
        hub = self.world.cloud.topology.hub
        source = f"arn:aws:quicksight:eu-west-1:{hub}:datasource/quick-athena-{self.account_id}-{profile}"
        context = {"aws:SourceAccount": hub, "aws:SourceArn": source}
        arn = self.arn(run_as_role)
        session = self.world.sts.as_service("quicksight.amazonaws.com", AssumeRoleRequest(arn, context=context))
        sts = self.world.client_of(session, "sts")
        role = self.role(self.account_id, profile)
        try:
            sts.assume_role(RoleArn=role, RoleSessionName="test", ExternalId=source)
        except sts.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    def arn(self, run_as_role: int) -> str:
        """The ARN of a run-as role."""
        first = str(self.world.outputs["RunAsRoleArn"])
        return first if run_as_role == 1 else f"{first}-{run_as_role}"

    def sweep(self) -> None:
        """One sweep and what follows."""
        self.world.step_functions.start(self.world.outputs["SweepOrganizationArn"], {})
        self.run(1800)


def write_profiles(path: Path, **roles: int) -> None:
    """The project's default profile, under these names and with these run-as roles."""
    file = yaml.safe_load((PROJECT / "layers/consumer/profiles.yaml").read_text(encoding="utf-8"))
    content = {"profiles": {name: {**file["profiles"]["default"], "run_as_role": roles[name]} for name in roles}}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


@prototype
def apart() -> Iterator[Apart]:
    """A hub with two run-as roles."""
    layer = directory("layer")
    body = (PROJECT / "layers/consumer/consumer_role.yaml").read_text(encoding="utf-8")
    (layer / "consumer_role.yaml").write_text(body, encoding="utf-8")
    write_profiles(layer / "profiles.yaml", **ROLES)
    with Sandbox(VirtualClock(START), layer) as world:
        world.create_organization()
        world.deploy(RunAsRoles="2")
        world.warm_up()
        yield Apart(world, layer / "profiles.yaml")


@pytest.mark.parametrize("profile", ROLES)
def test_each_profile_has_its_own_chain_and_no_session_of_the_other_one_reaches_it(apart: Apart, profile: str) -> None:
    own, other = ROLES[profile], 3 - ROLES[profile]
    assert apart.status(apart.account_id, profile) == "connected"
    assert apart.answers(profile)
    assert apart.allowed()[own] == [apart.role(apart.account_id, profile)]
    assert apart.run_as_role_of(profile) == apart.arn(own)
    record: Any = apart.world.record(apart.account_id, profile)
    assert record["run_as_role_arn"] == apart.arn(own)
    assert (apart.reaches(own, profile), apart.reaches(other, profile)) == (True, False)


def test_even_with_the_entry_the_other_run_as_role_is_not_trusted(apart: Apart) -> None:
    apart.add_entries(apart.role(apart.account_id, "finance"))
    apart.world.iam.settle()
    assert len(apart.allowed()[1]) == 2
    assert not apart.reaches(1, "finance")


def test_one_profile_is_dropped_and_the_other_one_stays(apart: Apart) -> None:
    apart.world.tag(apart.account_id, "default")
    apart.run(120)
    assert apart.allowed() == {1: [apart.role(apart.account_id)], 2: []}
    assert (apart.answers("default"), apart.answers("finance")) == (True, False)
    assert apart.status(apart.account_id, "finance") == "quarantined"


def test_an_entry_with_two_run_as_roles_is_taken_from_both(apart: Apart) -> None:
    apart.add_entries(apart.role(apart.account_id, "finance"))
    apart.world.tag(apart.account_id, "default")
    apart.run(120)
    assert apart.allowed() == {1: [apart.role(apart.account_id)], 2: []}


def test_an_entry_in_the_wrong_place_is_put_right_by_a_sweep(apart: Apart) -> None:
    apart.add_entries(apart.role(apart.account_id, "finance"))
    apart.sweep()
    assert apart.allowed() == {1: [apart.role(apart.account_id)], 2: [apart.role(apart.account_id, "finance")]}
    assert apart.answers("finance")


@pytest.mark.parametrize("number", ["1", "5", "9"], ids=["another", "not deployed", "not possible"])
def test_a_forged_change_moves_no_entry_and_stops_no_revocation(apart: Apart, number: str) -> None:
    table = apart.world.outputs["RegistryTableName"]
    hub: Any = apart.world.boto3_session(apart.world.cloud.topology.hub)
    for profile in ("finance", "unknown"):
        forged = {
            "pk": {"S": "access#pending"},
            "sk": {"S": f"{apart.account_id}#{profile}"},
            "allow": {"BOOL": True},
            "generation": {"N": "1"},
            "run_as_role": {"N": number},
        }
        hub.client("dynamodb").put_item(TableName=table, Item=forged)
    apart.world.tag(apart.account_id, "finance")
    apart.run(120)
    assert apart.allowed()[2] == [apart.role(apart.account_id, "finance")]
    assert apart.role(apart.account_id) not in apart.allowed()[1]
    assert (apart.answers("finance"), apart.answers("default")) == (True, False)


def test_a_changed_run_as_role_is_rolled_out(apart: Apart) -> None:
    write_profiles(apart.profiles, default=1, finance=1)
    wiring._profiles.cache_clear()
    apart.sweep()
    assert apart.allowed() == {1: sorted(apart.role(apart.account_id, each) for each in ROLES), 2: []}
    assert apart.run_as_role_of("finance") == apart.arn(1)
    assert apart.answers("finance")
    assert not apart.reaches(2, "finance")
