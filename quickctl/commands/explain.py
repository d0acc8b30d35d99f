"""`quickctl explain`: one account, and everything there is to say about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING

import typer
from pydantic import Field

from control_plane.account import DEPARTED, Account
from control_plane.errors import AccountNotFound, AccountNotReachable, InvalidExpiry, InvalidTagValue
from control_plane.opt_in import OptInPolicy, expiry_that_counts, read_opt_in, tag_that_counts
from control_plane.ports.registry import Record
from quickctl.cli import AccountArgument, Cli, cli_of
from quickctl.commands.history import children
from quickctl.exits import ExitCode, Problem
from quickctl.outlook import outlook
from quickctl.output import Rendering, Result, age, clock_time, elapsed, pairs, parsed, state_text, table
from quickctl.questions import AWAITING, awaiting
from quickctl.steps import Step, steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quickctl.aws import Aws, Execution

RECONCILES = "ReconcileAccountArn"
LONGEST_RECONCILE = timedelta(hours=6)  # the state machine's own limit
ENDED_WITHIN = timedelta(minutes=2)  # of its claim's last write, an execution that fails ends
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
    proven: str = Field(description="what a query went through, and when; or why nobody queried it")
    since: datetime | None = Field(description="when it got its state")
    reason: str = Field(description="why it is in this state")
    step: str = Field(description="the step that is at work, or that failed")
    error: str = Field(description="of a failure: the error's name")
    cause: str = Field(description="of a failure: the likely cause")
    remedy: str = Field(description="of a failure: what to do")
    finding: str = Field(
        description="what it lacks although it works: a part of its profile in Quick, a place for a publisher"
    )
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
    records = {each.profile: each for each in recorded if each.is_valid and each.profile is not None}
    latest = _latest(aws, account, records)
    connections = [_explained(each, latest.get(profile), aws, now) for profile, each in records.items()]
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
    _, value, unit = tag_that_counts(account, policy.opt_in_tag)
    return Tag(
        key=policy.opt_in_tag,
        value=value,
        place="" if value is None else unit or account.id,
        expires=expiry_that_counts(account, policy) or "",
        means=means,
    )


def _latest(aws: Aws, account: str, profiles: Iterable[str]) -> dict[str, Execution]:
    """The newest execution of each of these connections, as far as AWS has them."""
    found: dict[str, Execution] = {}
    missing = set(profiles)
    for _, profile, each in children(aws, account) if missing else ():
        if profile in missing:
            missing.remove(profile)
            found[profile] = each
        if not missing:
            break
    return found


def _of_claim(aws: Aws, claim: Record) -> Execution | None:
    """The execution that recorded the account's failure: it ended just after it wrote the claim."""
    written = parsed(claim.updated)
    if written is None:
        return None
    began = takewhile(lambda each: each.started > written - LONGEST_RECONCILE, aws.executions(RECONCILES))
    near = (each for each in began if each.stopped and timedelta(0) <= each.stopped - written <= ENDED_WITHIN)
    read = (aws.execution(each.arn) for each in islice(near, MAX_DESCRIBED))
    return next((each for each in read if each and each.account_id == claim.account_id), None)


def _explained(record: Record, execution: Execution | None, aws: Aws, now: datetime) -> Explained:
    events = aws.history(execution.arn) if execution else []
    by = f" by {record.event_by}" if record.event_by not in ("", record.event) else ""
    return Explained(
        profile=record.profile or "",
        state=record.status,
        proof=record.proof,
        proven=_proven(record),
        since=record.since or parsed(record.updated),
        reason=record.reason.removeprefix(f"account {record.account_id}: "),
        step=record.step,
        error=record.error,
        cause=record.cause,
        remedy=record.remedy,
        finding=record.finding if record.status in ("connected", "degraded") else "",
        revoked_for=f"{record.event}{by} at {record.event_at}" if record.profile and record.event else "",
        retained=record.retained,
        dependents=record.dependents,
        next=outlook(record, aws.deployment.sweep_schedule, now),
        execution=execution.arn if execution else "",
        steps=steps(record.account_id, events),
    )


def _proven(record: Record) -> str:
    if record.proven_legs and record.proof_at:
        return f"{record.proven_legs}, at {record.proof_at.isoformat()}"
    return record.proof_finding


def _explained_awaiting(key: str, unit: str) -> Explained:
    """A new connection of which nothing exists yet."""
    return Explained(
        profile=key.partition("#")[2],
        state=AWAITING,
        proof="",
        proven="",
        since=None,
        reason=f"the tag of {unit} asks for more new connections than an hour's grant budget",
        step="",
        error="",
        cause="",
        remedy="",
        finding="",
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
            ("Proven", each.proven),
            ("Why", each.reason),
            ("Error", each.error),
            ("Cause", each.cause),
            ("Remedy", each.remedy),
            ("Lacks", each.finding),
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
