"""`quickctl explain`, `history`, `reconcile`, `retry`: one account."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from control_plane.account import DEPARTED, Account
from control_plane.errors import AccountNotFound, AccountNotReachable, InvalidExpiry, InvalidTagValue
from control_plane.opt_in import OptInPolicy, read_opt_in
from control_plane.ports.registry import Record
from quickctl.cli import AccountArgument, Cli, account_id, cli_of
from quickctl.exits import ExitCode, Problem
from quickctl.following import Started, follow, render_started
from quickctl.outlook import outlook
from quickctl.output import Rendering, Result, age, clock_time, elapsed, pairs, parsed, state_text, table
from quickctl.questions import AWAITING, awaiting
from quickctl.steps import Step, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from quickctl.aws import Aws, Execution


RECONCILES, CONNECTIONS = "ReconcileAccountArn", "ReconcileConnectionArn"
ENDED_WITHIN = 120  # seconds between a claim's last write and the end of the execution that wrote it
MAX_DESCRIBED = 25  # executions that are read in search of one account's


class Tag(Result):
    """The opt-in tag that counts for the account now."""

    key: str = Field(description="the tag's key")
    value: str | None = Field(description="its value; null: neither the account nor what is above it has the tag")
    place: str = Field(description="the account, OU or root that has it")
    expires: str = Field(description="the value of the tag that says when the opt-in expires")
    means: str = Field(description="what it asks for, or why it asks for nothing")


class Seen(Result):
    """The last request to reconcile the account."""

    event: str = Field(description="the event (its name and CloudTrail's id), or why the account was reconciled")
    event_by: str = Field(description="whose API call the event reports")
    event_at: str = Field(description="when that call was made")
    updated: str = Field(description="when the account's claim was written last")


class Explained(Result):
    """A connection, or (without a profile) the account as a whole."""

    profile: str = Field(description="the profile; empty: the account as a whole")
    state: str = Field(description="the recorded status")
    proof: str = Field(description="how far a connection is proven")
    since: datetime | None = Field(description="when it got its state")
    reason: str = Field(description="why it is in this state")
    step: str = Field(description="the step that is at work, or that failed")
    error: str = Field(description="of a failure: the error's name")
    cause: str = Field(description="of a failure: the likely cause")
    remedy: str = Field(description="of a failure: what to do")
    revoked_for: str = Field(description="the event that ended its access, whose call that was, and when")
    retained: str = Field(description="what stays in the account after a removal")
    dependents: str = Field(description="what stopped working in Quick with its data source")
    next: str = Field(description="what happens next, and when")
    execution: str = Field(description="the ARN of its last execution; empty: AWS no longer has one")
    steps: tuple[Step, ...] = Field(description="that execution's steps")


class Explanation(Result):
    """Everything there is to say about an account."""

    account_id: str = Field(description="the account")
    account_name: str = Field(description="its name")
    state: str = Field(description="its state in the organization")
    tag: Tag = Field(description="the opt-in tag that counts now")
    seen: Seen = Field(description="the last request to reconcile it")
    decision: str = Field(description="what was decided at the last assessment, and why")
    at_work: str = Field(description="the execution that reconciles it now; empty: none does")
    connections: tuple[Explained, ...] = Field(
        description="its connections, and the account's own failure if it has one"
    )


def explain(context: typer.Context, account: AccountArgument) -> None:
    """Explain an account: which tag counts, what was decided and why, every step, and what happens next."""
    cli = cli_of(context)
    cli.printer.show(_explanation(cli, account), render_explanation)


def _explanation(cli: Cli, account: str) -> Explanation:
    aws, now = cli.aws, cli.now()
    policy = aws.deployment.opt_in_policy
    recorded = aws.registry.account(account)
    claim = next((each for each in recorded if each.profile is None), Record(account_id=account))
    try:
        found = aws.organization.account(account, policy.opt_in_tag)
    except AccountNotFound as error:
        if not recorded:
            raise Problem(
                ExitCode.NOT_FOUND,
                f"account {account} is not in the organization, and nothing is recorded of it",
                "check the id: quickctl status lists every account that has a record",
            ) from error
        found = Account(id=account, name=account, state=DEPARTED, tags={})
    children = list(_children(aws, account))
    connections = [
        _explained(each, _latest(children, account, each.profile), aws, now)
        for each in recorded
        if each.is_valid and each.profile is not None
    ]
    connections += [
        _explained_awaiting(key, unit) for key, unit in awaiting(aws).items() if key.startswith(f"{account}#")
    ]
    if claim.status == "failed":
        connections.insert(0, _explained(claim, _of_claim(aws, claim), aws, now))
    names = [each.account_name for each in recorded if each.account_name]
    return Explanation(
        account_id=account,
        account_name=found.name if found.name != account else next(iter(names), account),
        state=found.state,
        tag=_tag(found, policy, cli),
        seen=Seen(event=claim.event, event_by=claim.event_by, event_at=claim.event_at, updated=_written(claim)),
        decision=claim.reason if claim.status != "failed" else "",
        at_work=claim.holder,
        connections=tuple(connections),
    )


def _written(claim: Record) -> str:
    return claim.updated if claim.generation else ""


def _tag(account: Account, policy: OptInPolicy, cli: Cli) -> Tag:
    """The tag as the control plane reads it."""
    try:
        means = read_opt_in(account, cli.aws.deployment.hub, policy, cli.now()).reason
    except (InvalidTagValue, InvalidExpiry, AccountNotReachable) as error:
        means = f"{type(error).__name__}: {error}"
    has_own = policy.opt_in_tag in account.tags or account.unit is None
    tags = account.tags if has_own or account.unit is None else account.unit.tags
    value = tags.get(policy.opt_in_tag)
    place = "" if value is None else account.id if has_own or account.unit is None else account.unit.id
    expires = account.tags.get(policy.expires_tag) or tags.get(policy.expires_tag, "")
    return Tag(key=policy.opt_in_tag, value=value, place=place, expires=expires, means=means)


def _children(aws: Aws, account: str) -> Iterator[Execution]:
    """The executions of the account's connections, the newest first: their names begin with the account's id."""
    return (each for each in aws.executions(CONNECTIONS) if each.name.startswith(f"{account}-"))


def _latest(children: Iterable[Execution], account: str, profile: str | None) -> Execution | None:
    """The newest execution of one connection. Behind the profile come a time and a generation."""
    start = f"{account}-{profile}-"
    return next(
        (each for each in children if each.name.startswith(start) and each.name[len(start) :][:17].isdigit()), None
    )


def _of_claim(aws: Aws, claim: Record) -> Execution | None:
    """The execution that recorded the account's failure: it ended just after it wrote the claim."""
    written = parsed(claim.updated)
    for each in islice(aws.executions(RECONCILES), MAX_DESCRIBED * 40):
        after = elapsed(written, each.stopped)
        if after is None or not written or not each.stopped or each.stopped < written or after > ENDED_WITHIN:
            continue
        found = aws.execution(each.arn)
        if found and isinstance(found.input, dict) and found.input.get("account_id") == claim.account_id:
            return found
    return None


