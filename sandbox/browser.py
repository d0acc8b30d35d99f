"""The report that quickctl makes of a sandbox, in a browser while things happen there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from sandbox.aws.server import Server
from sandbox.organization import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws import ScaledClock
    from sandbox.organization import Sandbox

HERE = "127.0.0.1"


@contextmanager
def report_of(world: Sandbox, clock: ScaledClock, *, show: bool = True) -> Iterator[str]:
    """Serve the sandbox, and quickctl's report of it; where the report is. `show`: open a browser there."""
    port = _free_port()
    with _served(world, clock) as endpoint_url, _quickctl(world, endpoint_url, port, show=show):
        yield f"http://{HERE}:{port}/"


@contextmanager
def _served(world: Sandbox, clock: ScaledClock) -> Iterator[str]:
    with socket.create_server((HERE, 0)) as listener:
        server = Server(world, clock, listener)
        thread = Thread(target=server.run)
        thread.start()
        try:
            yield server.endpoint_url
        finally:
            server.stop()
            thread.join()


@contextmanager
def _quickctl(world: Sandbox, endpoint_url: str, port: int, *, show: bool) -> Iterator[None]:
    options = ["report", "--serve", "--every", "1", "--port", str(port), *(["--open"] if show else [])]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "quickctl", *options],
        cwd=PROJECT,
        env=_environment(world, endpoint_url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server((HERE, 0)) as found:
        return int(found.getsockname()[1])


def _environment(world: Sandbox, endpoint_url: str) -> dict[str, str]:
    """What makes quickctl an administrator of the hub."""
    place = world.cloud.topology
    credentials = world.cloud.identities.administrator(place.hub).credentials()
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return others | {
        "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "layers/control_plane"))),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": place.region,
        **{name.upper(): value for name, value in credentials.items()},
    }
