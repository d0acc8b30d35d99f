"""Every test runs twice: on the fake of a port, and on its adapter over a deployed hub. Both keep one promise.

What a port needs to be set up goes through fixtures of its module, with one implementation for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.deployed_hub import Deployed, client_as, connection, hub, world

if TYPE_CHECKING:
    from collections.abc import Callable

    from control_plane.account import Hub
    from sandbox.organization import Sandbox

__all__ = ["client_as", "connection", "hub", "world"]


@pytest.fixture(params=["fake", "adapter"])
def deployed(
    request: pytest.FixtureRequest, world: Sandbox, hub: Hub, client_as: Callable[[str, str], Any]
) -> Deployed | None:
    """The deployed hub for the adapter; None: the fake is tested."""
    return Deployed(world, hub, client_as) if request.param == "adapter" else None