def _explained(record: Record, execution: Execution | None, aws: Aws, now: datetime) -> Explained:
    events = aws.history(execution.arn) if execution else []
    by = f" by {record.event_by}" if record.event_by not in ("", record.event) else ""
    return Explained(
        profile=record.profile or "",
        state=record.status,
        proof=record.proof,
        since=record.since or parsed(record.updated),
        reason=record.reason.removeprefix(f"account {record.account_id}: "),
        step=record.step,
        error=record.error,
        cause=record.cause,
        remedy=record.remedy,
        revoked_for=f"{record.event}{by} at {record.event_at}" if record.profile and record.event else "",
        retained=record.retained,
        dependents=record.dependents,
        next=outlook(record, aws.deployment.sweep_schedule, now),
        execution=execution.arn if execution else "",
        steps=steps(record.account_id, events),
    )


def _explained_awaiting(key: str, unit: str) -> Explained:
    """A new connection of which nothing exists yet."""
    return Explained(
        profile=key.partition("#")[2],
        state=AWAITING,
        proof="",
        since=None,
        reason=f"the tag of {unit} asks for more new connections than an hour's grant budget",
        step="",
        error="",
        cause="",
        remedy="",
        revoked_for="",
        retained="",
        dependents="",
        next="it is made when people approve the batch (quickctl approvals), or forgotten when the tag goes",
        execution="",
        steps=(),
    )


def render_explanation(found: Explanation) -> Rendering:
    """Paragraphs, one for each connection."""
    name = f" ({found.account_name})" if found.account_name != found.account_id else ""
    tag = found.tag
    value = "not there" if tag.value is None else f"= {tag.value!r}, on {tag.place}"
    by = f" by {found.seen.event_by}" if found.seen.event_by not in ("", found.seen.event) else ""
    yield pairs(
        (
            ("Account", f"{found.account_id}{name}, {found.state}"),
            ("Tag", f"{tag.key} {value}{f'; expires {tag.expires}' if tag.expires else ''}"),
            ("Means", tag.means),
            ("Seen", f"{found.seen.event}{by}, {found.seen.event_at}" if found.seen.event else "never reconciled"),
            ("Decided", found.decision),
            ("At work", found.at_work),
        )
    )
    for each in found.connections:
        yield ""
        yield from _render_connection(each)
    if not found.connections:
        yield ""
        yield "No connection is recorded."


