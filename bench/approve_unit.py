"""What it takes to connect and to disconnect an organizational unit by its tag, when people have to approve both.

    .venv/bin/python -m bench.approve_unit --accounts 1000

One tag on the unit asks for all its accounts: more than the grant budget, so nothing is made before the approval. Later
the tag goes: more than the revocation budget, so access stays until the approval. There is no grace period, so the
approval also starts the removal. Everything runs on the virtual clock. Exits 1 when something is missing or left over.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.connect_accounts import OPERATIONS, OURS, POLICY_WRITES
from sandbox.aws.clock import VirtualClock
from sandbox.aws.rates import NEW_ACCOUNT
from sandbox.organization import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

A_MOMENT = 10.0  # seconds between two looks at what is reached
A_WHILE = 300.0  # between two looks whether people were asked


@dataclass(frozen=True)
class Phase:
    """What one direction took, from the approval on. `questions`: how often people were asked."""

    questions: int
    waited: int
    seconds: float
    stack_set_operations: int
    access_policy_writes: int
    failed_executions: int


class Bench:
    """A unit with its accounts, and people who approve."""

    def __init__(self, world: Sandbox, accounts: int) -> None:
        self.world, self.clock = world, world.clock
        self.unit = world.organizations.create_unit("bench")
        self.members = [
            world.organizations.create_member(f"member-{number}", parent=self.unit) for number in range(accounts)
        ]
        hub: Any = world.boto3_session(world.cloud.topology.hub)
        self._step_functions = hub.client("stepfunctions")
        topic = world.outputs["NotificationsTopicArn"]
        hub.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="platform@example.com")

    def run(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.clock.run(until=self.clock.now() + timedelta(seconds=seconds))  # type: ignore[attr-defined]  # virtual

    def approve(self, partition: str, reached: Any, patience: float) -> Phase:
        """Wait until people were asked about everybody, approve, and wait until that is done."""
        asked, executions = self._questions(), len(self.world.step_functions.executions)
        while self._waiting(partition) < len(self.members) or not self._token(partition):
            self.run(A_WHILE)
        waited, questions = self._waiting(partition), self._questions() - asked
        calls, start = len(self.world.cloud.gateway.log.entries), self.clock.now()
        self._step_functions.send_task_success(taskToken=self._token(partition), output="{}")
        while not reached() and self.clock.now() < start + timedelta(seconds=patience):
            self.run(A_MOMENT)
        made = [each.operation for each in self.world.cloud.gateway.log.entries[calls:] if OURS in each.role]
        ended = [each for each in self.world.step_functions.executions[executions:] if each.status != "RUNNING"]
        return Phase(
            questions=questions,
            waited=waited,
            seconds=(self.clock.now() - start).total_seconds(),
            stack_set_operations=sum(made.count(each) for each in OPERATIONS),
            access_policy_writes=sum(made.count(each) for each in POLICY_WRITES),
            failed_executions=sum(each.status not in ("SUCCEEDED", "ABORTED") for each in ended),
        )

    def connected(self) -> bool:
        """Whether all are."""
        in_force = len(self.world.allowed_roles()) == len(self.members)  # it is quicker to see
        return in_force and self._statuses().count("connected") == len(self.members)

    def removed(self) -> bool:
        """Whether nothing is left of all of them."""
        return not self.world.allowed_roles() and self._statuses().count("removed") == len(self.members)

    def _questions(self) -> int:
        """How often people were asked so far."""
        return sum(each.subject.startswith("Quick Onboarding: approve") for each in self.world.sns.outbox)

    def _statuses(self) -> list[str]:
        return [str(each["status"]) for each in self.world.records() if each["sk"] == "connection#default"]

    def _held(self, partition: str) -> Any:
        found = [each for each in self.world.records() if each["pk"] == f"{partition}#batch"]
        held = [each for each in found if each["sk"].startswith("held") and each.get("connections")]
        return held[0] if held else {}

    def _waiting(self, partition: str) -> int:
        return len(self._held(partition).get("connections", ()))

    def _token(self, partition: str) -> str:
        batch = self._held(partition).get("id", "no batch")
        found = [each for each in self.world.records() if each["pk"] == f"{partition}#approval"]
        return next((str(each["token"]) for each in found if each["sk"].endswith(str(batch))), "")


def run(accounts: int, instance_seconds: float, *, rates: bool) -> tuple[Phase, Phase]:
    """Connect them all, and remove them all."""
    with Sandbox(VirtualClock(datetime.now(UTC))) as world:
        world.create_organization()
        world.deploy(GracePeriodDays="0")
        world.stack_sets.engine.seconds_per_instance = instance_seconds
        if rates:
            world.rates.enforce(NEW_ACCOUNT)
        bench = Bench(world, accounts)
        world.tag(bench.unit, "enabled")
        connected = bench.approve("grants", bench.connected, patience=7200)
        world.untag(bench.unit)
        return connected, bench.approve("access", bench.removed, patience=7200)


def rows(connected: Phase, removed: Phase) -> Sequence[tuple[str, str, str]]:
    """The figures as people read them."""
    return [
        ("connections that waited for the approval", str(connected.waited), str(removed.waited)),
        ("messages to people", str(connected.questions), str(removed.questions)),
        ("AWS's time from the approval to the last one", f"{connected.seconds:.0f} s", f"{removed.seconds:.0f} s"),
        ("stack set operations", str(connected.stack_set_operations), str(removed.stack_set_operations)),
        ("access policy writes", str(connected.access_policy_writes), str(removed.access_policy_writes)),
        ("failed executions", str(connected.failed_executions), str(removed.failed_executions)),
    ]


def main(
    accounts: Annotated[int, typer.Option(min=21)] = 1000,
    instance_seconds: Annotated[float, typer.Option(help="how long one stack instance takes")] = 90.0,
    *,
    rates: Annotated[bool, typer.Option(help="AWS's request rates, and Lambda's in a new account")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object instead of a table")] = False,
) -> None:
    """Measure once and print."""
    connected, removed = run(accounts, instance_seconds, rates=rates)
    if as_json:
        typer.echo(json.dumps({"connected": asdict(connected), "removed": asdict(removed)}))
    else:
        title = f"{accounts} accounts by one tag on their unit"
        table = Table("figure", "tagged", "untagged", title=title, title_justify="left")
        for row in rows(connected, removed):
            table.add_row(*row)
        Console().print(table)
    raise typer.Exit(1 if connected.seconds >= 7200 or removed.seconds >= 7200 else 0)


if __name__ == "__main__":
    typer.run(main)
