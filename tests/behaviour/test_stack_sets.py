"""Port `StackSets`: the consumer role of one account, deployed, updated and removed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from control_plane.account import Connection
from control_plane.aws.stack_sets import AwsStackSets
from control_plane.errors import NotOurs
from control_plane.ports.stack_sets import OperationResult, OperationStatus
from control_plane.profiles import load, parameters
from sandbox.organization import PROJECT
from tests.fakes import FakeStackSets

if TYPE_CHECKING:
    from pathlib import Path

    from control_plane.account import Hub
    from control_plane.ports.stack_sets import StackInstance, StackSets
    from tests.deployed_hub import Deployed

PROFILE = load(PROJECT / "layers/consumer/profiles.yaml").profiles["default"]
BODY = PROJECT / "layers/consumer/consumer_role.yaml"
OPERATOR = "AdvanceOperation"
RESISTS = "must detach all policies first"


class _Fake:
    """How the fake is set up."""

    def __init__(self, hub: Hub) -> None:
        self._fake = FakeStackSets(hub)

    def stack_sets(self, function: str = OPERATOR) -> StackSets:  # noqa: ARG002 - any may everything
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

    def stack_sets(self, function: str = OPERATOR) -> StackSets:
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
def another(deployed: Deployed | None) -> Connection:
    account_id = deployed.world.organizations.create_member("another") if deployed else "999988887777"
    return Connection(account_id=account_id, profile="default")


@pytest.fixture
def wanted(hub: Hub) -> dict[str, str]:
    return parameters("default", PROFILE, hub)


def instance(there: _Fake | _Adapter, connection: Connection) -> StackInstance | None:
    """What those see who ask for the role."""
    found = there.stack_sets("EnsureConsumerRole").instance(connection.role_name, connection.account_id)
    there.stack_sets()  # what follows is called by the operator again
    return found


def seen(there: _Fake | _Adapter, connection: Connection) -> StackInstance:
    found = instance(there, connection)
    assert found is not None
    return found


def deploy(there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str], operation: str = "op-1") -> None:
    stack_sets = there.stack_sets()
    stack_sets.ensure_stack_set(connection.role_name, wanted)
    stack_sets.start_deployment(connection.role_name, [connection.account_id], wanted, operation, exists=False)
    there.pass_time()


def test_what_is_not_there_is_none_and_not_an_error(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    stack_sets, name = there.stack_sets(), connection.role_name
    for _ in range(2):  # without the stack set, and with it
        assert instance(there, connection) is None
        assert stack_sets.operation(name, "never") is OperationStatus.UNKNOWN
        stack_sets.ensure_stack_set(name, wanted)
    assert instance(there, connection.model_copy(update={"profile": "nowhere"})) is None
    assert not stack_sets.is_defined("quick-athena-nowhere", wanted)
    assert not stack_sets.check_stack_set("quick-athena-nowhere", wanted)
    there.stack_sets().check_ownership("quick-athena-nowhere")


def test_a_deployment_makes_the_role_once(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    stack_sets, name, account_id = there.stack_sets(), connection.role_name, connection.account_id
    for _ in range(2):  # the second finds the stack set, and the operation's id used
        assert stack_sets.ensure_stack_set(name, wanted)
        stack_sets.start_deployment(name, [account_id], wanted, "op-1", exists=False)
    assert stack_sets.operation(name, "op-1") is OperationStatus.RUNNING
    under_way = seen(there, connection)
    assert (under_way.in_progress, under_way.is_current, under_way.operation_id) == (True, False, "op-1")
    there.pass_time()
    assert stack_sets.operation(name, "op-1") is OperationStatus.ENDED
    made = seen(there, connection)
    assert (made.is_current, made.in_progress, made.is_drifted, made.reason) == (True, False, False, "")
    assert (dict(made.parameters), made.operation_id) == (wanted, "op-1")
    assert made.stack_id


def test_one_operation_deploys_to_many_accounts_each_with_its_own_result(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str], another: Connection
) -> None:
    there.refuse_the_role(another)
    accounts = [connection.account_id, another.account_id]
    stack_sets, name = there.stack_sets(), connection.role_name
    stack_sets.ensure_stack_set(name, wanted)
    stack_sets.start_deployment(name, accounts, wanted, "op-1", exists=False)
    running = stack_sets.results(name, "op-1")
    assert [(each.has_succeeded, each.has_failed) for each in running.values()] == [(False, False)] * 2
    there.pass_time()
    results = stack_sets.results(name, "op-1")
    assert results[connection.account_id] == OperationResult(has_succeeded=True)
    assert results[another.account_id].has_failed
    stack_sets.start_removal(name, accounts, "out-1", retain=False)
    there.pass_time()
    assert instance(there, connection) is None


def test_a_definition_is_shown_as_it_is(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    stack_sets, name = there.stack_sets(), connection.role_name
    nothing = stack_sets.definition(name)
    stack_sets.ensure_stack_set(name, wanted)
    built = stack_sets.definition(name)
    assert nothing != built == stack_sets.definition(name)
    there.change_body()
    there.stack_sets().start_update(name, [], wanted, "op-1")
    there.pass_time()
    assert stack_sets.definition(name) != built


def test_an_instance_that_exists_is_updated_with_its_own_parameters(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    deploy(there, connection, wanted)
    stack_sets, changed = there.stack_sets(), {**wanted, "KmsKeyAliases": "alias/sales"}
    before = seen(there, connection)
    stack_sets.start_deployment(connection.role_name, [connection.account_id], changed, "op-2", exists=True)
    assert seen(there, connection).in_progress
    there.pass_time()
    made = seen(there, connection)
    assert (made.is_current, dict(made.parameters), made.stack_id) == (True, changed, before.stack_id)


def test_a_failed_deployment_says_why(there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]) -> None:
    there.refuse_the_role(connection)
    deploy(there, connection, wanted)
    stack_sets = there.stack_sets()
    assert stack_sets.operation(connection.role_name, "op-1") is OperationStatus.ENDED
    result = stack_sets.results(connection.role_name, "op-1")[connection.account_id]
    assert (result.has_failed, result.has_succeeded) == (True, False)
    assert "already exists" in result.reason
    failed = seen(there, connection)
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
        stack_sets.start_update(name, [account_id], wanted, "op-2")
    assert stack_sets.operation(name, "op-2") is OperationStatus.RUNNING
    assert seen(there, connection).in_progress
    there.pass_time()
    assert stack_sets.is_defined(name, wanted)
    assert stack_sets.ensure_stack_set(name, wanted)
    assert (seen(there, connection).is_current, seen(there, connection).operation_id) == (True, "op-2")
    assert not stack_sets.is_defined(name, {**wanted, "KmsKeyAliases": "alias/sales"})


def test_an_update_for_an_account_without_an_instance_makes_none(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    stack_sets, name, account_id = there.stack_sets(), connection.role_name, connection.account_id
    stack_sets.ensure_stack_set(name, wanted)
    there.change_body()
    stack_sets = there.stack_sets()
    stack_sets.start_update(name, [account_id], wanted, "op-1")
    there.pass_time()
    assert stack_sets.operation(name, "op-1") is OperationStatus.ENDED
    assert instance(there, connection) is None
    assert stack_sets.is_defined(name, wanted)


def test_what_is_no_more_can_not_be_updated(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    stack_sets, name, accounts = there.stack_sets(), connection.role_name, [connection.account_id]
    stack_sets.ensure_stack_set(name, wanted)
    assert not stack_sets.start_deployment(name, accounts, wanted, "op-1", exists=True)
    assert not stack_sets.start_update(name, accounts, None, "op-2")
    assert stack_sets.start_update(name, [], wanted, "op-3"), "without instances the definition needs no target"
    assert stack_sets.start_deployment(name, accounts, wanted, "op-4", exists=False)


def test_a_removal_deletes_the_role_once(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    deploy(there, connection, wanted)
    removing, name, account_id = there.stack_sets(), connection.role_name, connection.account_id
    removing.check_ownership(name)
    for _ in range(2):  # the second finds the operation's id used
        removing.start_removal(name, [account_id], "out-1", retain=False)
    found = seen(there, connection)
    assert (found.is_current, found.in_progress, found.operation_id) == (False, True, "out-1")
    there.pass_time()
    assert removing.operation(name, "out-1") is OperationStatus.ENDED
    assert instance(there, connection) is None


def test_a_removal_from_a_stack_set_that_is_not_there_does_nothing(
    there: _Fake | _Adapter, connection: Connection
) -> None:
    removing = there.stack_sets()
    removing.start_removal("quick-athena-nowhere", [connection.account_id], "out-1", retain=False)
    assert removing.operation("quick-athena-nowhere", "out-1") is OperationStatus.UNKNOWN


def test_a_stack_that_resists_its_removal_says_why_and_can_only_be_made_anew(
    there: _Fake | _Adapter, connection: Connection, wanted: dict[str, str]
) -> None:
    deploy(there, connection, wanted)
    there.make_the_role_resist(connection)
    removing = there.stack_sets()
    removing.start_removal(connection.role_name, [connection.account_id], "out-1", retain=False)
    there.pass_time()
    assert RESISTS in removing.results(connection.role_name, "out-1")[connection.account_id].reason
    found = seen(there, connection)
    assert (found.is_current, found.in_progress, found.is_drifted) == (False, False, True)


def test_an_unmanaged_stack_set_is_neither_used_nor_emptied(there: _Fake | _Adapter, wanted: dict[str, str]) -> None:
    there.make_unmanaged("quick-athena-unmanaged")
    with pytest.raises(NotOurs, match="quick-athena-unmanaged"):
        there.stack_sets().ensure_stack_set("quick-athena-unmanaged", wanted)
    with pytest.raises(NotOurs, match="quick-athena-unmanaged"):
        there.stack_sets().check_stack_set("quick-athena-unmanaged", wanted)
    with pytest.raises(NotOurs, match="quick-athena-unmanaged"):
        there.stack_sets().check_ownership("quick-athena-unmanaged")
