"""`python -m sandbox serve`: a deployed sandbox for anybody's AWS client, until SIGTERM."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.clock import ScaledClock
from sandbox.server import Server
from sandbox.services.sts import Asked
from sandbox.world import OPT_IN_TAG, PROJECT, Sandbox

HELP = """Serve the sandbox to any AWS client, until SIGTERM.

When all is deployed, one JSON line on stdout says where and as whom: endpoint_url, region, accounts, credentials (an
administrator's, for each account), registry_table, role_a_arn, role_a_session (as Quick would hold it, without
scope-down), opt_in_tag. Everything else goes to stderr.

    POST   /sandbox/advance  {"seconds": n}    go on so far, from due moment to due moment, and wait until nothing
                                               runs between them; answers {"now", "fired", "running"}, or 409
    POST   /sandbox/events   {"drop": p, "repeat": p, "delay_seconds": n, "seed": n}    the fate of organization events
    GET    /sandbox/calls                      every call: time, account, role, service, operation, resource, outcome
    POST   /sandbox/faults   {"service", "operation", "effect": "fail|hang|late", "code", "message", "account", "role",
                              "times": n or null, "seconds": n}    make a named call fail, hang or answer late
    DELETE /sandbox/faults                     no faults any more

Signatures and HTTP use real time; waits, schedules, operations and propagation use the sandbox's clock.
"""


def main(port: int, accounts: int, speed: float, profiles: Path | None) -> int:
    """Deploy, say where, serve; the exit code."""
    clock = ScaledClock(datetime.now(UTC), speed)
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(clock, consumer_layer=_layer(profiles, Path(folder))) as world,
    ):
        world.found()
        members, suspended = _populate(world, accounts)
        world.deploy()
        server = Server(world, clock, port)
        signal.signal(signal.SIGTERM, lambda *_: server.stop())
        signal.signal(signal.SIGINT, lambda *_: server.stop())
        sys.stdout.write(json.dumps(_announcement(world, server, members, suspended)) + "\n")
        sys.stdout.flush()
        server.run()
    clock.close()
    return 0


def _layer(profiles: Path | None, folder: Path) -> Path | None:
    """The consumer layer with another profiles file, when one is given."""
    if profiles is None:
        return None
    shutil.copytree(PROJECT / "layers/consumer", folder / "consumer")
    shutil.copy(profiles, folder / "consumer/profiles.yaml")
    return folder / "consumer"


def _populate(world: Sandbox, accounts: int) -> tuple[list[str], list[str]]:
    """Members spread over the root and two nested OUs, and one suspended account."""
    workloads = world.organizations.create_unit("workloads")
    places = [None, workloads, world.organizations.create_unit("data", parent=workloads)]
    members = [
        world.organizations.create_member(f"member-{number:03}", parent=places[number % len(places)])
        for number in range(1, accounts + 1)
    ]
    closed = world.organizations.create_member("closed")
    world.organizations.suspend(closed)
    return members, [closed]


def _announcement(world: Sandbox, server: Server, members: list[str], suspended: list[str]) -> dict[str, Any]:
    place, identities = world.cloud.landscape, world.cloud.identities
    everyone = [place.management, place.hub, *members, *suspended]
    return {
        "endpoint_url": server.endpoint_url,
        "region": place.region,
        "accounts": {
            "management": place.management,
            "hub": place.hub,
            "members": members,
            "suspended": suspended,
        },
        "credentials": {account: identities.administrator(account).credentials() for account in everyone},
        "registry_table": world.outputs["RegistryTableName"],
        "role_a_arn": world.outputs["RunAsRoleArn"],
        "role_a_session": _role_a_session(world),
        "opt_in_tag": OPT_IN_TAG,
    }


def _role_a_session(world: Sandbox) -> dict[str, str]:
    place = world.cloud.landscape
    source = f"arn:aws:quicksight:{place.region}:{place.hub}:datasource/quick-athena"
    asked = Asked(
        world.outputs["RunAsRoleArn"],
        session_name="quicksight",
        context={"aws:SourceAccount": place.hub, "aws:SourceArn": source},
    )
    return world.sts.as_service("quicksight.amazonaws.com", asked).credentials()
