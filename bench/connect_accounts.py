"""What it takes to connect accounts that are tagged in one go: time, calls, transitions, dollars, memory.

    .venv/bin/python -m bench.connect_accounts --accounts 200
    .venv/bin/python -m bench.connect_accounts --accounts 1000 --by unit --instance-seconds 90

`--by account` tags each account, `--by unit` tags an organizational unit that has them all, `--by sweep` tags each one,
loses every event and starts a sweep. `--one-more-after` tags one more account by hand that many seconds later.
Operations of a stack set run one after the other, unless `--side-by-side`. Everything runs on the virtual clock. Exits
1 when an account is missing.
"""

from __future__ import annotations

import json
import resource
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import prices
from bench.write_units import WriteUnits
from sandbox.aws.asl.effects import Entered
from sandbox.aws.clock import VirtualClock
from sandbox.aws.services.events import DeliveryFaults
from sandbox.organization import Sandbox
from sandbox.product import OPT_IN_TAG

if TYPE_CHECKING:
    from collections.abc import Sequence

OURS = "quick-onboarding-"  # how the names of our roles begin
OPERATIONS = ("CreateStackInstances", "UpdateStackInstances", "UpdateStackSet", "DeleteStackInstances")
POLICY_WRITES = ("CreatePolicy", "CreatePolicyVersion", "DeletePolicy")
READS = ("GetItem", "BatchGetItem", "Query", "Scan")


class By(StrEnum):
    """What is tagged."""

    ACCOUNT = "account"
    UNIT = "unit"
    SWEEP = "sweep"


@dataclass(frozen=True)
class Figures:
    """What one run took. Those per account are of our own functions and machines only."""

    accounts: int
    connected: int
    one_more_seconds: float | None
    aws_seconds: float
    wall_seconds: float
    stack_set_operations: int
    access_policy_writes: int
    transitions: float
    invocations: float
    calls_without_dynamodb: float
    dynamodb_calls: float
    dynamodb_write_units: float
    calls_by_operation: dict[str, float]
    calls_by_service: dict[str, float]
    dollars: float
    memory_mib: float


def run(
    accounts: int, by: By, instance_seconds: float, *, side_by_side: bool, one_more_after: float | None = None
) -> Figures:
    """Tag them all at one moment, let everything happen, count."""
    with Sandbox(VirtualClock(datetime.now(UTC))) as world:
        world.create_organization()
        world.deploy(GrantBudgetPercent="0")  # one tag on the unit may connect all: bench.approve_unit has the question
        world.stack_sets.engine.seconds_per_instance = instance_seconds
        world.stack_sets.assumptions.runs_side_by_side = side_by_side
        members = [world.organizations.create_member(f"member-{number}") for number in range(accounts)]
        unit = _unit_of(world, members) if by is By.UNIT else ""
        start = _Start.now(world)
        units = WriteUnits(world.cloud.gateway, OURS)
        _tag(world, members, by, unit)
        one_more = _one_more(world, one_more_after) if one_more_after is not None else None
        _wait(world)
        return _figures(world, start, accounts, units.total, one_more)


def _one_more(world: Sandbox, after: float) -> tuple[str, datetime]:
    """Some time later somebody tags one more account by hand: its id, and when that was."""
    world.clock.run(until=world.clock.now() + timedelta(seconds=after))  # type: ignore[attr-defined]  # a virtual clock
    account_id = world.organizations.create_member("one-more")
    world.events.delivery_faults = None
    world.tag(account_id, "enabled")
    return account_id, world.clock.now()


@dataclass(frozen=True)
class _Start:
    """What there was before anything was tagged: calls, executions, AWS's time and ours."""

    calls: int
    executions: int
    at: datetime
    clock: float

    @classmethod
    def now(cls, world: Sandbox) -> _Start:
        """The start of a measurement."""
        calls, executions = len(world.cloud.gateway.log.entries), len(world.step_functions.executions)
        return cls(calls, executions, world.clock.now(), time.monotonic())


def _unit_of(world: Sandbox, members: Sequence[str]) -> str:
    """An organizational unit that has all these accounts."""
    with world.cloud.administering(world.cloud.topology.management):
        client = world.cloud.client("organizations", "us-east-1")
        root = world.organizations.root_id
        unit = client.create_organizational_unit(ParentId=root, Name="bench")["OrganizationalUnit"]["Id"]
        for account_id in members:
            client.move_account(AccountId=account_id, SourceParentId=root, DestinationParentId=unit)
    _wait(world)
    return str(unit)


def _tag(world: Sandbox, members: Sequence[str], by: By, unit: str) -> None:
    if by is By.UNIT:
        with world.cloud.administering(world.cloud.topology.management):
            client = world.cloud.client("organizations", "us-east-1")
            client.tag_resource(ResourceId=unit, Tags=[{"Key": OPT_IN_TAG, "Value": "enabled"}])
        return
    if by is By.SWEEP:
        world.events.delivery_faults = DeliveryFaults(0, drop=1.0)
    for account_id in members:
        world.tag(account_id, "enabled")
    if by is By.SWEEP:
        world.step_functions.start(world.outputs["SweepOrganizationArn"], {})


