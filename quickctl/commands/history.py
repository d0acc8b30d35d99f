"""`quickctl history`: what was done for one account."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from quickctl.cli import AccountArgument, cli_of
from quickctl.exits import ExitCode, Problem
from quickctl.output import Rendering, Result, age, clock_time, elapsed, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quickctl.aws import Aws, Execution

CONNECTIONS = "ReconcileConnectionArn"


class Passage(Result):
    """One execution for one of the account's connections."""

    started: datetime = Field(description="when it began")
    ended: datetime | None = Field(description="when it ended; null while it runs")
    profile: str = Field(description="the connection's profile")
    action: str = Field(description="what was planned: connect, rebuild, quarantine, disconnect, forget or refuse")
    reason: str = Field(description="why")
    event: str = Field(description="the event, or why the account was reconciled")
    event_by: str = Field(description="whose API call the event reports")
    outcome: str = Field(description="how it ended: its outcome, or the error's name; or `running`")
    execution: str = Field(description="its ARN")


class History(Result):
    """What was done for an account's connections, the newest first. Step Functions forgets after 90 days."""

    account_id: str = Field(description="the account")
    passages: tuple[Passage, ...] = Field(description="its executions")


def history(
    context: typer.Context,
    account: AccountArgument,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many executions to show.")] = 20,
) -> None:
    """Show what was done for an account: each action, why, for which event, and how it ended."""
    cli = cli_of(context)
    newest = islice(children(cli.aws, account), limit)
    found = tuple(passage(profile, each) for _, profile, named in newest if (each := cli.aws.execution(named.arn)))
    if not found and not cli.aws.registry.account(account):
        raise Problem(ExitCode.NOT_FOUND, f"nothing was ever done for account {account}", "check the id")
    cli.printer.show(History(account_id=account, passages=found), render_history)


def children(aws: Aws, account: str = "[0-9]{12}") -> Iterator[tuple[str, str, Execution]]:
    """The executions of an account's connections (or of all), the newest first, each with account and profile."""
    named = re.compile(rf"({account})-(.+)-[0-9]{{17}}-[0-9]+")  # ReconcileAccount names them like that
    for each in aws.executions(CONNECTIONS):
        if found := named.fullmatch(each.name):
            yield found[1], found[2], each


def passage(profile: str, execution: Execution) -> Passage:
    """What one execution did; it was read with its input and output."""
    given = execution.input if isinstance(execution.input, dict) else {}
    planned = given.get("planned") or {}
    ended = execution.output.get("outcome") if isinstance(execution.output, dict) else ""
    return Passage(
        started=execution.started,
        ended=execution.stopped,
        profile=profile,
        action=str(planned.get("action", "")),
        reason=str(planned.get("reason", "")),
        event=str(given.get("event", "")),
        event_by=str(given.get("event_by", "")),
        outcome=execution.error or ended or execution.status.lower(),
        execution=execution.arn,
    )


def render_history(found: History) -> Rendering:
    """A table."""
    if not found.passages:
        yield "No execution of its connections is known: Step Functions forgets them after 90 days."
        return
    rows = (
        (
            clock_time(each.started),
            age(elapsed(each.started, each.ended)),
            each.profile,
            each.action,
            each.outcome,
            f"{each.reason}; {each.event}{f' by {each.event_by}' if each.event_by not in ('', each.event) else ''}",
        )
        for each in found.passages
    )
    yield table(("STARTED", "TOOK", "PROFILE", "ACTION", "OUTCOME", "WHY"), rows)
