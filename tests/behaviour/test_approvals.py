"""Port `Approvals`: people are asked once for each batch, and a replaced batch is asked about no longer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from control_plane.aws.approvals import StepFunctionsApprovals
from control_plane.aws.revocation_budget import DynamoDbRevocationBudget
from control_plane.ports.approvals import ApprovalBatch
from tests.fakes import FakeApprovals, FakeRevocationBudget

if TYPE_CHECKING:
    from control_plane.ports.access import RevocationBudget
    from control_plane.ports.approvals import Approvals
    from tests.deployed_hub import Deployed

NOW = "2026-11-24T08:00:00.000Z"


class _Fake:
    """Whom the fake asked about what."""

    def __init__(self) -> None:
        self._fake, self._budget = FakeApprovals(), FakeRevocationBudget()
        self._tokens: dict[str, str] = {}

    def approvals(self) -> Approvals:
        return self._fake

    def budget(self) -> RevocationBudget:
        return self._budget

    def pass_time(self) -> None:
        for batch in self._fake.batches:
            if batch.id not in self._tokens and self._budget.store_token(batch.id, f"token of {batch.id}"):
                self._tokens[batch.id] = f"token of {batch.id}"

    def questions(self) -> list[str]:
        open_batches = (each.id for each in self._fake.batches)
        return [each for each in open_batches if self._tokens.get(each) not in self._fake.refused]


@dataclass
class _Adapter:
    """Whom Step Functions asked about what."""

    deployed: Deployed

    def approvals(self) -> Approvals:
        machine = self.deployed.world.outputs["ApproveBatchArn"]
        return StepFunctionsApprovals(self.deployed.client_as("RevokeAccess", "stepfunctions"), machine)

    def budget(self) -> RevocationBudget:
        return DynamoDbRevocationBudget(*self.deployed.registry("RevokeAccess"))

    def pass_time(self) -> None:
        clock = self.deployed.world.clock
        clock.run(until=clock.now() + timedelta(minutes=5))  # type: ignore[attr-defined]  # a virtual clock

    def questions(self) -> list[str]:
        executions = self.deployed.world.step_functions.executions
        return [each.input["batch"] for each in executions if "batch" in each.input and each.status == "RUNNING"]


@pytest.fixture
def there(deployed: Deployed | None) -> _Fake | _Adapter:
    return _Adapter(deployed) if deployed else _Fake()


def held(there: _Fake | _Adapter, *connections: str) -> ApprovalBatch:
    batch = there.budget().hold(connections, NOW)
    assert batch is not None
    return batch


def test_people_are_asked_once_about_a_batch(there: _Fake | _Adapter) -> None:
    batch = held(there, "222233334444#default")
    for _ in range(2):
        there.approvals().ask(batch)
        there.pass_time()
    assert there.questions() == [batch.id]


def test_nobody_is_asked_about_an_empty_batch(there: _Fake | _Adapter) -> None:
    there.approvals().ask(ApprovalBatch("1-20261124080000"))
    there.pass_time()
    assert there.questions() == []


def test_the_question_about_a_replaced_batch_ends(there: _Fake | _Adapter) -> None:
    there.approvals().ask(held(there, "222233334444#default"))
    there.pass_time()
    newer = held(there, "222233334444#default", "333344445555#default")
    assert newer.replaced_token
    there.approvals().ask(newer)
    there.pass_time()
    assert there.questions() == [newer.id]


def test_a_token_that_is_no_longer_valid_does_not_stop_the_next_question(there: _Fake | _Adapter) -> None:
    batch = held(there, "222233334444#default")._replace(replaced_token="used before")
    there.approvals().ask(batch)
    there.pass_time()
    assert there.questions() == [batch.id]
