"""How fast the sandbox connects accounts tagged in one go, and what that costs: calls, transitions, memory.

.venv/bin/python -m bench.connect_accounts --accounts 200
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sandbox.aws.asl.effects import Entered
from sandbox.aws.clock import VirtualClock
from sandbox.organization import Sandbox


def main(accounts: Annotated[int, typer.Option(min=1)] = 200) -> None:
    """Tag them all at one moment, let everything happen, count."""
    with Sandbox(VirtualClock(datetime.now(UTC))) as world:
        world.create_organization()
        world.deploy()
        members = [world.organizations.create_member(f"member-{number}") for number in range(accounts)]
        before, began = world.clock.now(), time.monotonic()
        first_call = len(world.cloud.gateway.log.entries)
        for account_id in members:
            world.tag(account_id, "enabled")
        world.clock.run()  # type: ignore[attr-defined]  # a virtual clock
        took = time.monotonic() - began
        records = [record for record in world.records() if record["sk"] == "connection#default"]
        connected = [record for record in records if record["status"] == "connected"]
        last = max(datetime.fromisoformat(record["since"]) for record in connected)
        entries = world.cloud.gateway.log.entries[first_call:]
        calls = Counter(entry.operation for entry in entries if "AccessFunction" in entry.role)
        transitions = sum(
            isinstance(event.what, Entered) for each in world.step_functions.executions for event in each.history
        )
        figures = {
            "accounts connected": f"{len(connected)} of {accounts}",
            "accounts a minute (real time, this machine)": f"{len(connected) / took * 60:.0f}",
            "AWS's time from the tags to the last connection": f"{(last - before).total_seconds():.0f} s",
            "state transitions an account": f"{transitions / accounts:.1f}",
            "API calls an account": f"{len(entries) / accounts:.1f}",
            "access policy writes": str(calls["CreatePolicy"] + calls["CreatePolicyVersion"]),
            "peak memory": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB",
        }
    table = Table("figure", "value", title=f"{accounts} accounts tagged in one go", title_justify="left")
    for name, value in figures.items():
        table.add_row(name, value)
    Console().print(table)
    raise typer.Exit(0 if len(connected) == accounts else 1)


if __name__ == "__main__":
    typer.run(main)
