"""`python -m sandbox serve`: a sandbox for anybody's AWS client, until SIGTERM."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from control_plane.errors import InvalidProfiles
from control_plane.profiles import load as load_profiles
from sandbox import shell
from sandbox.aws import AssumeRoleRequest, ScaledClock
from sandbox.aws.server import Server
from sandbox.organization import Sandbox
from sandbox.product import CONSUMER_LAYER, OPT_IN_TAG

if TYPE_CHECKING:
    from collections.abc import Collection

    from control_plane.profiles import Profile

WORKERS = 2  # so that races between calls show; more of them only wait for each other, and computing is one core's


class CannotServe(Exception):
    """What was asked for cannot be served; the message says why."""


class Deployed(Enum):
    """How much of the product is there when the sandbox is announced."""

    EVERYTHING = "the boundaries, the hub and the forwarding rule"
    BOUNDARIES = "what an administrator deploys; sam deploy comes next"
    NOTHING = "an organization"


def main(port: int, accounts: int, speed: float, profiles: Path | None, deployed: Deployed) -> int:
    """Deploy, say where, serve; the exit code: 2, before that, for what cannot be served."""
    announced_on = sys.stdout  # before there are functions, whose prints are led elsewhere
    try:
        offered = _offered(profiles) if profiles else ()
        listener = _listen(port)
    except CannotServe as error:
        sys.stderr.write(f"Cannot serve: {error}\n")
        return 2
    _serve(announced_on, listener, _world(accounts, speed, _own_directory(), profiles, offered, deployed))
    sys.stderr.flush()
    os._exit(0)  # an advance may be under way: nobody waits for it, and none of its calls may meet the real AWS


def _own_directory() -> Path:
    """A directory that is removed after the end of this process, however it ends: an advance may use it until then."""
    path = tempfile.mkdtemp(prefix="sandbox-")
    until_the_end, _ = os.pipe()  # nobody closes the other side, and no other process has it
    subprocess.Popen(  # noqa: S603 - a fixed command
        ["/bin/sh", "-c", 'cat > /dev/null; rm -rf "$1"', "sh", path],
        stdin=until_the_end, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(until_the_end)
    return Path(path)


@dataclass(frozen=True)
class _Served:
    """A sandbox and who is in it."""

    world: Sandbox
    clock: ScaledClock
    members: list[str]
    suspended: list[str]


def _world(
    accounts: int, speed: float, folder: Path, profiles: Path | None, offered: Collection[Profile], deployed: Deployed
) -> _Served:
    clock = ScaledClock(datetime.now(UTC), speed, WORKERS)
    # Never closed: it goes with the process.
    world = Sandbox(clock, consumer_layer=_layer(profiles, folder), archives=folder)
    world.create_organization()
    world.create_trail()
    _create_groups(world, {group for each in offered for group in _groups(each)})
    members, suspended = _populate(world, accounts)
    if deployed is Deployed.EVERYTHING:
        world.deploy(RunAsRoles=str(max((each.run_as_role for each in offered), default=1)))
    elif deployed is Deployed.BOUNDARIES:
        world.deploy_boundaries()
    return _Served(world, clock, members, suspended)


def _serve(announced_on: TextIO, listener: socket.socket, served: _Served) -> None:
    server = Server(served.world, served.clock, listener)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    signal.signal(signal.SIGINT, lambda *_: server.stop())
    announced_on.write(json.dumps(_announcement(server, served)) + "\n")
    announced_on.flush()
    shell.announce(server.port)
    server.run()
    shell.withdraw(server.port)


def _listen(port: int) -> socket.socket:
    """A socket of its own before anything else: who comes too early waits, and a taken port is found out at once."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise CannotServe(f"--port {port}: {error.strerror}") from error


def _offered(profiles: Path) -> Collection[Profile]:
    """The profiles of a file, read by the product's own reader; its words when it finds fault."""
    try:
        return load_profiles(profiles).profiles.values()
    except InvalidProfiles as error:
        raise CannotServe(f"--profiles {profiles}: {error}") from error


def _groups(profile: Profile) -> set[str]:
    """The groups that its data sources are shared with."""
    return {*profile.owners, *profile.viewers}


def _create_groups(world: Sandbox, groups: set[str]) -> None:
    """Quick has the groups of the profiles in force, besides those of the project's own file."""
    hub = world.cloud.topology.hub
    asked = {"AwsAccountId": hub, "Namespace": "default"}
    with world.cloud.administering(hub):
        quick = world.cloud.client("quicksight")
        pages = quick.get_paginator("list_groups").paginate(**asked)
        present = {group["GroupName"] for page in pages for group in page["GroupList"]}
        for group in sorted(groups - present):
            quick.create_group(**asked, GroupName=group)


def _layer(profiles: Path | None, folder: Path) -> Path | None:
    """The consumer layer with another profiles file, when one is given."""
    if profiles is None:
        return None
    shutil.copytree(CONSUMER_LAYER, folder / "consumer")
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


def _announcement(server: Server, served: _Served) -> dict[str, Any]:
    world, members, suspended = served.world, served.members, served.suspended
    place, identities = world.cloud.topology, world.cloud.identities
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
        "registry_table": world.outputs.get("RegistryTableName"),
        "run_as_role_arn": world.outputs.get("RunAsRoleArn"),
        "run_as_role_session": _run_as_role_session(world) if world.outputs else None,
        "opt_in_tag": OPT_IN_TAG,
    }


def _run_as_role_session(world: Sandbox) -> dict[str, str]:
    place = world.cloud.topology
    source = f"arn:aws:quicksight:{place.region}:{place.hub}:datasource/quick-athena-"  # of none of ours yet
    asked = AssumeRoleRequest(
        world.outputs["RunAsRoleArn"],
        session_name="quicksight",
        context={"aws:SourceAccount": place.hub, "aws:SourceArn": source},
        seconds=None,  # usable as long as the sandbox is served; Quick renews its own
    )
    return world.sts.as_service("quicksight.amazonaws.com", asked).credentials()
