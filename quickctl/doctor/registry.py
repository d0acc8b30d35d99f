"""Checks of what is recorded: sweeps, events, records and claims, stopped roll-outs, questions that wait."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from control_plane import watch
from control_plane.account import NAME_PREFIX
from control_plane.sweep.reporting import Report
from control_plane.sweep.store import ACROSS_SWEEPS
from quickctl.commands.profiles import profiles_of
from quickctl.commands.sweeps import LAST
from quickctl.doctor.command_lines import then
from quickctl.doctor.finding import Found, fine, unless_fine, warning, wrong
from quickctl.output import age, elapsed, parsed
from quickctl.questions import questions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from control_plane.ports.registry import Record
    from quickctl.doctor.command_lines import Commands
    from quickctl.doctor.patient import Patient
    from quickctl.questions import Question

NO_SWEEP_FOR = timedelta(days=2)
AT_ONCE = 20  # accounts or events that one command names
UNFOUND = "lost events and removals that are due are not found"


def sweep(patient: Patient) -> Iterator[Found]:
    """Whether the last sweep is not long ago, and saw all accounts."""
    report = patient.aws.sweeps.get(ACROSS_SWEEPS, LAST, Report)
    since = elapsed(parsed(report.at), patient.now) if report else None
    yield last_sweep(since, report.partial if report else "", patient.commands)


def last_sweep(since: float | None, partial: str, commands: Commands) -> Found:
    """What the end of the last sweep means. `since`: seconds; None: none has ended. `partial`: what it did not see."""
    start = commands.quickctl("sweep")
    if since is None:
        return warning("no sweep has ended yet", "what events do not report is not found", start)
    if timedelta(seconds=since) > NO_SWEEP_FOR:
        return wrong(f"the last sweep ended {age(since)} ago", UNFOUND, start)
    if partial:
        return warning(f"the last sweep's list was incomplete: {partial}", "it removed nothing", start)
    return fine(f"the last sweep ended {age(since)} ago")


def events(patient: Patient) -> Iterator[Found]:
    """Whether organization events arrive."""
    if patient.last_event is not None:
        yield fine(patient.last_event_said)
        return
    commands = patient.commands
    mend = commands.quickctl("sweep") if patient.management else commands.quickctl_of_both("doctor")
    yield warning(patient.last_event_said, "if accounts were tagged, it takes effect at the next sweep only", mend)


def records(patient: Patient) -> Iterator[Found]:
    """Whether anything is stuck, has failed, or was kept because no account was found in it."""
    aws, commands = patient.aws, patient.commands
    found = watch.scan(aws.registry, patient.now.isoformat())
    kept = [each.id for each in aws.kept_events.every()] if found.unread else []
    listed = (*unsettled(found, commands), *kept_events(kept, commands))
    yield from unless_fine(listed, "nothing is stuck, has failed, or was kept")


def unsettled(found: watch.Findings, commands: Commands) -> Iterator[Found]:
    """What the records mean that are not as they should be."""
    if found.stuck:
        again = commands.quickctl("reconcile", *_accounts(found.stuck))
        yield warning(f"{len(found.stuck)} records are stuck", "the watch starts their accounts again", again)
    for listed, state in ((found.failed, "failed"), (found.degraded, "degraded")):
        if listed:
            show = commands.quickctl("status", "--state", state)
            again = commands.quickctl("retry" if state == "failed" else "reconcile", *_accounts(listed))
            why = "they are not what their tags ask for: see the causes, then try them again"
            yield warning(f"{state}: {len(listed)} connections or accounts", why, then(show, again))


def kept_events(ids: Sequence[str], commands: Commands) -> Iterator[Found]:
    """What events mean that are kept. The command shows them, finds their accounts, and only then forgets them."""
    if ids:
        forget = (commands.quickctl("events", "--forget", each) for each in ids[:AT_ONCE])
        yield warning(
            f"{len(ids)} events are kept in which no account was found",
            "their shape may be new: report it",
            then(commands.quickctl("events"), commands.quickctl("sweep"), *forget),
        )


def claims(patient: Patient) -> Iterator[Found]:
    """Whether every claim is held by an execution that runs."""
    aws = patient.aws
    claimed = [each for kind in ("in_progress", "failed") for each in aws.registry.unsettled(kind) if each.claimed]
    states = {each.holder: _status(patient, each.holder) for each in claimed}
    stale = stale_claims(claimed, states, patient.commands)
    yield from unless_fine(stale, "every account that is claimed is claimed by an execution that runs")


def _status(patient: Patient, execution: str) -> str:
    found = patient.aws.execution(execution) if execution.startswith("arn:") else None
    return found.status if found else "gone"


def stale_claims(claimed: Iterable[Record], states: Mapping[str, str], commands: Commands) -> Iterator[Found]:
    """The claims that executions hold which do not run any more. `states`: of the executions, by their ARNs."""
    for each in claimed:
        if (state := states[each.holder]) != "RUNNING":
            yield warning(
                f"account {each.account_id} is claimed by an execution that is {state}: {each.holder}",
                "its events wait until the watch starts it again, half an hour after the claim was written",
                commands.quickctl("reconcile", each.account_id),
            )


def rollouts(patient: Patient) -> Iterator[Found]:
    """Whether a person stopped the deployments of a profile."""
    profiles = sorted(profiles_of(patient.files))
    stopped = {name: patient.aws.queues.stopped(f"{NAME_PREFIX}{name}") for name in profiles}
    yield from unless_fine(stopped_rollouts(stopped, patient.commands), "no roll-out is stopped")


def stopped_rollouts(reasons: Mapping[str, str], commands: Commands) -> Iterator[Found]:
    """The profiles whose deployments are stopped. `reasons`: by profile; empty for those that are not."""
    for name, reason in reasons.items():
        if reason:
            why = "no account gets this profile's consumer role, or a change of it"
            what = f"the deployments of the profile {name} are stopped: {reason}"
            yield warning(what, why, commands.quickctl("resume", name))


def approvals(patient: Patient) -> Iterator[Found]:
    """Whether something waits for an answer."""
    yield from unless_fine(waiting(questions(patient.aws), patient.commands), "nothing waits for an approval")


def waiting(found: Iterable[Question], commands: Commands) -> Iterator[Found]:
    """What the questions mean that wait."""
    for each in found:
        what = f"{len(each.connections)} {'new connections' if each.unit else 'revocations'} wait for an answer"
        why = "until then " + ("nothing is made" if each.unit else "Quick can still query them")
        yield warning(what, why, then(commands.quickctl("approvals"), commands.quickctl("approve", each.name)))


def _accounts(found: Collection[Record]) -> list[str]:
    return sorted({each.account_id for each in found})[:AT_ONCE]