def _wait(world: Sandbox) -> None:
    """Until nothing goes on any more."""
    world.clock.run()  # type: ignore[attr-defined]  # a virtual clock


def _figures(
    world: Sandbox, start: _Start, accounts: int, units: int, one_more: tuple[str, datetime] | None
) -> Figures:
    took = time.monotonic() - start.clock
    found = {
        record["pk"].removeprefix("account#"): record
        for record in world.records()
        if record["sk"] == "connection#default" and record["status"] == "connected"
    }
    extra, at = one_more or ("", start.at)
    late = found.pop(extra, None)
    connected = list(found.values())
    entries = [entry for entry in world.cloud.gateway.log.entries[start.calls :] if OURS in entry.role]
    services = Counter(entry.service for entry in entries)
    operations = Counter(entry.operation for entry in entries)
    dynamodb = [entry for entry in entries if entry.service == "dynamodb"]
    reads = sum(entry.operation in READS for entry in dynamodb)
    transitions = sum(
        isinstance(event.what, Entered)
        for each in world.step_functions.executions[start.executions :]
        for event in each.history
    )
    last = max((datetime.fromisoformat(record["since"]) for record in connected), default=start.at)
    return Figures(
        accounts=accounts,
        connected=len(connected),
        one_more_seconds=(datetime.fromisoformat(late["since"]) - at).total_seconds() if late else None,
        aws_seconds=(last - start.at).total_seconds(),
        wall_seconds=round(took, 1),
        stack_set_operations=sum(operations[each] for each in OPERATIONS),
        access_policy_writes=sum(operations[each] for each in POLICY_WRITES),
        transitions=round(transitions / accounts, 2),
        invocations=round(services["lambda"] / accounts, 2),
        calls_without_dynamodb=round((len(entries) - len(dynamodb) - services["lambda"]) / accounts, 2),
        dynamodb_calls=round(len(dynamodb) / accounts, 2),
        dynamodb_write_units=round(units / accounts, 2),
        calls_by_operation={
            name: round(count / accounts, 3)
            for name, count in Counter(f"{entry.service}:{entry.operation}" for entry in entries).most_common()
        },
        calls_by_service={name: round(count / accounts, 2) for name, count in services.most_common()},
        dollars=prices.dollars(
            transitions=transitions / accounts,
            invocations=services["lambda"] / accounts,
            writes=units / accounts,
            reads=reads / accounts,
        ),
        memory_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    )


def rows(figures: Figures) -> list[tuple[str, str]]:
    """The figures as people read them."""
    return [
        ("accounts connected", f"{figures.connected} of {figures.accounts}"),
        ("AWS's time from the tag to the last connection", f"{figures.aws_seconds:.0f} s"),
        *(
            [("from its tag to the connection of the one tagged by hand", f"{figures.one_more_seconds:.0f} s")]
            if figures.one_more_seconds is not None
            else []
        ),
        ("stack set operations", str(figures.stack_set_operations)),
        ("access policy writes", str(figures.access_policy_writes)),
        ("state transitions an account", f"{figures.transitions}"),
        ("function invocations an account", f"{figures.invocations}"),
        ("AWS calls an account, without DynamoDB and invocations", f"{figures.calls_without_dynamodb}"),
        ("DynamoDB calls an account", f"{figures.dynamodb_calls}"),
        ("DynamoDB write units an account", f"{figures.dynamodb_write_units}"),
        (f"dollars an account (prices of {prices.AS_OF})", f"{figures.dollars:.5f}"),
        ("accounts a minute (real time, this machine)", f"{figures.connected / figures.wall_seconds * 60:.0f}"),
        ("peak memory", f"{figures.memory_mib:.0f} MiB"),
    ]


def main(
    accounts: Annotated[int, typer.Option(min=1)] = 200,
    by: By = By.ACCOUNT,
    instance_seconds: Annotated[float, typer.Option(help="how long one stack instance takes")] = 40.0,
    *,
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="operations run side by side")] = False,
    one_more_after: Annotated[float | None, typer.Option(help="seconds until one more is tagged by hand")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object instead of a table")] = False,
) -> None:
    """Measure once, print, and fail when an account is missing."""
    figures = run(accounts, by, instance_seconds, side_by_side=side_by_side, one_more_after=one_more_after)
    if as_json:
        typer.echo(json.dumps(asdict(figures)))
    else:
        table = Table("figure", "value", title=f"{accounts} accounts tagged in one go", title_justify="left")
        for name, value in rows(figures):
            table.add_row(name, value)
        Console().print(table)
    raise typer.Exit(0 if figures.connected == accounts else 1)


if __name__ == "__main__":
    typer.run(main)
