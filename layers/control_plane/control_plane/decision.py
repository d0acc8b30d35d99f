"""What should be true of an account, and what to do about the difference. No I/O: facts in, plan out."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, ValidationError

from control_plane.account import RESERVED, Account, Connection, Hub
from control_plane.errors import AccountNotReachable, InvalidTagValue

ENABLED, PAUSED, DISABLED = RESERVED


class Action(StrEnum):
    """What a plan may ask for one connection; the state machine has one path for each."""

    CONNECT = "connect"
    QUARANTINE = "quarantine"
    FORGET = "forget"
    REFUSE = "refuse"
    NOTHING = "nothing"


class Presence(StrEnum):
    """How one plane of a connection stands against what the profile asks for."""

    ABSENT = "absent"
    DIFFERENT = "different"
    CURRENT = "current"


class Value(BaseModel):
    """A frozen fact."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Asked(Value):
    """What an account's tag asks for, before anybody looked which profiles there are.

    `denied`: it asks for something, but an account in its state is given nothing.
    """

    words: tuple[str, ...] = ()
    reason: str
    denied: bool = False


class Desired(Value):
    """The connections the organization asks for, and why these; `refused` names profiles nobody defined."""

    profiles: tuple[str, ...] = ()
    reason: str
    refused: dict[str, str] = {}


class Observed(Value):
    """What is there for one connection, read from AWS, and what the registry remembers of it."""

    profile: str
    consumer_role: Presence = Presence.ABSENT
    access: bool = False
    data_source: Presence = Presence.ABSENT
    stranger: str = ""  # how a data source of our name is not ours; such a one counts as absent
    recorded: str | None = None  # the record's status

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
    begins: bool = False  # nothing can be queried yet: if it fails, the access it gave is taken back


def asked(account: Account, hub: Hub, opt_in_tag: str) -> Asked:
    """What an account's tags and state ask for.

    A tag that can't be read raises InvalidTagValue: then nothing new is given and nothing is taken away.
    """
    value = account.tags.get(opt_in_tag)
    asks = value is not None and value.strip() not in (PAUSED, DISABLED)
    if not account.is_active:
        return Asked(reason=f"the account is {account.state}", denied=asks)
    if value is None:
        return Asked(reason=f"the account has no tag {opt_in_tag}")
    if asks and account.id in (hub.management_account_id, hub.account_id):
        raise AccountNotReachable(_not_reachable(account, hub))
    return _read(value, opt_in_tag)


def desired(wish: Asked, profile_names: Sequence[str]) -> Desired:
    """The connections that are asked for and can be given, by the profiles there are."""
    return Desired(
        profiles=tuple(word for word in wish.words if word in profile_names),
        reason=wish.reason,
        refused={word: _unknown(word, profile_names) for word in wish.words if word not in profile_names},
    )


def plan(wanted: Desired, observed: Mapping[str, Observed]) -> list[Step]:
    """The difference between desired and observed, one step for each connection concerned."""
    steps = [_toward(profile, wanted, observed.get(profile)) for profile in wanted.profiles]
    steps += [_refuse(profile, why, observed.get(profile)) for profile, why in wanted.refused.items()]
    settled = {step.profile for step in steps}
    steps += [_away(seen, wanted.reason) for name, seen in observed.items() if name not in settled]
    return steps


def refusal(profile: str, error: str, why: str) -> Step:
    """A step that begins nothing and records why."""
    return Step(profile=profile, action=Action.REFUSE, reason=why, error=error)


def _read(value: str, tag: str) -> Asked:
    words = tuple(dict.fromkeys(value.split()))
    if words in ((PAUSED,), (DISABLED,)):
        return Asked(reason=f"the tag {tag} says {words[0]}")
    if words == (ENABLED,):
        words = ("default",)
    if unreadable := _why_unreadable(words, tag):
        raise InvalidTagValue(unreadable)
    return Asked(words=words, reason=f"the tag {tag} says {value.strip()}")


def _why_unreadable(words: Sequence[str], tag: str) -> str | None:
    if not words:
        return f"the tag {tag} is empty: write enabled, paused, disabled, or profile names separated by spaces"
    reserved = [word for word in words if word in RESERVED]
    if len(reserved) == len(words):
        return f"the tag {tag} says {' and '.join(reserved)}: write one of them"
    if reserved:
        return f"the tag {tag} mixes {' and '.join(reserved)} with profile names: write the one or the other"
    if odd := [word for word in words if not _is_profile_name(word)]:
        hint = f"; did you mean {odd[0].lower()}?" if _is_profile_name(odd[0].lower()) else ""
        return f"the tag {tag} has {odd[0]!r}, which is no profile name (lower-case letters, digits, hyphens){hint}"
    return None


def _is_profile_name(word: str) -> bool:
    try:
        Connection(account_id="0" * 12, profile=word)
    except ValidationError:
        return False
    return True


def _unknown(word: str, profile_names: Sequence[str]) -> str:
    return f"profiles.yaml defines no profile {word!r}; it defines {', '.join(sorted(profile_names))}"


def _not_reachable(account: Account, hub: Hub) -> str:
    if account.id == hub.management_account_id:
        return "the management account can't be connected: service-managed stack sets never reach it"
    return "the hub account needs no connection: Quick reads its own account's Athena directly"


def _toward(profile: str, wanted: Desired, seen: Observed | None) -> Step:
    seen = seen or Observed(profile=profile)
    if seen.stranger:
        return refusal(profile, "NotOurs", seen.stranger)
    if seen.is_complete and seen.recorded == "connected":
        return Step(profile=profile, action=Action.NOTHING, reason="connected already")
    begins = not seen.access and seen.data_source is Presence.ABSENT
    return Step(profile=profile, action=Action.CONNECT, reason=wanted.reason, begins=begins)


def _refuse(profile: str, why: str, seen: Observed | None) -> Step:
    """A profile that was taken out of the file takes the access it gave with it."""
    if seen and not seen.is_nothing:
        return _away(seen, why)
    return refusal(profile, "UnknownProfile", why)


def _away(seen: Observed, why: str) -> Step:
    if seen.is_nothing:
        action = Action.NOTHING if seen.recorded in (None, "removed") else Action.FORGET
    elif seen.recorded == "quarantined" and not seen.access:
        action = Action.NOTHING
    else:
        action = Action.QUARANTINE
    return Step(profile=seen.profile, action=action, reason=why)
