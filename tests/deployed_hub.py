"""The hub's own AWS, deployed: each adapter speaks to it as the function that uses it.

Fixtures for the conftest.py of those folders that need them.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from control_plane.account import Connection, Hub
from sandbox.aws.clock import VirtualClock
from sandbox.aws.identity import acting_as
from sandbox.organization import Sandbox
from tests.prototypes import prototype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Deployed:
    """The deployed hub. From each call on, whatever is called is called by the function named last."""

    world: Sandbox
    hub: Hub
    client_as: Callable[[str, str], Any]

    def registry(self, function: str) -> tuple[Any, str]:
        """What every adapter of the registry table is made of."""
        return self.client_as(function, "dynamodb"), self.world.outputs["RegistryTableName"]

    def put(self, pk: str, sk: str, **attributes: Any) -> None:
        """Store an item in the registry table."""
        item = {"pk": {"S": pk}, "sk": {"S": sk}, **attributes}
        with self.as_administrator("dynamodb") as client:
            client.put_item(TableName=self.world.outputs["RegistryTableName"], Item=item)

    @contextmanager
    def as_administrator(self, service: str) -> Iterator[Any]:
        """A client; calls inside are an administrator's of the hub."""
        with self.world.cloud.administering(self.hub.account_id):
            yield self.world.cloud.client(service)

    def pass_time(self) -> None:
        """Everything that goes on by itself comes to its end."""
        self.world.clock.run()  # type: ignore[attr-defined]  # a virtual clock


@prototype
def world() -> Iterator[Sandbox]:
    """A deployed sandbox."""
    with Sandbox(VirtualClock(START)) as world:
        world.create_organization()
        world.deploy()
        world.warm_up()
        yield world


@pytest.fixture
def hub(world: Sandbox) -> Hub:
    """The deployed hub."""
    place = world.cloud.topology
    return Hub(
        account_id=place.hub,
        management_account_id=place.management,
        region=place.region,
        partition="aws",
        organization_id=world.organizations.organization_id,
        root_id=world.organizations.root_id,
        run_as_role_arn=world.outputs["RunAsRoleArn"],
        deployment_id="default",
    )


@pytest.fixture
def connection(world: Sandbox) -> Connection:
    """A connection of an account nobody touched yet."""
    name = f"member-{len(world.organizations.directory.backend.accounts)}"
    return Connection(account_id=world.organizations.create_member(name), profile="default")


@pytest.fixture
def client_as(world: Sandbox) -> Iterator[Callable[[str, str], Any]]:
    """Makes clients that sign as a function's role for the rest of the test: `client_as("EnsureAccess", "iam")`."""
    stack = []

    def make(function: str, service: str) -> Any:
        with world.cloud.administering(world.cloud.topology.hub):
            roles = [
                r for page in world.cloud.client("iam").get_paginator("list_roles").paginate() for r in page["Roles"]
            ]
        (arn,) = [role["Arn"] for role in roles if f"{function}FunctionRole" in role["RoleName"]]
        documents = world.iam.documents_of(arn)
        assert documents is not None
        acting = acting_as(world.cloud.identities.role_session(documents.principal))
        acting.__enter__()
        stack.append(acting)
        region = "us-east-1" if service == "organizations" else world.cloud.topology.region
        return world.cloud.client(service, region)

    yield make
    for acting in reversed(stack):
        acting.__exit__(None, None, None)
