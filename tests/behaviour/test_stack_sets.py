"""Port `StackSets`: the consumer role of one account, deployed, updated and removed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from control_plane.aws.stack_sets import AwsStackSets
from control_plane.errors import NotOurs
from control_plane.ports.stack_sets import OperationStatus
from control_plane.profiles import load, parameters
from sandbox.organization import PROJECT
from tests.fakes import FakeStackSets

if TYPE_CHECKING:
    from pathlib import Path

    from control_plane.account import Connection, Hub
    from control_plane.ports.stack_sets import StackInstance, StackSets
    from tests.deployed_hub import Deployed

PROFILE = load(PROJECT / "layers/consumer/profiles.yaml").profiles["default"]
BODY = PROJECT / "layers/consumer/consumer_role.yaml"
RESISTS = "must detach all policies first"


class _Fake:
    """How the fake is set up."""

    def __init__(self, hub: Hub) -> None:
        self._fake = FakeStackSets(hub)

    def stack_sets(self, function: str = "EnsureConsumerRole") -> StackSets:  # noqa: ARG002 - any may everything
        return self._fake

    def pass_time(self) -> None:
        self._fake.tick()

    def make_unmanaged(self, name: str) -> None:
        self._fake.tags[name] = {"managed-by": "somebody"}

    def change_body(self) -> None:
        self._fake.body += ", changed"

    def refuse_the_role(self, connection: Connection) -> None:
        self._fake.failing[connection.account_id] = f"{connection.role_name} already exists"

    def make_the_role_resist(self, connection: Connection) -> None:
        self._fake.failing[connection.account_id] = RESISTS


@dataclass
class _Adapter:
    """How CloudFormation is set up."""

    deployed: Deployed
    body: Path

    def stack_sets(self, function: str = "EnsureConsumerRole") -> StackSets:
        return AwsStackSets(self.deployed.client_as(function, "cloudformation"), self.deployed.hub, self.body)

    def pass_time(self) -> None:
        self.deployed.pass_time()

    def make_unmanaged(self, name: str) -> None:
        with self.deployed.as_administrator("cloudformation") as client:
            client.create_stack_set(
                StackSetName=name,
                TemplateBody='{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}',
                PermissionModel="SERVICE_MANAGED",
                AutoDeployment={"Enabled": False},
                CallAs="DELEGATED_ADMIN",
            )

    def change_body(self) -> None:
        self.body.write_text(self.body.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")

    def refuse_the_role(self, connection: Connection) -> None:
        statement = {"Effect": "Allow", "Principal": {"AWS": connection.account_id}, "Action": "sts:AssumeRole"}
        self.deployed.world.boto3_session(connection.account_id).client("iam").create_role(
            RoleName=connection.role_name,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    def make_the_role_resist(self, connection: Connection) -> None:
        iam = self.deployed.world.boto3_session(connection.account_id).client("iam")
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        policy = iam.create_policy(
            PolicyName="by-hand", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )
        iam.attach_role_policy(RoleName=connection.role_name, PolicyArn=policy["Policy"]["Arn"])


@pytest.fixture
def there(deployed: Deployed | None, hub: Hub, tmp_path: Path) -> _Fake | _Adapter:
    body = tmp_path / BODY.name
    body.write_text(BODY.read_text(encoding="utf-8"), encoding="utf-8")
    return _Adapter(deployed, body) if deployed else _Fake(hub)


@pytest.fixture
def wanted(hub: Hub) -> dict[str, str]:
    return parameters("default", PROFILE, hub)


def seen(stack_sets: StackSets, connection: Connection) -> StackInstance:
    found = stack_sets.instance(connection.role_name, connection.account_id)
    assert found is not None
    return found


def deploy(there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str], operation: str = "op-1") -> None:
    stack_sets = there.stack_sets()
    stack_sets.ensure_stack_set(connection.role_name, wanted)
    stack_sets.start_deployment(connection.role_name, connection.account_id, wanted, operation, exists=False)
    there.pass_time()


def test_what_is_not_there_is_none_and_not_an_error(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    stack_sets, name = there.stack_sets(), connection.role_name
    for _ in range(2):  # without the stack set, and with it
        assert stack_sets.instance(name, connection.account_id) is None
        assert stack_sets.operation(name, "never") is OperationStatus.UNKNOWN
        stack_sets.ensure_stack_set(name, wanted)
    assert stack_sets.instance("quick-athena-nowhere", connection.account_id) is None
    assert not stack_sets.is_defined("quick-athena-nowhere", wanted)
    there.stack_sets("RemoveConsumerRole").check_ownership("quick-athena-nowhere")


def test_a_deployment_makes_the_role_once(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    stack_sets, name, account_id = there.stack_sets(), connection.role_name, connection.account_id
    for _ in range(2):  # the second finds the stack set, and the operation's id used
        assert stack_sets.ensure_stack_set(name, wanted)
        stack_sets.start_deployment(name, account_id, wanted, "op-1", exists=False)
    assert stack_sets.operation(name, "op-1") is OperationStatus.RUNNING
    under_way = seen(stack_sets, connection)
    assert (under_way.in_progress, under_way.is_current, under_way.operation_id) == (True, False, "op-1")
    there.pass_time()
    assert stack_sets.operation(name, "op-1") is OperationStatus.ENDED
    made = seen(stack_sets, connection)
    assert (made.is_current, made.in_progress, made.is_drifted, made.reason) == (True, False, False, "")
    assert (dict(made.parameters), made.operation_id) == (wanted, "op-1")
    assert made.stack_id


def test_an_instance_that_exists_is_updated_with_its_own_parameters(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    deploy(there, connection, wanted)
    stack_sets, changed = there.stack_sets(), {**wanted, "KmsKeyAliases": "alias/sales"}
    before = seen(stack_sets, connection)
    stack_sets.start_deployment(connection.role_name, connection.account_id, changed, "op-2", exists=True)
    assert seen(stack_sets, connection).in_progress
    there.pass_time()
    made = seen(stack_sets, connection)
    assert (made.is_current, dict(made.parameters), made.stack_id) == (True, changed, before.stack_id)


def test_a_failed_deployment_says_why(there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]) -> None:
    there.refuse_the_role(connection)
    deploy(there, connection, wanted)
    stack_sets = there.stack_sets()
    assert stack_sets.operation(connection.role_name, "op-1") is OperationStatus.ENDED
    assert "already exists" in stack_sets.failure(connection.role_name, "op-1", connection.account_id)
    failed = seen(stack_sets, connection)
    assert (failed.is_current, failed.in_progress) == (False, False)
    assert "already exists" in failed.reason


def test_a_new_definition_leaves_the_other_instances_behind_it(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    deploy(there, connection, wanted)
    there.change_body()
    stack_sets, name, account_id = there.stack_sets(), connection.role_name, connection.account_id
    assert not stack_sets.ensure_stack_set(name, wanted)
    assert not stack_sets.is_defined(name, wanted)
    for _ in range(2):
        stack_sets.start_update(name, account_id, wanted, "op-2")
    assert stack_sets.operation(name, "op-2") is OperationStatus.RUNNING
    assert seen(stack_sets, connection).in_progress
    there.pass_time()
    assert stack_sets.is_defined(name, wanted)
    assert stack_sets.ensure_stack_set(name, wanted)
    assert (seen(stack_sets, connection).is_current, seen(stack_sets, connection).operation_id) == (True, "op-2")
    assert not stack_sets.is_defined(name, {**wanted, "KmsKeyAliases": "alias/sales"})


def test_an_update_for_an_account_without_an_instance_makes_none(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    stack_sets, name, account_id = there.stack_sets(), connection.role_name, connection.account_id
    stack_sets.ensure_stack_set(name, wanted)
    there.change_body()
    stack_sets = there.stack_sets()
    stack_sets.start_update(name, account_id, wanted, "op-1")
    there.pass_time()
    assert stack_sets.operation(name, "op-1") is OperationStatus.ENDED
    assert stack_sets.instance(name, account_id) is None
    assert stack_sets.is_defined(name, wanted)


def test_a_removal_deletes_the_role_once(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    deploy(there, connection, wanted)
    removing, name, account_id = there.stack_sets("RemoveConsumerRole"), connection.role_name, connection.account_id
    removing.check_ownership(name)
    for _ in range(2):  # the second finds the operation's id used
        removing.start_removal(name, account_id, "out-1", retain=False)
    found = seen(removing, connection)
    assert (found.is_current, found.in_progress, found.operation_id) == (False, True, "out-1")
    there.pass_time()
    assert removing.operation(name, "out-1") is OperationStatus.ENDED
    assert removing.instance(name, account_id) is None


def test_a_removal_from_a_stack_set_that_is_not_there_does_nothing(
    there: _Fake | _Adapter, connection: Connection
) -> None:
    removing = there.stack_sets("RemoveConsumerRole")
    removing.start_removal("quick-athena-nowhere", connection.account_id, "out-1", retain=False)
    assert removing.operation("quick-athena-nowhere", "out-1") is OperationStatus.UNKNOWN


def test_a_stack_that_resists_its_removal_says_why_and_can_only_be_made_anew(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    deploy(there, connection, wanted)
    there.make_the_role_resist(connection)
    removing = there.stack_sets("RemoveConsumerRole")
    removing.start_removal(connection.role_name, connection.account_id, "out-1", retain=False)
    there.pass_time()
    assert RESISTS in removing.failure(connection.role_name, "out-1", connection.account_id)
    found = seen(removing, connection)
    assert (found.is_current, found.in_progress, found.is_drifted) == (False, False, True)


def test_an_unmanaged_stack_set_is_neither_used_nor_emptied(there: _Fake | _Adapter, wanted: dict[str, str]) -> None:
    there.make_unmanaged("quick-athena-unmanaged")
    with pytest.raises(NotOurs, match="quick-athena-unmanaged"):
        there.stack_sets().ensure_stack_set("quick-athena-unmanaged", wanted)
    with pytest.raises(NotOurs, match="quick-athena-unmanaged"):
        there.stack_sets("RemoveConsumerRole").check_ownership("quick-athena-unmanaged")
