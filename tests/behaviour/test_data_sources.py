"""Port `DataSources`: a data source is created, shared, changed and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from control_plane.access_policy import Shard
from control_plane.aws.iam import AwsAccessPolicies
from control_plane.aws.quicksight import AwsDataSources
from control_plane.aws.stack_sets import AwsStackSets
from control_plane.errors import DataSourceFailed
from control_plane.ports.quick import DataSource, DataSourceSettings, Sharing
from control_plane.profiles import load, parameters
from control_plane.steps.access import external_ids
from sandbox.organization import PROJECT
from tests.fakes import FakeDataSources

if TYPE_CHECKING:
    from control_plane.account import Connection, Hub
    from control_plane.ports.quick import DataSources
    from tests.deployed_hub import Deployed

PROFILE = load(PROJECT / "layers/consumer/profiles.yaml").profiles["default"]
BODY = PROJECT / "layers/consumer/consumer_role.yaml"
OWNERS, AUTHORS = "quick-athena-owners", "quick-athena-authors"
SHARING = Sharing(frozenset({OWNERS}), frozenset({AUTHORS}))
TO_NOBODY = Sharing(frozenset({"nobody"}), frozenset())


class _Fake:
    """How the fake is set up. A creation succeeds if a role chain was created for it."""

    def __init__(self, hub: Hub) -> None:
        self._fake = FakeDataSources(hub)
        self._fake.missing_groups = {"nobody"}
        self._has_chain = False

    def data_sources(self) -> DataSources:
        return self._fake

    def create_role_chain(self, connection: Connection) -> None:  # noqa: ARG002 - the fake has no roles
        self._has_chain = True

    def create_folder(self, folder_id: str) -> None:
        self._fake.folders[folder_id] = set()

    def pass_time(self) -> None:
        if not self._has_chain:
            self._fake.refusals.append(("ACCESS_DENIED", "the role chain is refused"))
        self._fake.tick()
        self._fake.refusals.clear()


@dataclass
class _Adapter:
    """How Amazon Quick is set up. It reports a refused role chain when the creation ends, not at once."""

    deployed: Deployed

    def data_sources(self) -> DataSources:
        self.deployed.world.quick.refuses_as = "ACCESS_DENIED"
        client = self.deployed.client_as("EnsureDataSource", "quicksight")
        return AwsDataSources(client, self.deployed.hub, self.deployed.hub.region, "default")

    def create_role_chain(self, connection: Connection) -> None:
        hub, wanted = self.deployed.hub, parameters("default", PROFILE, self.deployed.hub)
        stack_sets = AwsStackSets(self.deployed.client_as("AdvanceOperation", "cloudformation"), hub, BODY)
        stack_sets.ensure_stack_set(connection.role_name, wanted)
        stack_sets.start_deployment(connection.role_name, [connection.account_id], wanted, "op-1", exists=False)
        policies = AwsAccessPolicies(self.deployed.client_as("EnsureAccess", "iam"), hub, external_ids(hub))
        policies.write(Shard(1, (connection.consumer_role_arn(hub),)))
        self.pass_time()

    def create_folder(self, folder_id: str) -> None:
        with self.deployed.as_administrator("quicksight") as client:
            client.create_folder(AwsAccountId=self.deployed.hub.account_id, FolderId=folder_id, Name=folder_id)

    def pass_time(self) -> None:
        clock = self.deployed.world.clock
        clock.run(until=clock.now() + timedelta(minutes=5))  # type: ignore[attr-defined]  # a virtual clock


@pytest.fixture
def there(deployed: Deployed | None, hub: Hub) -> _Fake | _Adapter:
    return _Adapter(deployed) if deployed else _Fake(hub)


@pytest.fixture
def settings(connection: Connection, hub: Hub) -> DataSourceSettings:
    return DataSourceSettings(connection.role_name, hub.run_as_role_arn, connection.consumer_role_arn(hub))


def seen(quick: DataSources, connection: Connection) -> DataSource:
    found = quick.find(connection.data_source_id)
    assert found is not None
    return found


def test_what_does_not_exist_is_none_and_its_removal_no_error(
    there: _Fake | _Adapter, connection: Connection, settings: DataSourceSettings
) -> None:
    quick, source_id = there.data_sources(), connection.data_source_id
    assert quick.find(source_id) is None
    quick.remove(source_id)
    refusal = quick.update(source_id, "A name", settings)
    assert refusal is not None
    assert refusal.kind == "ResourceNotFoundException"
    with pytest.raises(DataSourceFailed, match=source_id):
        quick.share(source_id, SHARING)


def test_a_creation_takes_time_and_succeeds_through_the_role_chain(
    there: _Fake | _Adapter, connection: Connection, settings: DataSourceSettings, hub: Hub
) -> None:
    there.create_role_chain(connection)
    quick = there.data_sources()
    assert quick.create(connection.data_source_id, "A name", settings, SHARING) is None
    created = seen(quick, connection)
    assert created == DataSource("in_progress", "A name", settings, SHARING, created.tags)
    assert hub.ownership_tags.items() <= created.tags.items()
    there.pass_time()
    assert seen(quick, connection) == created._replace(state="successful")


def test_a_creation_without_the_role_chain_fails_and_says_why(
    there: _Fake | _Adapter, connection: Connection, settings: DataSourceSettings
) -> None:
    quick = there.data_sources()
    assert quick.create(connection.data_source_id, "A name", settings, SHARING) is None
    there.pass_time()
    failed = seen(quick, connection)
    assert (failed.state, failed.failure_type, bool(failed.failure)) == ("creation_failed", "ACCESS_DENIED", True)
    quick.remove(connection.data_source_id)
    assert quick.find(connection.data_source_id) is None


def test_an_id_is_used_once(there: _Fake | _Adapter, connection: Connection, settings: DataSourceSettings) -> None:
    quick = there.data_sources()
    assert quick.create(connection.data_source_id, "A name", settings, SHARING) is None
    for sharing in (SHARING, TO_NOBODY):
        refusal = quick.create(connection.data_source_id, "Another name", settings, sharing)
        assert refusal is not None
        assert refusal.kind == "ResourceExistsException"
    assert seen(quick, connection).name == "A name"


def test_an_update_changes_name_and_settings_when_no_other_change_is_in_progress(
    there: _Fake | _Adapter, connection: Connection, settings: DataSourceSettings
) -> None:
    there.create_role_chain(connection)
    quick, source_id = there.data_sources(), connection.data_source_id
    quick.create(source_id, "A name", settings._replace(work_group="primary"), SHARING)
    refusal = quick.update(source_id, "Too early", settings)
    assert refusal is not None
    assert refusal.kind == "ConflictException"
    there.pass_time()
    assert quick.update(source_id, "Renamed", settings) is None
    assert seen(quick, connection).state == "in_progress"
    there.pass_time()
    updated = seen(quick, connection)
    assert (updated.state, updated.name, updated.settings, updated.sharing) == (
        "successful",
        "Renamed",
        settings,
        SHARING,
    )


def test_a_failed_update_says_why_and_a_later_one_clears_it(
    there: _Fake | _Adapter, connection: Connection, settings: DataSourceSettings
) -> None:
    quick, source_id = there.data_sources(), connection.data_source_id
    quick.create(source_id, "A name", settings, SHARING)
    there.pass_time()
    assert quick.update(source_id, "Renamed", settings) is None
    there.pass_time()
    failed = seen(quick, connection)
    assert (failed.state, failed.failure_type) == ("update_failed", "ACCESS_DENIED")
    there.create_role_chain(connection)
    quick = there.data_sources()
    assert quick.update(source_id, "Renamed", settings) is None
    there.pass_time()
    repaired = seen(quick, connection)
    assert (repaired.state, repaired.failure_type, repaired.failure) == ("successful", "", "")


def test_it_is_shared_with_exactly_the_groups_that_are_named(
    there: _Fake | _Adapter, connection: Connection, settings: DataSourceSettings
) -> None:
    quick, source_id = there.data_sources(), connection.data_source_id
    quick.create(source_id, "A name", settings, SHARING)
    reversed_groups = Sharing(frozenset({AUTHORS}), frozenset({OWNERS}))
    only_owners = Sharing(frozenset({OWNERS}), frozenset())
    for sharing in (reversed_groups, only_owners, only_owners, SHARING):
        quick.share(source_id, sharing)
        assert seen(quick, connection).sharing == sharing


def test_a_group_that_does_not_exist_is_refused_by_name(
    there: _Fake | _Adapter, connection: Connection, settings: DataSourceSettings
) -> None:
    quick, source_id = there.data_sources(), connection.data_source_id
    refusal = quick.create(source_id, "A name", settings, TO_NOBODY)
    assert refusal is not None
    assert "group/default/nobody" in refusal.message
    assert quick.find(source_id) is None
    quick.create(source_id, "A name", settings, SHARING)
    with pytest.raises(DataSourceFailed, match="group/default/nobody"):
        quick.share(source_id, TO_NOBODY)
    assert seen(quick, connection).sharing == SHARING


def test_it_is_put_into_a_folder_that_exists(
    there: _Fake | _Adapter, connection: Connection, settings: DataSourceSettings
) -> None:
    quick, source_id = there.data_sources(), connection.data_source_id
    there.create_folder("sales")
    quick.create(source_id, "A name", settings, SHARING)
    assert not quick.is_in_folder(source_id, "sales")
    assert quick.put_in_folder(source_id, "sales") is None
    assert [quick.is_in_folder(source_id, folder) for folder in ("sales", "hr")] == [True, False]
    refusal = quick.put_in_folder(source_id, "hr")
    assert refusal is not None
    assert refusal.kind == "ResourceNotFoundException"


def test_a_folder_takes_one_data_source_of_a_name(
    there: _Fake | _Adapter, connection: Connection, settings: DataSourceSettings
) -> None:
    quick, source_id = there.data_sources(), connection.data_source_id
    there.create_folder("sales")
    other_id = f"{source_id}2"
    for each in (source_id, other_id):
        quick.create(each, "A name", settings, SHARING)
    quick.put_in_folder(other_id, "sales")
    refusal = quick.put_in_folder(source_id, "sales")
    assert refusal is not None
    assert refusal.kind == "ResourceExistsException"
