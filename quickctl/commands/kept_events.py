"""`quickctl events`: events in which no account was found. RouteEvent keeps them, until somebody has read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import Field

from control_plane.events import describe
from quickctl.cli import cli_of
from quickctl.exits import ExitCode, Problem
from quickctl.output import Rendering, Result, table

if TYPE_CHECKING:
    from control_plane.events import KeptEvent
    from quickctl.aws import Aws

MACHINE = "RouteEventArn"


class Event(Result):
    """An event that led nowhere."""

    id: str = Field(description="its id here: the name of the execution that kept it")
    at: str = Field(description="when it was kept")
    event: str = Field(description="what it is, in short")
    error: str = Field(description="why it led nowhere")
    reason: str = Field(description="the same in words")
    remedy: str = Field(description="what to do")
    outcome: str = Field(description="`kept`, `forgotten` or `started again`")
    text: Any = Field(description="the event as it came")


class KeptEvents(Result):
    """The kept events, or the one that something was done with."""

    events: tuple[Event, ...] = Field(description="the events")


def events(
    context: typer.Context,
    again: Annotated[
        str, typer.Option(metavar="ID", help="Start RouteEvent again with this event, and keep it no longer.")
    ] = "",
    forget: Annotated[str, typer.Option(metavar="ID", help="Delete this event: somebody has dealt with it.")] = "",
) -> None:
    """Show the events in which no account was found, and why; or handle one again, or delete it.

    A sweep of everything has found their accounts meanwhile. Without an event the alarm EventsUnread ends. With
    --output json the events are shown whole.
    """
    cli = cli_of(context)
    if again and forget:
        raise Problem(ExitCode.USAGE, "--again and --forget exclude each other", "give one of them")
    if again:
        found = _find(cli.aws, again)
        cli.aws.start(MACHINE, _parsed(found.text))
        cli.aws.kept_events.forget(again)
        shown = [_shown(found, "started again")]
    elif forget:
        shown = [_shown(_find(cli.aws, forget), "forgotten")]
        cli.aws.kept_events.forget(forget)
    else:
        shown = [_shown(each, "kept") for each in cli.aws.kept_events.every()]
    cli.printer.show(KeptEvents(events=tuple(sorted(shown, key=lambda each: each.at))), render)


def _find(aws: Aws, event_id: str) -> KeptEvent:
    if found := aws.kept_events.find(event_id):
        return found
    raise Problem(ExitCode.NOT_FOUND, f"no event {event_id} is kept", "quickctl events lists those that are")


def _shown(found: KeptEvent, outcome: str) -> Event:
    event = _parsed(found.text)
    return Event(
        id=found.id,
        at=found.at,
        event=describe(event),
        error=found.error,
        reason=found.reason,
        remedy=found.remedy,
        outcome=outcome,
        text=event,
    )


def _parsed(text: str) -> Any:
    """The event; its text, if somebody else wrote it and it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def render(found: KeptEvents) -> Rendering:
    """A table, and what to do."""
    if not found.events:
        yield "No event is kept."
        return
    yield table(
        ("ID", "KEPT AT", "EVENT", "OUTCOME", "WHY"),
        [(each.id, each.at, each.event, each.outcome, each.reason) for each in found.events],
    )
    for remedy in dict.fromkeys(each.remedy for each in found.events if each.outcome == "kept"):
        yield f"Do: {remedy}"
