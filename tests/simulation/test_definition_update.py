"""A new body reaches every account, and a stack set that somebody changed is told of and put right."""

from __future__ import annotations

import shutil
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from control_plane import observation, profiles
from control_plane.definition import BODY_TAG, body_hash
from control_plane.steps import consumer_role, stack_set_operations
from control_plane.sweep import stack_sets
from sandbox.aws.clock import VirtualClock
from sandbox.organization import PROJECT, Sandbox
from tests.simulation.conftest import START
from tests.simulation.test_sweep import Sweeper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "quick-athena-default"
PARAMETER = "  LakeFormation: {Type: String"
STATEMENT = "          - Sid: GlueDatabases\n"
NEW_PARAMETER = "  Query: {Type: String}\n"
NEW_STATEMENT = "          - {Sid: NewlyAllowed, Effect: Allow, Action: !Ref Query, Resource: '*'}\n"
EVIL = "          - {Sid: Evil, Effect: Allow, Action: '*', Resource: '*'}\n"


class Builder(Sweeper):
    """A world whose body can be built anew."""

    def __init__(self, world: Sandbox, body: Path) -> None:
        super().__init__(world)
        self.body = body

    def statements(self, account_id: str) -> set[str]:
        """The Sids of what the account's consumer role may do."""
        iam: Any = self.world.boto3_session(account_id).client("iam")
        document = iam.get_role_policy(RoleName=NAME, PolicyName="query-athena")["PolicyDocument"]
        return {each["Sid"] for each in document["Statement"]}

    def stack_set(self, operation: str, **given: Any) -> Any:
        """One call about the stack set, as the hub's administrator."""
        return getattr(self.hub("cloudformation"), operation)(
            **{"StackSetName": NAME, "CallAs": "DELEGATED_ADMIN"} | given
        )

    def queries(self, account_id: str) -> Any:
        """What Quick gets from the account."""
        return self.world.quick.query(f"quick-athena-{account_id}-default", "quick_sales", "orders")

    def operations(self) -> list[str]:
        """The ids of the stack set's operations, the first first."""
        found = self.stack_set("list_stack_set_operations")["Summaries"]
        return [each["OperationId"] for each in reversed(found)]

    def versions(self, accounts: list[str]) -> set[str]:
        """The versions of the role that the accounts' records say they have."""
        records = [self.world.record(each) or {} for each in accounts]
        return {str(record["consumer_role_version"]) for record in records}

    @property
    def differing(self) -> list[str]:
        """What the last sweep said of stack sets."""
        return list(self.world.last_sweep().get("stack_sets", []))


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Builder]:
    """A deployed sandbox whose consumer layer can be changed."""
    for name in ("consumer_role.yaml", "profiles.yaml"):
        shutil.copy(PROJECT / "layers/consumer" / name, tmp_path)
    with Sandbox(VirtualClock(START), tmp_path) as world:
        world.create_organization()
        world.deploy()
        yield Builder(world, tmp_path / "consumer_role.yaml")