def _render_connection(each: Explained) -> Rendering:
    yield pairs(
        (
            ("Connection" if each.profile else "Account as a whole", each.profile or "failed"),
            ("State", state_text(each.state, each.proof)),
            ("Since", clock_time(each.since)),
            ("Why", each.reason),
            ("Error", each.error),
            ("Cause", each.cause),
            ("Remedy", each.remedy),
            ("Revoked for", each.revoked_for),
            ("Stays", each.retained),
            ("Broken in Quick", each.dependents),
            ("Next", each.next),
            ("Execution", each.execution),
        )
    )
    if each.steps:
        yield table(("STEP", "STARTED", "TOOK", "TRIES", "FAILED TRIES"), map(_step_row, each.steps))


def _step_row(step: Step) -> tuple[str, str, str, str, str]:
    errors = "; ".join(f"{each.at:%H:%M:%S} {each.error}: {each.message}" for each in step.errors)
    took = age(elapsed(step.started, step.ended)) or "at work"
    return step.state, clock_time(step.started), took, str(step.attempts), errors


# History --------------------------------------------------------------------------------------------------------


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
    arns = [each.arn for each in islice(_children(cli.aws, account), limit)]
    found = tuple(_passage(each) for arn in arns if (each := cli.aws.execution(arn)))
    if not found and not cli.aws.registry.account(account):
        raise Problem(ExitCode.NOT_FOUND, f"nothing was ever done for account {account}", "check the id")
    cli.printer.show(History(account_id=account, passages=found), render_history)


def _passage(execution: Execution) -> Passage:
    given = execution.input if isinstance(execution.input, dict) else {}
    planned = given.get("planned") or {}
    ended = execution.output.get("outcome") if isinstance(execution.output, dict) else ""
    return Passage(
        started=execution.started,
        ended=execution.stopped,
        profile=str(planned.get("profile", "")),
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


# Reconcile and retry ------------------------------------------------------------------------------------------


def reconcile(
    context: typer.Context,
    accounts: Annotated[list[str] | None, typer.Argument(metavar="[ACCOUNT]...", show_default=False)] = None,
    ou: Annotated[str, typer.Option("--ou", metavar="ID", help="All accounts below this OU or root that differ.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All accounts that differ: a sweep.")] = False,  # noqa: FBT002 - an option
    wait: Annotated[bool, typer.Option(help="Follow until all of it has ended.")] = True,  # noqa: FBT002 - an option
) -> None:
    """Reconcile accounts now: read what they ask for and what there is, and do what is missing."""
    cli, named = cli_of(context), [account_id(each) for each in accounts or []]
    if sum((bool(named), bool(ou), everything)) != 1:
        raise Problem(ExitCode.USAGE, "name accounts, or --ou, or --all: one of the three")
    if named:
        started = [
            cli.aws.start(RECONCILES, {"account_id": each, "reason": "quickctl reconcile"})
            for each in dict.fromkeys(named)
        ]
    else:
        scope = {"scope": ou} if ou else {}
        started = [cli.aws.start("SweepOrganizationArn", scope)]
    _finish(cli, started, wait=wait)


def retry(
    context: typer.Context,
    account: AccountArgument,
    wait: Annotated[bool, typer.Option(help="Follow until it has ended.")] = True,  # noqa: FBT002 - an option
) -> None:
    """Try a failed account again. It is always safe: every step reads first and changes only what differs."""
    cli = cli_of(context)
    failed = [each for each in cli.aws.registry.account(account) if each.status == "failed"]
    if not failed:
        raise Problem(
            ExitCode.NOT_FOUND,
            f"nothing of account {account} has failed",
            f"to reconcile it all the same: quickctl reconcile {account}",
        )
    _finish(cli, [cli.aws.start(RECONCILES, {"account_id": account, "reason": "quickctl retry"})], wait=wait)


def _finish(cli: Cli, started: list[Execution], *, wait: bool) -> None:
    ended: Started = follow(cli, started) if wait else Started.of(started)
    cli.printer.show(ended, render_started)
    if ended.failed:
        raise typer.Exit(ExitCode.FAILED)
