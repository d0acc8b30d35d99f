"""Port `Reconciles`: an execution of ReconcileAccount for each name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from control_plane.aws.reconciles import StepFunctionsReconciles
from tests.fakes import FakeReconciles

if TYPE_CHECKING:
    from control_plane.account import Connection
    from control_plane.ports.reconciles import Reconciles
    from tests.deployed_hub import Deployed


class _Fake:
    """What the fake started."""

    def __init__(self) -> None:
        self._fake = FakeReconciles()

    def reconciles(self, _function: str) -> Reconciles:
        return self._fake

    def inputs(self, connection: Connection) -> dict[str, Any]:
        return {name: each for name, each in self._fake.started.items() if each["account_id"] == connection.account_id}


@dataclass
class _Adapter:
    """What Step Functions started."""

    deployed: Deployed

    def reconciles(self, function: str) -> Reconciles:
        machine = self.deployed.world.outputs["ReconcileAccountArn"]
        return StepFunctionsReconciles(self.deployed.client_as(function, "stepfunctions"), machine)

    def inputs(self, connection: Connection) -> dict[str, Any]:
        executions = self.deployed.world.step_functions.executions
        return {each.name: each.input for each in executions if each.input.get("account_id") == connection.account_id}


@pytest.fixture
def there(deployed: Deployed | None) -> _Fake | _Adapter:
    return _Adapter(deployed) if deployed else _Fake()


@pytest.mark.parametrize("function", ["WatchRegistry", "StartReconciles", "ApplyRevocations"])
def test_a_reconcile_is_started_once_for_each_name(
    there: _Fake | _Adapter, connection: Connection, function: str
) -> None:
    reconciles = there.reconciles(function)
    for name, reason in (("one", "first"), ("one", "again"), ("two", "second")):
        reconciles.start(connection.account_id, reason, f"{name}-{connection.account_id}")
    assert there.inputs(connection) == {
        f"one-{connection.account_id}": {"account_id": connection.account_id, "reason": "first"},
        f"two-{connection.account_id}": {"account_id": connection.account_id, "reason": "second"},
    }


def test_it_gets_the_profiles_that_no_record_mentions(there: _Fake | _Adapter, connection: Connection) -> None:
    there.reconciles("StartReconciles").start(connection.account_id, "found", "three", ("sales", "finance"))
    (payload,) = there.inputs(connection).values()
    assert payload["profiles"] == ["sales", "finance"]
