"""What a sweep does and costs when every event is lost: 200 accounts to connect, a registry emptied, 30 tags gone.

.venv/bin/python -m bench.sweep_accounts --accounts 200
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from sandbox.aws.asl.effects import Entered
from sandbox.aws.clock import VirtualClock
from sandbox.aws.services.events import DeliveryFaults
from sandbox.organization import Sandbox

if TYPE_CHECKING:
    from sandbox.aws.asl.execution import Execution

UNTAGGED = 30
ALWAYS, PERCENT = 5, 10  # what an hour may take away (design 4.6)


@dataclass
class Bench:
    """A world whose events are lost, and what was seen in it."""

    world: Sandbox
    members: list[str] = field(default_factory=list)
    rows: list[tuple[str, str, bool | None]] = field(default_factory=list)

    def see(self, what: str, value: object, *, right: bool | None = None) -> None:
        """One line of the table; `right` says whether it is as promised, if something was."""
        self.rows.append((what, str(value), right))
        Console(stderr=True).print(f"{what}: {value}")

    def run(self, seconds: float | None = None) -> None:
        """Let everything happen, or so many seconds of it."""
        clock: Any = self.world.clock
        clock.run(until=None if seconds is None else clock.now() + timedelta(seconds=seconds))

    def sweep(self, seconds: float | None = None) -> Execution:
        """One sweep and what follows."""
        execution = self.world.step_functions.start(self.world.outputs["SweepOrganizationArn"], {})
        self.run(seconds)
        return execution

    def statuses(self) -> Counter[str]:
        """How many connections have which status."""
        records = self.world.records()
        return Counter(str(each["status"]) for each in records if each["sk"].startswith("connection#"))

    def connect(self) -> None:
        """Nobody hears of the tags; the sweep finds them all."""
        first, began, before = len(self.world.cloud.gateway.log.entries), time.monotonic(), self.world.clock.now()
        execution = self.sweep()
        took = time.monotonic() - began
        count, connected = len(self.members), self.statuses()["connected"]
        self.see("connected by one sweep", f"{connected} of {count}", right=connected == count)
        self.see("AWS's time for it", f"{(self.world.clock.now() - before).total_seconds():.0f} s")
        self.see("real time for it, this machine", f"{took:.0f} s")
        self.see("transitions of the sweep itself", transitions(execution))
        entries = self.world.cloud.gateway.log.entries[first:]
        self._count("the same sweep's reads of Organizations", entries, "CollectSnapshot")
        first = len(self.world.cloud.gateway.log.entries)
        execution = self.sweep()
        planned = self.world.last_sweep().get("repaired", 0)
        self.see("planned by a second sweep", planned, right=planned == 0)
        self.see("transitions of the second sweep", transitions(execution))
        ours = [each for each in self.world.cloud.gateway.log.entries[first:] if "Function" in each.role]
        self.see("API calls of our functions in the second sweep", len(ours))

    def forget(self) -> None:
        """The registry is emptied; nobody may lose access."""
        allowed = len(self.world.allowed_roles())
        self.world.empty_registry()
        self.sweep()
        restored, kept = self.statuses()["connected"], len(self.world.allowed_roles())
        self.see("records restored after the registry was emptied", restored, right=restored == len(self.members))
        self.see("access lost meanwhile", allowed - kept, right=kept == allowed)

    def untag(self, *, heard: bool) -> None:
        """Thirty tags go at once."""
        count, way = len(self.world.allowed_roles()), "by events" if heard else "found by a sweep"
        self.world.events.delivery_faults = None if heard else DeliveryFaults(1, drop=1.0)
        for account_id in self.members[:UNTAGGED]:
            self.world.untag(account_id)
        self.run(900)
        if not heard:
            self.sweep(1800)
        gone, bound = count - len(self.world.allowed_roles()), max(ALWAYS, count * PERCENT // 100)
        self.see(f"{UNTAGGED} tags gone, {way}: revoked before approval (at most {bound})", gone, right=gone <= bound)
        self.see(f"{UNTAGGED} tags gone, {way}: waiting for approval", self.statuses()["held"])

    def _count(self, what: str, entries: Any, role: str) -> None:
        calls = Counter(each.operation for each in entries if role in each.role and each.service == "organizations")
        self.see(what, ", ".join(f"{count} {name}" for name, count in sorted(calls.items())))


def transitions(execution: Execution) -> int:
    """States entered."""
    return sum(isinstance(event.what, Entered) for event in execution.history)


def main(accounts: Annotated[int, typer.Option(min=UNTAGGED)] = 200) -> None:
    """Lose every event, sweep, count."""
    with Sandbox(VirtualClock(datetime.now(UTC).replace(hour=8))) as world:
        world.create_organization()
        world.deploy()
        bench = Bench(world, [world.organizations.create_member(f"member-{number}") for number in range(accounts)])
        world.events.delivery_faults = DeliveryFaults(1, drop=1.0)
        for account_id in bench.members:
            world.tag(account_id, "enabled")
        bench.connect()
        bench.forget()
        bench.untag(heard=False)
        for account_id in bench.members[:UNTAGGED]:
            world.tag(account_id, "enabled")
        bench.sweep(7200)
        bench.untag(heard=True)
    table = Table("figure", "value", "as promised", title=f"{accounts} accounts, events lost", title_justify="left")
    for what, value, right in bench.rows:
        table.add_row(what, value, {None: "", True: "yes", False: "[red]no[/]"}[right])
    Console().print(table)
    raise typer.Exit(1 if any(right is False for _, _, right in bench.rows) else 0)


if __name__ == "__main__":
    typer.run(main)
