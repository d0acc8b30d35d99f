"""Port `QuickAccount`: what the hub bought, and which groups exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from control_plane.aws.quicksight import AwsQuickAccount
from tests.fakes import FakeQuickAccount

if TYPE_CHECKING:
    from control_plane.ports.quick import QuickAccount
    from tests.deployed_hub import Deployed


class _Fake:
    """How the fake is set up."""

    def __init__(self) -> None:
        self._fake = FakeQuickAccount(groups=())

    def quick_account(self) -> QuickAccount:
        return self._fake

    def subscribe(self, edition: str | None) -> None:
        self._fake.bought = edition

    def create_group(self, name: str) -> None:
        self._fake.groups.add(name)

    def create_user(self, name: str) -> None:
        self._fake.users.add(name)

    def create_folder(self, folder_id: str) -> None:
        self._fake.folders.add(folder_id)


@dataclass
class _Adapter:
    """How Amazon Quick is set up."""

    deployed: Deployed

    def quick_account(self) -> QuickAccount:
        client = self.deployed.client_as("AssessAccount", "quicksight")
        return AwsQuickAccount(client, client, self.deployed.hub, "default")

    def subscribe(self, edition: str | None) -> None:
        self.deployed.world.quick.subscription.edition = edition

    def create_group(self, name: str) -> None:
        with self.deployed.as_administrator("quicksight") as client:
            client.create_group(AwsAccountId=self.deployed.hub.account_id, Namespace="default", GroupName=name)

    def create_user(self, name: str) -> None:
        with self.deployed.as_administrator("quicksight") as client:
            client.register_user(
                AwsAccountId=self.deployed.hub.account_id,
                Namespace="default",
                IdentityType="QUICKSIGHT",
                Email=f"{name}@example.com",
                UserRole="AUTHOR",
                UserName=name,
            )

    def create_folder(self, folder_id: str) -> None:
        with self.deployed.as_administrator("quicksight") as client:
            client.create_folder(AwsAccountId=self.deployed.hub.account_id, FolderId=folder_id, Name=folder_id)


@pytest.fixture
def there(deployed: Deployed | None) -> _Fake | _Adapter:
    return _Adapter(deployed) if deployed else _Fake()


def test_a_subscription_is_seen_as_soon_as_it_is_enough(there: _Fake | _Adapter) -> None:
    quick = there.quick_account()
    for edition in (None, "STANDARD", "ENTERPRISE"):
        there.subscribe(edition)
        assert quick.edition() == edition


def test_every_edition_is_told_by_its_name(there: _Fake | _Adapter) -> None:
    there.subscribe("ENTERPRISE_AND_Q")
    assert there.quick_account().edition() == "ENTERPRISE_AND_Q"


def test_a_group_exists_from_its_creation_on(there: _Fake | _Adapter) -> None:
    quick = there.quick_account()
    assert [quick.has_group(name) for name in ("analysts", "auditors")] == [False, False]
    there.create_group("analysts")
    assert [quick.has_group(name) for name in ("analysts", "auditors")] == [True, False]


def test_a_user_exists_from_its_creation_on(there: _Fake | _Adapter) -> None:
    quick = there.quick_account()
    assert [quick.has_user(name) for name in ("ann", "ben")] == [False, False]
    there.create_user("ann")
    assert [quick.has_user(name) for name in ("ann", "ben")] == [True, False]


def test_a_folder_exists_from_its_creation_on(there: _Fake | _Adapter) -> None:
    quick = there.quick_account()
    assert [quick.has_folder(name) for name in ("sales", "hr")] == [False, False]
    there.create_folder("sales")
    assert [quick.has_folder(name) for name in ("sales", "hr")] == [True, False]
