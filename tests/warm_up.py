"""What every deployed world needs is loaded by having one come and go: models, parsers, handlers, clients."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.aws.clock import VirtualClock
from sandbox.organization import Sandbox

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def once() -> None:
    """An account with a lake is connected, swept and revoked in a world of which nothing remains."""
    clock = VirtualClock(START)
    with Sandbox(clock) as world:
        world.create_organization()
        world.deploy()
        account_id = world.organizations.create_member("pioneer")
        world.quick.seed_lake(account_id, "quick_sales", "orders", f"quick-data-{account_id}")
        world.tag(account_id, "enabled")
        clock.run()
        world.step_functions.start(world.outputs["SweepOrganizationArn"], {})
        clock.run()
        world.untag(account_id)
        clock.run()
