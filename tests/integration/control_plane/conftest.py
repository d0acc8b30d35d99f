"""The hub's own AWS, deployed: each adapter speaks to it as the function that uses it."""

from __future__ import annotations

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


@prototype
def world() -> Iterator[Sandbox]:
    """A deployed sandbox."""
    with Sandbox(VirtualClock(START)) as world:
        world.create_organization()
        world.deploy()
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
