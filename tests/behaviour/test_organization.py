"""Ports `Organization` and `AccountStates`: an account with its tags, its state and the unit that counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from control_plane.account import Account, Unit
from control_plane.aws.organizations import AwsOrganization
from control_plane.errors import AccountNotFound
from tests.fakes import FakeOrganization

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.deployed_hub import Deployed

TAG = "quick-athena"
Tags = dict[str, str]


class _Fake:
    """How the fake is set up."""

    def __init__(self) -> None:
        self._fake = FakeOrganization()

    def organization(self) -> FakeOrganization:
        return self._fake

    def create_account(self, tags: Tags, *units: Tags) -> str:
        account_id = f"{222200000000 + len(self._fake.accounts)}"
        self._fake.accounts[account_id] = Account(id=account_id, name="sales", state="ACTIVE", tags=tags)
        self._fake.units[account_id] = [Unit(id=f"ou-{number}", tags=each) for number, each in enumerate(units)]
        if units:
            self._fake.names[account_id] = f"level {len(units) - 1}"
        return account_id

    def suspend(self, account_id: str) -> None:
        there = self._fake.accounts[account_id]
        self._fake.accounts[account_id] = there.model_copy(update={"state": "SUSPENDED"})


@dataclass
class _Adapter:
    """How AWS Organizations is set up. The units are created from the outermost one to the nearest one."""

    deployed: Deployed

    def organization(self) -> AwsOrganization:
        return AwsOrganization(self.deployed.client_as("AssessAccount", "organizations"))

    def create_account(self, tags: Tags, *units: Tags) -> str:
        organizations = self.deployed.world.organizations
        parent = None
        for number, unit_tags in enumerate(reversed(units)):
            parent = organizations.create_unit(f"level {number}", parent=parent)
            self._tag(parent, unit_tags)
        return organizations.create_member("sales", tags=tags, parent=parent)

    def suspend(self, account_id: str) -> None:
        self.deployed.world.organizations.suspend(account_id)

    def _tag(self, unit_id: str, tags: Mapping[str, str]) -> None:
        resource: Any = self.deployed.world.organizations.directory.resource(unit_id)
        resource.tags.update(tags)  # without an event, which would start a sweep


@pytest.fixture
def there(deployed: Deployed | None) -> _Fake | _Adapter:
    return _Adapter(deployed) if deployed else _Fake()


def test_an_account_is_read_with_its_name_state_and_tags(there: _Fake | _Adapter) -> None:
    account_id = there.create_account({TAG: "enabled", "team": "x"})
    organization = there.organization()
    found = organization.account(account_id, TAG)
    assert found == Account(
        id=account_id, name="sales", state="ACTIVE", tags={TAG: "enabled", "team": "x"}, above=found.above
    )
    assert found.above in (None, organization.units_above(account_id)), "they may be read later"


def test_without_a_tag_of_its_own_the_nearest_unit_that_has_it_counts(there: _Fake | _Adapter) -> None:
    account_id = there.create_account({"team": "x"}, {"cost": "1"}, {TAG: "finance"}, {TAG: "enabled"})
    unit = there.organization().account(account_id, TAG).unit
    assert unit is not None
    assert unit.tags == {TAG: "finance"}
    assert there.organization().account(account_id, "another-tag").unit is None


def test_with_a_tag_of_its_own_no_unit_counts(there: _Fake | _Adapter) -> None:
    account_id = there.create_account({TAG: "paused"}, {TAG: "enabled"})
    assert there.organization().account(account_id, TAG).unit is None


def test_an_account_of_no_organization_of_ours_is_not_found_and_not_active(there: _Fake | _Adapter) -> None:
    with pytest.raises(AccountNotFound):
        there.organization().account("999988887777", TAG)
    assert not there.organization().is_active("999988887777")


def test_an_account_is_active_until_it_is_suspended(there: _Fake | _Adapter) -> None:
    account_id = there.create_account({})
    assert there.organization().is_active(account_id)
    there.suspend(account_id)
    assert not there.organization().is_active(account_id)
    assert there.organization().account(account_id, TAG).state == "SUSPENDED"


@pytest.mark.parametrize(("units", "name"), [((), "Root"), (({},), "level 0"), (({}, {}), "level 1")])
def test_the_ou_of_an_account_has_a_name(there: _Fake | _Adapter, units: tuple[Tags, ...], name: str) -> None:
    account_id = there.create_account({}, *units)
    assert there.organization().unit_name(account_id) == name
