"""`quickctl redrive`: handle events again that could not be delivered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import Field

from quickctl.administrator import FORWARDING, ORGANIZATIONS_REGION
from quickctl.cli import Cli, ManagementOption, cli_of, management_of
from quickctl.exits import ExitCode
from quickctl.output import Rendering, Result, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quickctl.queue import Queue

QUEUE, MACHINE = "UndeliveredEventsUrl", "RouteEventArn"
FORWARDING_QUEUE = "UndeliveredEvents"  # the logical id of a forwarding stack's queue


class Letter(Result):
    """An event that could not be delivered."""

    event: str = Field(description="its name")
    at: str = Field(description="its time")
    why: str = Field(description="why it was not delivered")
    outcome: str = Field(description="`started again`, `waits` (with --dry-run), or why it could not be started")


class Redriven(Result):
    """What became of the events in the queue."""

    letters: tuple[Letter, ...] = Field(description="the events")

    @property
    def failed(self) -> bool:
        """Whether one of them is still in the queue though it was to be started."""
        return any(each.outcome not in (STARTED, WAITS) for each in self.letters)


STARTED, WAITS = "started again", "waits"


def redrive(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show them and why they failed; start nothing.")] = False,  # noqa: FBT002 - an option
    management_profile: ManagementOption = None,
) -> None:
    """Start RouteEvent again for each event that could not be delivered to the hub's rule.

    With --management-profile also for those that could not be forwarded to the hub's bus.
    """
    cli = cli_of(context)
    letters = (
        _letter(cli, queue, each, dry_run=dry_run)
        for queue in _queues(cli, management_profile)
        for each in _messages(queue)
    )
    found = Redriven(letters=tuple(letters))
    cli.printer.show(found, render)
    if found.failed:
        raise typer.Exit(ExitCode.FAILED)


def _queues(cli: Cli, management_profile: str | None) -> Iterator[Queue]:
    """The hub's queue and, if the management account was named, those of its forwarding stacks."""
    management = management_of(cli, management_profile, cli.aws.deployment.hub.management_account_id)
    yield cli.aws.queue(QUEUE)
    if management:
        for stack in management.stacks(ORGANIZATIONS_REGION, FORWARDING):
            yield management.queue(ORGANIZATIONS_REGION, stack.name, FORWARDING_QUEUE)


def _messages(queue: Queue) -> Iterator[Any]:
    """Each message once: one that was received is not shown again for half a minute."""
    seen = set()
    while received := [each for each in queue.receive() if each["MessageId"] not in seen]:
        seen |= {each["MessageId"] for each in received}
        yield from received


def _letter(cli: Cli, queue: Queue, message: Any, *, dry_run: bool) -> Letter:
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    why = ": ".join(filter(None, (attributes.get("ERROR_CODE", ""), attributes.get("ERROR_MESSAGE", ""))))
    try:
        event = json.loads(message["Body"])
        name, at = str(event["detail"]["eventName"]), str(event["time"])
    except (ValueError, KeyError, TypeError):
        return Letter(event="unknown", at="", why=why, outcome="it is no event; nothing was started for it")
    if dry_run:
        return Letter(event=name, at=at, why=why, outcome=WAITS)
    cli.aws.start(MACHINE, event)
    queue.delete(message["ReceiptHandle"])
    return Letter(event=name, at=at, why=why, outcome=STARTED)


def render(found: Redriven) -> Rendering:
    """A table."""
    if not found.letters:
        yield "No event waits."
        return
    rows = ((each.event, each.at, each.outcome, each.why) for each in found.letters)
    yield table(("EVENT", "TIME", "OUTCOME", "WHY IT WAS NOT DELIVERED"), rows)