def deploy_a_new_body(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more statement, and one more parameter without a default that the new code gives a value."""
    text = builder.body.read_text(encoding="utf-8")
    assert PARAMETER in text
    assert STATEMENT in text
    text = text.replace(PARAMETER, NEW_PARAMETER + PARAMETER).replace(STATEMENT, NEW_STATEMENT + STATEMENT)
    builder.body.write_text(text, encoding="utf-8")
    before = profiles.parameters
    for module in (profiles, observation, consumer_role, stack_set_operations, stack_sets):
        monkeypatch.setattr(
            module, "parameters", lambda *args: {**before(*args), "Query": "athena:GetSession"}, raising=True
        )


def test_a_new_body_with_a_new_parameter_reaches_every_account_and_nobody_loses_access(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = builder.crowd(2)
    assert not any("NewlyAllowed" in builder.statements(each) for each in accounts)
    (before,) = builder.versions(accounts)
    deploy_a_new_body(builder, monkeypatch)
    execution = builder.world.step_functions.start(builder.world.outputs["SweepOrganizationArn"], {})
    for _ in range(15):
        builder.run(40)
        assert len(builder.world.allowed_roles()) == 2
        for account_id in accounts:
            assert builder.queries(account_id)
    assert execution.status == "SUCCEEDED"
    assert all("NewlyAllowed" in builder.statements(each) for each in accounts)
    assert [builder.status(each) for each in accounts] == ["connected", "connected"]
    (after,) = builder.versions(accounts)
    assert after != before
    assert builder.differing == []
    done = len(builder.operations())
    builder.sweep()
    assert builder.world.last_sweep().get("repaired", 0) == 0
    assert [each for each in builder.operations()[done:] if not each.startswith("qa-drift-")] == []


def test_an_event_about_one_account_updates_that_one_and_the_sweep_the_other_though_drift_is_only_told(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder.world.deploy(DriftRepair="notify")
    one, two = builder.crowd(2)
    deploy_a_new_body(builder, monkeypatch)
    builder.start({"account_id": one})
    builder.run()
    assert "NewlyAllowed" in builder.statements(one)
    assert "NewlyAllowed" not in builder.statements(two)
    builder.sweep()
    assert "NewlyAllowed" in builder.statements(two)
    assert builder.mails("only shown") == []


@pytest.mark.parametrize("kinder", [False, True])
def test_a_first_connection_gets_the_new_body_whichever_way_aws_is_read(
    builder: Builder, monkeypatch: pytest.MonkeyPatch, *, kinder: bool
) -> None:
    readings = builder.world.stack_sets.assumptions
    for each in fields(readings):
        setattr(readings, each.name, kinder)
    accounts = builder.crowd(2)
    deploy_a_new_body(builder, monkeypatch)
    newcomer = builder.member("newcomer")
    builder.world.tag(newcomer, "enabled")
    builder.start({"account_id": newcomer})
    builder.run()
    assert builder.status(newcomer) == "connected"
    assert "NewlyAllowed" in builder.statements(newcomer)
    # an update of nobody may be refused: then it goes by way of one account, and never of all
    updated = [each for each in accounts if "NewlyAllowed" in builder.statements(each)]
    assert len(updated) == (0 if kinder else 1)
    builder.sweep()
    assert all("NewlyAllowed" in builder.statements(each) for each in accounts)


def tampered(builder: Builder, **given: Any) -> None:
    """Somebody gives the stack set a body that allows everything, and with it everybody."""
    evil = builder.body.read_text(encoding="utf-8").replace(STATEMENT, EVIL + STATEMENT)
    found = builder.stack_set("describe_stack_set")["StackSet"]
    builder.stack_set(
        "update_stack_set",
        TemplateBody=evil,
        Parameters=found["Parameters"],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        OperationPreferences={"MaxConcurrentPercentage": 100},
        **given,
    )
    builder.run(300)


def a_stack_set_of_our_name(builder: Builder, name: str) -> None:
    """Made by hand, with our body."""
    given = {**builder.stack_set("describe_stack_set")["StackSet"], "StackSetName": name}
    same = ("StackSetName", "TemplateBody", "Parameters", "Capabilities")
    builder.stack_set("create_stack_set", **{key: given[key] for key in same}, PermissionModel="SERVICE_MANAGED")


def test_stack_sets_that_are_not_what_was_built_are_told_of_and_ours_is_put_right(builder: Builder) -> None:
    (account_id,) = builder.crowd(1)
    tampered(builder)
    a_stack_set_of_our_name(builder, "quick-athena-evil")
    assert "Evil" in builder.statements(account_id)
    builder.sweep()
    (ours,), (evil,) = builder.differing, builder.world.last_sweep()["unmanaged"]
    assert ours == f"{NAME}: the hash of its body is not the one its tag says"
    assert evil.startswith("stack set quick-athena-evil: tag managed-by is None, ours is 'quick-onboarding'")
    assert "profiles.yaml has no such profile, and never had" in evil
    assert "managed execution is False, ours is True" in evil
    (text,) = builder.mails("1 stack sets differ")
    assert "Stack sets that differ from what was built: 1" in text
    described = builder.world.cloud.gateway.log.of("DescribeStackSet")
    assert len([each for each in described if "CollectSnapshot" in str(each)]) == 2, "each of the two once"
    assert builder.stack_set("describe_stack_set", StackSetName="quick-athena-evil")["StackSet"]["Status"] == "ACTIVE"
    assert "Evil" not in builder.statements(account_id)
    builder.sweep()
    assert builder.differing == []  # what is unmanaged is reported once


def test_a_forged_body_whose_tag_agrees_with_it_is_told_of_because_no_sweep_has_seen_it_built(builder: Builder) -> None:
    (account_id,) = builder.crowd(1)
    builder.sweep()
    evil = builder.body.read_text(encoding="utf-8").replace(STATEMENT, EVIL + STATEMENT)
    tags = builder.stack_set("describe_stack_set")["StackSet"]["Tags"]
    forged = [{**each, "Value": body_hash(evil)} if each["Key"] == BODY_TAG else each for each in tags]
    tampered(builder, Tags=forged)
    builder.sweep()
    assert builder.differing == [f"{NAME}: no sweep has ever seen its body built"]
    assert "Evil" not in builder.statements(account_id)
