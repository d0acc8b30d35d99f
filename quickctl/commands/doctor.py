"""`quickctl doctor`: prerequisites and common mistakes, looked for in the live account. It only reads."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import typer
from pydantic import Field
from rich.text import Text

from control_plane import watch
from control_plane.access_policy import used
from control_plane.errors import GroupNotFound, QuickNotReady
from control_plane.failure import REGISTER, REMEDIATIONS
from control_plane.readiness import check as check_quick
from control_plane.steps.access import external_ids
from control_plane.sweep.reporting import Report
from control_plane.sweep.store import ACROSS_SWEEPS
from quickctl.aws import problem_of
from quickctl.cli import Cli, cli_of
from quickctl.commands.plans import FilesOption  # noqa: TC001 - Typer reads it
from quickctl.commands.profiles import profiles_of
from quickctl.commands.sweeps import LAST
from quickctl.exits import ExitCode
from quickctl.files import ConsumerFiles, consumer_files
from quickctl.output import Rendering, Result, age, elapsed, parsed, table
from quickctl.questions import questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FINE, WARNING, WRONG, HIDDEN = "fine", "warning", "wrong", "cannot look"
STYLES = {FINE: "green", WARNING: "yellow", WRONG: "red", HIDDEN: "red"}
QUEUES = ("UndeliveredEventsUrl", "FailedRunsUrl")
NO_SWEEP_FOR = timedelta(days=2)
FILLING = 70  # percent of the access policy; the alarm AccessPolicyFilling has the same limit


class Finding(Result):
    """What a check found."""

    check: str = Field(description="what was checked")
    verdict: str = Field(
        description=f"`{FINE}`, `{WARNING}`, `{WRONG}`, or `{HIDDEN}`: a permission to look is missing"
    )
    what: str = Field(description="what was found")
    why: str = Field(description="why it matters; empty if it is fine")
    mend: str = Field(description="the command, or what to do, that mends it; empty if it is fine")


class Diagnosis(Result):
    """All findings, in the order of the checks."""

    findings: tuple[Finding, ...] = Field(description="the findings")

    @property
    def failed(self) -> bool:
        """Whether something is wrong, or could not be looked at."""
        return any(each.verdict in (WRONG, HIDDEN) for each in self.findings)


class Patient:
    """What the checks look at."""

    def __init__(self, cli: Cli, files: ConsumerFiles) -> None:
        self.aws, self.files, self.now = cli.aws, files, cli.now()


def doctor(context: typer.Context, profiles: FilesOption = None) -> None:
    """Check prerequisites and common mistakes, and say how to mend what is wrong. Nothing is changed."""
    cli = cli_of(context)
    patient = Patient(cli, consumer_files(profiles))
    found = Diagnosis(
        findings=tuple(each for name, check in CHECKS.items() for each in _findings(name, check, patient))
    )
    cli.printer.show(found, render)
    if found.failed:
        raise typer.Exit(ExitCode.FAILED)


def _findings(
    name: str, check: Callable[[Patient], Iterator[tuple[str, str, str, str]]], patient: Patient
) -> Iterator[Finding]:
    """What a check found; if it may not look, that is what was found."""
    try:
        for verdict, what, why, mend in check(patient):
            yield Finding(check=name, verdict=verdict, what=what, why=why, mend=mend)
    except Exception as error:
        problem = problem_of(error)
        if problem is None or problem.code is not ExitCode.DENIED:
            raise
        why = "whether it is fine is not known"
        yield Finding(check=name, verdict=HIDDEN, what=problem.message, why=why, mend=problem.remedy)


Found = tuple[str, str, str, str]


def _fine(what: str) -> Found:
    return FINE, what, "", ""


def _stack(patient: Patient) -> Iterator[Found]:
    status, name = patient.aws.deployment.status, patient.aws.deployment.stack_name
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        yield _fine(f"the stack {name} is {status}")
    elif status.endswith("IN_PROGRESS"):
        yield WARNING, f"the stack {name} is {status}", "what follows may change meanwhile", "wait until it has ended"
    else:
        events = f"aws cloudformation describe-stack-events --stack-name {name}"
        yield (
            WRONG,
            f"the stack {name} is {status}",
            "the last deployment did not go well",
            f"{events}; then sam deploy again",
        )


def _administrator(patient: Patient) -> Iterator[Found]:
    hub = patient.aws.deployment.account_id
    if hub in patient.aws.stack_set_administrators():
        yield _fine("the hub is a delegated administrator for StackSets")
        return
    mend = f"as the management account: {REGISTER.replace('<hub>', hub)}"
    yield WRONG, "the hub is no delegated administrator for StackSets", "no consumer role can be made or removed", mend


def _quick(patient: Patient) -> Iterator[Found]:
    for name, profile in sorted(profiles_of(patient.files).items()):
        try:
            check_quick(profile, patient.aws.quick_account)
        except (QuickNotReady, GroupNotFound) as error:
            mend = REMEDIATIONS[type(error).__name__].remedy
            yield WRONG, str(error), f"accounts of the profile {name} are refused", mend
        else:
            yield _fine(f"Quick is ready for the profile {name}")


def _rule(patient: Patient) -> Iterator[Found]:
    bus = patient.aws.deployment.output("HubBusArn").rsplit("/", 1)[-1]
    state = patient.aws.rule_state(bus, RULE)
    if state == "ENABLED":
        yield _fine("the rule for organization events is enabled")
        return
    mend = f"aws events enable-rule --event-bus-name {bus} --name {RULE}"
    if not state:
        mend = "deploy the stack anew under another name, or restore the rule as template.yaml has it"
    what = f"the rule {RULE} is {state or 'not there'}"
    yield WRONG, what, "no event starts anything; only the daily sweep finds changes", mend


def _schedules(patient: Patient) -> Iterator[Found]:
    found = patient.aws.schedules(f"{patient.aws.deployment.stack_name}-")
    stopped = sorted(name for name, state in found.items() if state != "ENABLED")
    if len(found) < SCHEDULES:
        why = "stuck records, lost events and removals that are due are not found"
        yield (
            WRONG,
            f"the stack has {SCHEDULES} schedules, {len(found)} are there",
            why,
            "restore them as template.yaml has them",
        )
    for name in stopped:
        why = "it finds what events did not report: lost events, stuck records, removals that are due"
        mend = f"aws scheduler update-schedule --name {name} --state ENABLED ... (with its other values: get-schedule)"
        yield WRONG, f"the schedule {name} is disabled", why, mend
    if len(found) >= SCHEDULES and not stopped:
        yield _fine("the schedules of the sweep and of the watch are enabled")


def _subscribers(patient: Patient) -> Iterator[Found]:
    topic = patient.aws.deployment.output("NotificationsTopicArn")
    confirmed = [each for each in patient.aws.subscriptions(topic) if each != "PendingConfirmation"]
    if confirmed:
        yield _fine(f"{len(confirmed)} subscribe to failures, alarms and questions")
        return
    why = "nobody hears of failures, and nobody is asked to approve anything"
    mend = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint <address>; then confirm it"
    yield WRONG, "nobody subscribes to the topic of notifications", why, mend


def _queues(patient: Patient) -> Iterator[Found]:
    counts = {queue: patient.aws.messages(queue) for queue in QUEUES}
    if counts["UndeliveredEventsUrl"]:
        what = f"{counts['UndeliveredEventsUrl']} events could not be delivered"
        yield (
            WRONG,
            what,
            "their accounts wait for the next sweep",
            "quickctl redrive --dry-run says why; then quickctl redrive",
        )
    if counts["FailedRunsUrl"]:
        what = f"{counts['FailedRunsUrl']} scheduled runs failed, or could not be started"
        yield (
            WRONG,
            what,
            "a sweep or a run of the watch was left out",
            "docs/howto/redrive-dead-letters.md#failed-runs",
        )
    if not any(counts.values()):
        yield _fine("the dead-letter queues are empty")


def _sweep(patient: Patient) -> Iterator[Found]:
    report = patient.aws.sweeps.get(ACROSS_SWEEPS, LAST, Report)
    seconds = elapsed(parsed(report.at), patient.now) if report else None
    if report is None or seconds is None:
        yield WARNING, "no sweep has ended yet", "what events do not report is not found", "quickctl sweep"
    elif timedelta(seconds=seconds) > NO_SWEEP_FOR:
        what = f"the last sweep ended {age(seconds)} ago"
        yield WRONG, what, "lost events and removals that are due are not found", "quickctl sweep"
    elif report.partial:
        mend = "docs/howto/answer-an-alarm.md#the-list-of-accounts-was-incomplete"
        yield WARNING, f"the last sweep's list was incomplete: {report.partial}", "it removed nothing", mend
    else:
        yield _fine(f"the last sweep ended {age(seconds)} ago")


def _events(patient: Patient) -> Iterator[Found]:
    newest = next(patient.aws.executions("RouteEventArn"), None)
    if newest is None:
        why = "a tag takes effect at the next sweep only"
        mend = "tag an account; if nothing arrives, check trail and forwarding stack (docs/howto/deploy.md, step 7)"
        yield WARNING, "no organization event has arrived in the last 90 days", why, mend
    else:
        yield _fine(f"the last organization event came {age(elapsed(newest.started, patient.now))} ago")


def _records(patient: Patient) -> Iterator[Found]:
    found = watch.scan(patient.aws.registry, patient.now.isoformat())
    if found.stuck:
        accounts = " ".join(sorted({each.account_id for each in found.stuck}))
        yield (
            WARNING,
            f"{len(found.stuck)} records are stuck",
            "the watch starts them anew",
            f"quickctl reconcile {accounts}",
        )
    if found.failed:
        what = f"{len(found.failed)} connections or accounts have failed"
        yield (
            WARNING,
            what,
            "they are not what their tags ask for",
            "quickctl status --state failed; quickctl explain <account>",
        )
    if found.unread:
        what = f"{found.unread} events are kept in which no account was found"
        yield WARNING, what, "their shape may be new", "docs/howto/read-a-kept-event.md"
    if not (found.stuck or found.failed or found.unread):
        yield _fine("nothing is stuck, has failed, or was kept")


def _capacity(patient: Patient) -> Iterator[Found]:
    shards = patient.aws.policies.shards()
    percent = used(shards, patient.aws.policies.quota(), external_ids(patient.aws.deployment.hub))
    if percent < FILLING:
        yield _fine(f"{percent:.1f} % of the access policy are used")
        return
    mend = "docs/howto/answer-an-alarm.md#the-access-policy-is-filling-up"
    yield WARNING, f"{percent:.1f} % of the access policy are used", "at 100 new connections are refused", mend


def _approvals(patient: Patient) -> Iterator[Found]:
    waiting = list(questions(patient.aws))
    for each in waiting:
        what = f"{len(each.connections)} {'new connections' if each.unit else 'revocations'} wait for an answer"
        why = "nothing is made" if each.unit else "Quick can still query them"
        yield WARNING, what, f"until then {why}", f"quickctl approvals; quickctl approve {each.name}"
    if not waiting:
        yield _fine("nothing waits for an approval")


RULE = "quick-onboarding-account-events"
SCHEDULES = 2
CHECKS = {
    "stack": _stack,
    "delegated administrator": _administrator,
    "quick": _quick,
    "rule": _rule,
    "schedules": _schedules,
    "subscribers": _subscribers,
    "queues": _queues,
    "sweep": _sweep,
    "events": _events,
    "records": _records,
    "capacity": _capacity,
    "approvals": _approvals,
}


def render(found: Diagnosis) -> Rendering:
    """A line for each finding, then how to mend what is not fine."""
    yield table(
        ("CHECK", "VERDICT", "FOUND"),
        ((each.check, Text(each.verdict, style=STYLES[each.verdict]), each.what) for each in found.findings),
    )
    for each in found.findings:
        if each.verdict != FINE:
            yield ""
            yield f"{each.check}: {each.what}"
            yield f"  why: {each.why}"
            yield f"  do: {each.mend}"
