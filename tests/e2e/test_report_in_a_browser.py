"""Does a browser see in quickctl's report what happens in a sandbox meanwhile?"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from datetime import UTC, datetime

from sandbox.aws import ScaledClock
from sandbox.browser import report_of
from sandbox.organization import Sandbox

PATIENCE = 60.0  # seconds


def _seen(address: str, text: str) -> bool:
    """Whether the page has the text within the time."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310 - http
                if text in answer.read().decode():
                    return True
        except urllib.error.URLError:  # quickctl is still starting
            pass
        time.sleep(0.2)
    return False


def test_the_served_report_shows_what_happens() -> None:
    clock = ScaledClock(datetime.now(UTC), speed=0)
    try:
        with Sandbox(clock) as world:
            world.create_organization()
            world.deploy()
            with report_of(world, clock, show=False) as address:
                assert _seen(address, "Nothing is connected or in progress.")
                account_id = world.organizations.create_member("sales")
                world.tag(account_id, "enabled")
                clock.advance(300)
                assert _seen(address, f"{account_id} · default")
    finally:
        clock.close()
