"""A run-as role that is full, through the writer, in an IAM that enforces its limits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from control_plane.account import Connection
from control_plane.aws.iam import AwsAccessPolicies
from control_plane.errors import AccessPolicyFull
from control_plane.ports.access import AccessChange
from control_plane.steps import access
from control_plane.steps.access import AccessDependencies, Writer, WriteResult, apply_change, external_ids
from tests.fakes import (
    FakeAccessLedger,
    FakeAnomalies,
    FakeApprovals,
    FakeCapacityGauge,
    FakeExemptions,
    FakeRevocationBudget,
    FakeWaitingTasks,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from control_plane.access_policy import Shard
    from control_plane.account import Hub
    from sandbox.organization import Sandbox

NOW = "2026-11-24T08:00:00.000Z"
POLICIES, POLICY_SIZE, ROOM = 20, 6_144, 2_180
MANY = [Connection(account_id=f"{number:012}", profile="default") for number in range(1, ROOM + 101)]


class WatchedPolicies(AwsAccessPolicies):
    """The adapter. After each write the entries then in force are compared with those that must never be missing."""

    def __init__(self, client: Any, hub: Hub) -> None:
        super().__init__(client, hub, external_ids(hub))
        self.must_stay: frozenset[str] = frozenset()
        self.in_force: dict[int, frozenset[str]] = {}
        self.written: list[int] = []

    def write(self, shard: Shard) -> str:
        """Put one shard in force."""
        version = super().write(shard)
        self.written.append(shard.number)
        self.in_force[shard.number] = frozenset(shard.entries)
        assert self.must_stay <= frozenset().union(*self.in_force.values())
        return version


class Role:
    """The run-as role, its one writer, and what waits to be written."""

    def __init__(self, world: Sandbox, hub: Hub, client: Any) -> None:
        self.world, self.hub = world, hub
        self.policies, self.ledger, self.gauge = WatchedPolicies(client, hub), FakeAccessLedger(), FakeCapacityGauge()
        self.deps = AccessDependencies(
            hub=hub,
            ledger=self.ledger,
            policies=self.policies,
            budget=FakeRevocationBudget(),
            approvals=FakeApprovals(),
            exemptions=FakeExemptions(),
            anomalies=FakeAnomalies(),
            waiting=FakeWaitingTasks(),
            capacity=self.gauge,
        )

    def arns(self, connections: Sequence[Connection]) -> frozenset[str]:
        """Their entries."""
        return frozenset(each.consumer_role_arn(self.hub) for each in connections)

    def change(
        self, connections: Sequence[Connection], *, allow: bool, generation: int = 1, run_as_role: int = 1
    ) -> None:
        """Enqueue the changes, then write until none is left."""
        for each in connections:
            self.ledger.enqueue(AccessChange(each, allow, generation, run_as_role=run_as_role), NOW)
        while left := self.ledger.pending().changes:
            assert apply_change(left[0].change, Writer("writer", NOW), self.deps) is not WriteResult.HELD

    def documents(self, run_as_role: int = 1) -> dict[str, str]:
        """What IAM has attached, without white space: the document in force by name."""
        iam = self.world.cloud.client("iam")
        with self.world.cloud.administering(self.hub.account_id):
            role = self.hub.run_as_role(run_as_role).rsplit("/", 1)[-1]
            pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
            arns = [each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]]
            found = {}
            for arn in arns:
                versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
                assert len(versions) <= 5
                (number,) = (each["VersionId"] for each in versions if each["IsDefaultVersion"])
                text = iam.get_policy_version(PolicyArn=arn, VersionId=number)["PolicyVersion"]["Document"]
                found[arn.rsplit("/", 1)[-1]] = json.dumps(text, separators=(",", ":"))
            return found


@pytest.fixture
def role(world: Sandbox, hub: Hub, client_as: Callable[[str, str], Any]) -> Role:
    """The run-as role of a deployed hub, written to by EnsureAccess."""
    return Role(world, hub, client_as("EnsureAccess", "iam"))


def entries(documents: dict[str, str]) -> list[str]:
    return [entry for text in documents.values() for entry in json.loads(text)["Statement"][0]["Resource"]]


def test_a_full_role_has_2180_exact_entries_within_iams_limits_and_stays_right_when_some_leave(role: Role) -> None:
    first, late = MANY[:ROOM], MANY[ROOM:]
    role.change(first, allow=True)
    full = role.documents()
    assert (len(full), sorted(entries(full))) == (POLICIES, sorted(role.arns(first)))
    assert max(map(len, full.values())) <= POLICY_SIZE
    assert role.gauge.reported[-1] > 99
    with pytest.raises(AccessPolicyFull):
        role.change(late[:1], allow=True)

    leaving, staying = first[:100], first[100:]
    role.policies.must_stay, role.policies.written = role.arns(staying), []
    role.change(leaving, allow=False, generation=2)
    assert role.policies.written == [1], "the first hundred are in one shard, and no other is written"
    role.change(late, allow=True)
    assert role.policies.written == [1, 1], "the newcomers take the room that became free"
    after = role.documents()
    assert sorted(entries(after)) == sorted(role.arns([*staying, *late]))
    assert max(map(len, after.values())) <= POLICY_SIZE
    assert {name for name in full if full[name] != after[name]} == {"quick-athena-access-1"}


def test_five_roles_have_10000_exact_entries_within_iams_limits(
    world: Sandbox, hub: Hub, client_as: Callable[[str, str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "MAX_CHANGES", 2_000)  # each writer reads all shards first, and here nobody waits
    world.deploy(RunAsRoles="5")
    many = Role(world, hub.model_copy(update={"run_as_roles": 5}), client_as("EnsureAccess", "iam"))
    for number in range(1, 6):
        share = [Connection(account_id=f"{number}{each:011}", profile="default") for each in range(2_000)]
        many.change(share, allow=True, run_as_role=number)
        found = many.documents(number)
        assert (len(found), sorted(entries(found))) == (19, sorted(many.arns(share)))
        assert max(map(len, found.values())) <= POLICY_SIZE
    assert many.gauge.reported[-1] == pytest.approx(100 * 2_000 / ROOM, abs=1)
    assert sum(len(many.documents(number)) for number in range(1, 6)) == 95


def test_a_policy_that_somebody_attached_takes_the_place_of_a_shard(role: Role) -> None:
    name = role.hub.run_as_role_arn.rsplit("/", 1)[-1]
    with role.world.cloud.administering(role.hub.account_id):
        iam = role.world.cloud.client("iam")
        text = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
        for path in ("/", "/quick-athena/"):  # one elsewhere, by the name of a shard; one below our path
            named = "quick-athena-access-1" if path == "/" else "by-hand"
            made = iam.create_policy(PolicyName=named, Path=path, PolicyDocument=text)["Policy"]["Arn"]
            iam.attach_role_policy(RoleName=name, PolicyArn=made)
    assert role.policies.shards() == []
    assert role.policies.quota().policies_per_role == POLICIES - 2
