"""What should be true of an account, and what to do about the difference. No I/O: facts in, plan out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from control_plane.asking import Asked, Terms, Value

LONGEST_GRACE = timedelta(days=366)  # longer than the template's GracePeriodDays may be
ENDING = ("quarantined", "disconnecting", "failed")  # statuses in which a grace period may be running or over


class Action(StrEnum):
    """What a plan may ask for one connection; the state machine has one path for each."""

    CONNECT = "connect"
    REBUILD = "rebuild"
    QUARANTINE = "quarantine"
    DISCONNECT = "disconnect"
    FORGET = "forget"
    REFUSE = "refuse"
    NOTHING = "nothing"


class Presence(StrEnum):
    """How one plane of a connection stands against what the profile asks for."""

    ABSENT = "absent"
    DIFFERENT = "different"
    DRIFTED = "drifted"
    CURRENT = "current"


class Desired(Value):
    """The connections the organization asks for, and why these; `refused` names profiles nobody defined."""

    profiles: tuple[str, ...] = ()
    reason: str
    refused: Mapping[str, str] = Field(default_factory=dict)
    gone: bool = False


class Observed(Value):
    """What is there for one connection, read from AWS, and what the registry remembers of it."""

    profile: str
    consumer_role: Presence = Presence.ABSENT
    access: bool = False
    data_source: Presence = Presence.ABSENT
    stranger: str = ""  # how a data source of our name is not ours; such a one counts as absent
    recorded: str | None = None  # the record's status
    remove_after: datetime | None = None  # of a quarantine: when it ends, as recorded
    since: datetime | None = None  # since when the record has its status
    stack_id: str = ""  # of the stack in the account, as far as the stack set knows it

    @property
    def is_complete(self) -> bool:
        """Everything a connected account has."""
        return self.access and self.consumer_role is self.data_source is Presence.CURRENT

    @property
    def is_nothing(self) -> bool:
        """Nothing of ours is there."""
        return not self.access and self.consumer_role is self.data_source is Presence.ABSENT


class Step(Value):
    """What to do for one connection, and why."""

    profile: str
    action: Action
    reason: str
    error: str = ""  # of a refusal: the name of the error it is recorded under
    remove_after: datetime | None = None  # of a quarantine: when everything goes
    gone: bool = False  # the account is not active or has left: its stack is kept, and the brake does not count it
    left: str = ""  # of a disconnection: what stays in the account on purpose
    begins: bool = False  # nothing can be queried yet: if it fails, the access it gave is taken back


def desired(wish: Asked, profile_names: Sequence[str]) -> Desired:
    """The connections that are asked for and can be given, by the profiles there are."""
    return Desired(
        profiles=tuple(word for word in wish.words if word in profile_names),
        reason=wish.reason,
        refused={word: _unknown(word, profile_names) for word in wish.words if word not in profile_names},
        gone=wish.gone,
    )


def plan(wanted: Desired, observed: Mapping[str, Observed], terms: Terms, now: datetime) -> list[Step]:
    """The difference between desired and observed, one step for each connection concerned."""
    steps = [_toward(profile, wanted, observed.get(profile)) for profile in wanted.profiles]
    for profile, why in wanted.refused.items():
        seen = observed.get(profile)
        # A profile that was taken out of the file takes the access it gave with it.
        if seen and not seen.is_nothing:
            steps.append(_away(seen, wanted.model_copy(update={"reason": why}), terms, now))
        else:
            steps.append(refusal(profile, "UnknownProfile", why))
    settled = {step.profile for step in steps}
    steps += [_away(seen, wanted, terms, now) for name, seen in observed.items() if name not in settled]
    return steps


def refusal(profile: str, error: str, why: str) -> Step:
    """A step that begins nothing and records why."""
    return Step(profile=profile, action=Action.REFUSE, reason=why, error=error)


def _unknown(word: str, profile_names: Sequence[str]) -> str:
    return f"profiles.yaml defines no profile {word!r}; it defines {', '.join(sorted(profile_names))}"


def _toward(profile: str, wanted: Desired, seen: Observed | None) -> Step:
    seen = seen or Observed(profile=profile)
    if seen.stranger:
        return refusal(profile, "NotOurs", seen.stranger)
    if seen.consumer_role is Presence.DRIFTED:
        why = "somebody changed the consumer role in the account"
        return Step(profile=profile, action=Action.REBUILD, reason=why)
    if seen.is_complete and seen.recorded == "connected":
        return Step(profile=profile, action=Action.NOTHING, reason="connected already")
    begins = not seen.access and seen.data_source is Presence.ABSENT
    return Step(profile=profile, action=Action.CONNECT, reason=wanted.reason, begins=begins)


def _away(seen: Observed, wanted: Desired, terms: Terms, now: datetime) -> Step:
    step = Step(profile=seen.profile, action=Action.NOTHING, reason=wanted.reason, gone=wanted.gone)
    if seen.is_nothing:
        return step if seen.recorded in (None, "removed") else step.model_copy(update={"action": Action.FORGET})
    promised = _promised(seen, now)
    remove_after = promised or now + terms.grace
    if remove_after <= now:
        return step.model_copy(update={"action": Action.DISCONNECT, "left": _left(seen, wanted)})
    if seen.recorded == "quarantined" and promised and not seen.access:
        return step
    return step.model_copy(update={"action": Action.QUARANTINE, "remove_after": remove_after})


def _promised(seen: Observed, now: datetime) -> datetime | None:
    """When a grace period ends that has begun; None when none has, or what is recorded of it can't be true.

    It begins with the revocation and ends some time after it. A record that says anything else deletes nothing early
    and keeps no access: the connection is quarantined anew.
    """
    ends = seen.remove_after
    if ends is None or seen.recorded not in ENDING or ends > now + LONGEST_GRACE:
        return None
    if seen.access and ends <= now:
        return None
    never_began = seen.recorded == "quarantined" and (seen.since is None or ends <= seen.since)
    return None if never_began else ends


def _left(seen: Observed, wanted: Desired) -> str:
    """What stays in the account on purpose when a connection is removed."""
    if not seen.stack_id:
        return ""
    if wanted.gone:
        return f"the stack {seen.stack_id}, because {wanted.reason}: nobody of ours can reach it"
    return f"the results bucket of the stack {seen.stack_id}, if it made one; its objects expire within 7 days"
