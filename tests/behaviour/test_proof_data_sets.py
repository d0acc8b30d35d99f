"""Port `ProofDataSets`: the data set of a proof imports one row, says how that ended, and goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from control_plane.aws.proof_data_sets import AwsProofDataSets
from control_plane.ports.quick import Ingestion, Refusal
from tests.fakes import FakeProofDataSets

if TYPE_CHECKING:
    from control_plane.account import Connection, Hub
    from control_plane.ports.quick import ProofDataSets
    from tests.deployed_hub import Deployed

SQL = "SELECT 1 AS proof"


class _Fake:
    """How the fake is set up. An import fails unless the connection was made."""

    def __init__(self, hub: Hub) -> None:
        self._fake = FakeProofDataSets(hub)
        self._fake.failures.append(Refusal("FAILURE_TO_ASSUME_ROLE", "the role chain is refused"))

    def data_sets(self) -> ProofDataSets:
        return self._fake

    def connect(self, connection: Connection) -> None:  # noqa: ARG002 - the fake has no roles
        self._fake.failures.clear()

    def make_data_source(self, connection: Connection) -> None:
        """The fake believes that every data source exists."""

    def pass_time(self) -> None:
        self._fake.tick()


@dataclass
class _Adapter:
    """How Amazon Quick is set up: the data source is there, with roles behind it or without."""

    deployed: Deployed

    def data_sets(self) -> ProofDataSets:
        return AwsProofDataSets(self.deployed.client_as("EnsureProof", "quicksight"), self.deployed.hub)

    def connect(self, connection: Connection) -> None:
        self.deployed.world.tag(connection.account_id, "enabled")
        self.pass_time()

    def make_data_source(self, connection: Connection) -> None:
        world, hub = self.deployed.world, self.deployed.hub
        world.quick.refuses_as = "ACCESS_DENIED"
        athena = {"RoleArn": hub.run_as_role_arn, "ConsumerAccountRoleArn": connection.consumer_role_arn(hub)}
        with world.cloud.administering(hub.account_id):
            world.cloud.client("quicksight").create_data_source(
                AwsAccountId=hub.account_id,
                DataSourceId=connection.data_source_id,
                Name="sales",
                Type="ATHENA",
                DataSourceParameters={"AthenaParameters": athena},
            )

    def pass_time(self) -> None:
        clock = self.deployed.world.clock
        clock.run(until=clock.now() + timedelta(minutes=10))  # type: ignore[attr-defined]  # a virtual clock


@pytest.fixture
def there(deployed: Deployed | None, hub: Hub) -> _Fake | _Adapter:
    return _Adapter(deployed) if deployed else _Fake(hub)


def test_what_does_not_exist_is_none_and_its_removal_no_error(there: _Fake | _Adapter, connection: Connection) -> None:
    data_sets = there.data_sets()
    data_sets.remove(connection.proof_id)
    assert data_sets.tags(connection.proof_id) is None
    assert data_sets.ingestion(connection.proof_id, "any") is None


def test_it_is_ours_imports_one_row_and_goes(there: _Fake | _Adapter, connection: Connection, hub: Hub) -> None:
    there.connect(connection)
    data_sets, proof_id = there.data_sets(), connection.proof_id
    begun = data_sets.create(proof_id, connection.data_source_arn(hub), SQL)
    assert isinstance(begun, str)
    assert data_sets.tags(proof_id) == hub.ownership_tags
    assert data_sets.ingestion(proof_id, begun) == Ingestion(is_over=False)
    there.pass_time()
    assert data_sets.ingestion(proof_id, begun) == Ingestion(is_over=True, rows=1)
    assert data_sets.ingestion(proof_id, "another") is None
    data_sets.remove(proof_id)
    assert (data_sets.tags(proof_id), data_sets.ingestion(proof_id, begun)) == (None, None)


def test_an_import_that_fails_says_why(there: _Fake | _Adapter, connection: Connection, hub: Hub) -> None:
    there.make_data_source(connection)
    data_sets = there.data_sets()
    begun = data_sets.create(connection.proof_id, connection.data_source_arn(hub), SQL)
    assert isinstance(begun, str)
    there.pass_time()
    found = data_sets.ingestion(connection.proof_id, begun)
    assert found is not None
    assert found.failure is not None
    assert (found.is_over, found.failure.kind, bool(found.failure.message)) == (True, "FAILURE_TO_ASSUME_ROLE", True)


def test_an_id_is_used_once(there: _Fake | _Adapter, connection: Connection, hub: Hub) -> None:
    there.make_data_source(connection)
    data_sets, source = there.data_sets(), connection.data_source_arn(hub)
    assert isinstance(data_sets.create(connection.proof_id, source, SQL), str)
    refusal = data_sets.create(connection.proof_id, source, SQL)
    assert isinstance(refusal, Refusal)
    assert refusal.kind == "ResourceExistsException"
