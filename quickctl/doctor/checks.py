"""Everything that doctor checks, in its order, and what it says where it may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quickctl.aws import problem_of
from quickctl.doctor import access, hub, management, quick, registry
from quickctl.doctor.command_lines import grant, needed
from quickctl.doctor.finding import DENIED, UNSEEN, Diagnosis, Finding, Found
from quickctl.exits import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from quickctl.doctor.patient import Patient

HUB, MANAGEMENT = "hub", "management"
READERS = {HUB: "operator", MANAGEMENT: "doctor-management"}  # the policies that let somebody look there


@dataclass(frozen=True)
class Check:
    """One check. `place`: in which account it looks."""

    name: str
    examine: Callable[..., Iterator[Found]]
    place: str = HUB

    @property
    def question(self) -> str:
        """What it finds out, in a sentence."""
        return (self.examine.__doc__ or "").splitlines()[0]


CHECKS = (
    Check("stack", hub.stack),
    Check("roles", hub.roles),
    Check("delegated administrator", management.administrator),
    Check("trusted access", management.trusted_access, MANAGEMENT),
    Check("resource policy", management.resource_policy, MANAGEMENT),
    Check("tag policies", management.tag_policies, MANAGEMENT),
    Check("trail", management.trail, MANAGEMENT),
    Check("forwarding", management.forwarding, MANAGEMENT),
    Check("forwarding queue", management.dead_letters, MANAGEMENT),
    Check("bus", hub.bus),
    Check("rule", hub.rule),
    Check("schedules", hub.schedules),
    Check("subscribers", hub.subscribers),
    Check("queues", hub.queues),
    Check("quick", quick.readiness),
    Check("profiles", quick.versions),
    Check("sweep", registry.sweep),
    Check("events", registry.events),
    Check("records", registry.records),
    Check("claims", registry.claims),
    Check("roll-outs", registry.rollouts),
    Check("access policy", access.access_policy),
    Check("capacity", access.capacity),
    Check("approvals", registry.approvals),
)


NAMES = tuple(each.name for each in CHECKS)


def diagnose(patient: Patient, names: Collection[str] = NAMES) -> Diagnosis:
    """What these checks find."""
    return Diagnosis(
        findings=tuple(
            Finding(
                check=check.name,
                verdict=each.verdict,
                what=each.what,
                why=each.why,
                mend=each.mend,
                needs=needed(each.mend),
            )
            for check in CHECKS
            if check.name in names
            for each in _found(check, patient)
        )
    )


def _found(check: Check, patient: Patient) -> Iterator[Found]:
    """What a check found; if it may not look, that is what was found."""
    try:
        if check.place == HUB:
            yield from check.examine(patient)
        elif patient.management:
            yield from check.examine(patient, patient.management)
        else:
            yield _unseen(patient)
    except Exception as error:
        if not _is_denied(error):
            raise
        yield _denied(error, check.place, patient)


def _unseen(patient: Patient) -> Found:
    """What is known of the management account without looking there: whether its events come."""
    why = "it is in the management account, and no --management-profile was named"
    try:
        said = patient.last_event_said
    except Exception as error:
        if not _is_denied(error):
            raise
        said = "when the last organization event came is not known"
    return Found(UNSEEN, said, why, patient.commands.quickctl_of_both("doctor"))


def _denied(error: Exception, place: str, patient: Patient) -> Found:
    management = patient.management if place == MANAGEMENT else None
    caller = management.account.caller if management else patient.aws.caller
    problem = problem_of(error)
    assert problem
    return Found(DENIED, problem.message, "whether it is fine is not known", grant(caller, READERS[place]))


def _is_denied(error: Exception) -> bool:
    """Whether a permission is missing."""
    problem = problem_of(error)
    return problem is not None and problem.code is ExitCode.DENIED
