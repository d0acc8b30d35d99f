"""Compare desired and observed state of an account, and plan an action for each connection. No I/O."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from control_plane.account import Account, AccountValues, TagValues, has_turn
from control_plane.errors import AccountTagRefused, NotOurs, ProfileNotOffered, UnknownProfile
from control_plane.narrowing import fit_all
from control_plane.opt_in import OptInPolicy, OptInRequest, Value
from control_plane.profiles import Profile

LONGEST_GRACE = timedelta(days=366)  # the template's GracePeriodDays is always less
PROOF_PAUSE = timedelta(hours=12)  # several assessments on one day need one proof
GRACE_STATUSES = (
    "quarantined",
    "disconnecting",
    "failed",
)  # statuses in which a grace period may be running or may have ended


WITHOUT_ACCESS = ("quarantined", "disconnecting", "removed")  # statuses of connections whose access was revoked


class Action(StrEnum):
    """What to do for one connection; the state machine has one path for each action."""

    CONNECT = "connect"
    PROVE = "prove"
    REBUILD = "rebuild"
    QUARANTINE = "quarantine"
    DISCONNECT = "disconnect"
    FORGET = "forget"
    REFUSE = "refuse"
    NOTHING = "nothing"


class Presence(StrEnum):
    """The state of one part of a connection (role, data source), compared with its profile."""

    ABSENT = "absent"
    DIFFERENT = "different"
    DRIFTED = "drifted"
    CURRENT = "current"


class Refused(Value):
    """Why an account can't have a profile that its tag names: the error's name, and words."""

    error: str
    reason: str


class Desired(Value):
    """The connections an account should have, and why. `refused`: profiles that it asks for and can't have."""

    profiles: tuple[str, ...] = ()
    reason: str
    refused: Mapping[str, Refused] = Field(default_factory=dict)
    account_inactive: bool = False
    unit: str = ""  # the OU or the root whose tag asks for them; empty: the account's own tag does
    run_as_roles: Mapping[str, int] = Field(default_factory=dict)  # of each profile whose run-as role is not the first
    fitted: Mapping[str, Profile] = Field(default_factory=dict)  # profiles that the account's tags change for it
    unfit: Mapping[str, Refused] = Field(default_factory=dict)  # its tags ask for what these profiles don't have
    values: TagValues = TagValues()
    ou: str = ""  # the name of the account's OU, if a profile needs it


class Observed(Value):
    """The observed state of one connection: what AWS has, and what the registry recorded."""

    profile: str
    consumer_role: Presence = Presence.ABSENT
    access: bool = False
    misplaced: bool = False  # another run-as role than the profile's may assume it
    data_source: Presence = Presence.ABSENT
    unmanaged: str = ""  # how a data source with our name is not ours; it then counts as absent
    recorded: str | None = None  # the record's status
    remove_after: datetime | None = None  # end of the quarantine, as recorded
    since: datetime | None = None  # when the record got its status
    proof_at: datetime | None = None  # when its last proof ended; None: it was never proven, or a proof was stopped
    version: str = ""  # of the consumer role, as recorded
    stack_id: str = ""  # id of the stack in the account, as the stack set knows it
    retained: str = ""  # what stays in the account after a removal, as recorded
    finding: str = ""  # what of the profile Quick lacks, and which publishers have no place
    recorded_finding: str = ""  # the same, as recorded
    publishers: tuple[str, ...] = ()  # who is to publish to it, by place
    unplaced: str = ""  # which of those that publish to it have no place, and what to do
    publishers_differ: bool = False  # from those in its stack

    @property
    def is_complete(self) -> bool:
        """Whether all parts of a connection are there and current."""
        has_access = self.access and not self.misplaced
        return has_access and self.consumer_role is self.data_source is Presence.CURRENT

    @property
    def is_absent(self) -> bool:
        """Whether none of the parts is there."""
        return not self.access and self.consumer_role is self.data_source is Presence.ABSENT


def is_misplaced(run_as_roles: Collection[int], profile: Profile | None) -> bool:
    """Whether the access policy lets another run-as role than the profile's assume the consumer role."""
    return bool(profile and run_as_roles and set(run_as_roles) != {profile.run_as_role})


class PlannedAction(Value):
    """What to do for one connection, and why."""

    profile: str
    action: Action
    reason: str
    error: str = ""  # of a refusal: the error name to record
    remove_after: datetime | None = None  # of a quarantine: when its parts are deleted
    account_inactive: bool = False  # not active, or left: the stack is retained and the revocation not counted
    retained: str = ""  # of a disconnection: what stays in the account on purpose
    first_connection: bool = False  # no access before this: if it fails, the access is rolled back
    unit: str = ""  # of a new connection: the OU or the root whose grant budget it uses up
    run_as_role: int = 1  # of a connection that is wanted: the number of its run-as role
    values: AccountValues = AccountValues()  # of such a connection: what its tags say, and who publishes to it
    ou: str = ""  # of such a connection: the name of the account's OU, if a profile needs it
    since: datetime | None = None  # of a proof: since when it is connected
    version: str = ""  # of a proof: the recorded version of the consumer role
    finding: str = ""  # of a proof: the finding, as recorded
    unplaced: str = ""  # of a connection that is wanted: which publishers have no place; a part of its finding
    readers: tuple[str, ...] = ()  # accounts and OUs to sweep once it is done: it begins or ceases to publish to them
    publishing: bool = False  # somebody began or ceased to publish to it, or its record alone differs: that is no drift


def needs_parents(request: OptInRequest, account: Account, profiles: Mapping[str, Profile]) -> bool:
    """Whether the account's parents have to be read before `desired` can say which profiles are offered to it."""
    named = [profiles[name] for name in request.profile_names if name in profiles]
    return account.above is None and any(each.needs_parents(account.id) for each in named)


def needs_ou(request: OptInRequest, profiles: Mapping[str, Profile]) -> bool:
    """Whether the name of the account's OU has to be read before its data sources can be compared."""
    return any(profiles[name].needs_ou for name in request.profile_names if name in profiles)


def desired(request: OptInRequest, account: Account, profiles: Mapping[str, Profile]) -> Desired:
    """The connections an account should have: the requested profiles that are defined and offered to it."""
    refused = {name: why for name in request.profile_names if (why := _refused(name, account, profiles))}
    offered = [name for name in request.profile_names if name not in refused]
    fitted, unfit = fit_all(offered, profiles, request.values)
    return Desired(
        profiles=tuple(fitted),
        run_as_roles={name: each.run_as_role for name, each in fitted.items() if each.run_as_role > 1},
        fitted={name: each for name, each in fitted.items() if each is not profiles[name]},
        unfit={name: Refused(error=AccountTagRefused.__name__, reason=why) for name, why in unfit.items()},
        values=request.values,
        ou=account.ou,
        reason=request.reason,
        refused=refused,
        account_inactive=request.account_inactive,
        unit=request.unit,
    )


def plan(
    wanted: Desired, observed: Mapping[str, Observed], opt_in_policy: OptInPolicy, now: datetime
) -> list[PlannedAction]:
    """The difference between desired and observed state: one action for each connection concerned."""
    actions = [_if_wanted(profile, wanted, observed.get(profile)) for profile in wanted.profiles]
    for profile, why in {**wanted.refused, **wanted.unfit}.items():
        seen = observed.get(profile)
        # If a profile is removed from the file, not offered any more, or has not what the account's tags narrow it to,
        # the access it gave is removed, too: what was exposed before may be more than what is allowed now.
        if seen and not seen.is_absent:
            actions.append(_if_unwanted(seen, wanted.model_copy(update={"reason": why.reason}), opt_in_policy, now))
        else:
            actions.append(refusal(profile, why.error, why.reason))
    handled = {planned.profile for planned in actions}
    actions += [
        _if_unwanted(seen, wanted, opt_in_policy, now) for name, seen in observed.items() if name not in handled
    ]
    return actions


def changes_access(planned: PlannedAction, seen: Observed | None) -> bool:
    """Whether the connection begins or ceases to have access by this action, and with it to publish.

    An approved revocation has taken the entry away already. Then the record tells that nobody knows of it yet.
    """
    has_access = seen is not None and seen.access
    if planned.action is Action.CONNECT:
        return not has_access
    is_recorded = seen is not None and seen.recorded not in (None, *WITHOUT_ACCESS)
    return (has_access or is_recorded) and planned.action in (Action.QUARANTINE, Action.DISCONNECT)


def with_proof(
    planned: PlannedAction, seen: Observed | None, wanted: Desired, account_id: str, now: datetime
) -> PlannedAction:
    """Prove a connection that needs nothing else, if none of its proofs has ended or its account has its turn today."""
    if planned.action is not Action.NOTHING or seen is None or seen.recorded != "connected" or not seen.is_complete:
        return planned
    if seen.proof_at and (now - seen.proof_at < PROOF_PAUSE or not has_turn(account_id, now)):
        return planned
    recorded = {"since": seen.since, "version": seen.version, "finding": seen.recorded_finding}
    asked = {"run_as_role": wanted.run_as_roles.get(seen.profile, 1), "values": _values(wanted, seen)}
    return planned.model_copy(update={"action": Action.PROVE, "reason": wanted.reason, **recorded, **asked})


def refusal(profile: str, error: str, why: str) -> PlannedAction:
    """An action that starts nothing and records why."""
    return PlannedAction(profile=profile, action=Action.REFUSE, reason=why, error=error)


def _refused(name: str, account: Account, profiles: Mapping[str, Profile]) -> Refused | None:
    """Why the account can't have this profile; None when it can."""
    if name not in profiles:
        why = f"profiles.yaml defines no profile {name!r}; it defines {', '.join(sorted(profiles))}"
        return Refused(error=UnknownProfile.__name__, reason=why)
    try:
        profiles[name].check_offer(name, account.id, account.above or ())
    except ProfileNotOffered as error:
        return Refused(error=type(error).__name__, reason=str(error))
    return None


def _if_wanted(profile: str, wanted: Desired, seen: Observed | None) -> PlannedAction:
    seen, run_as_role = seen or Observed(profile=profile), wanted.run_as_roles.get(profile, 1)
    if seen.unmanaged:
        return refusal(profile, NotOurs.__name__, seen.unmanaged)
    if seen.consumer_role is Presence.DRIFTED:
        why = "somebody changed the consumer role in the account"
        return PlannedAction(
            profile=profile,
            action=Action.REBUILD,
            reason=why,
            run_as_role=run_as_role,
            values=_values(wanted, seen),
            ou=wanted.ou,
        )
    if seen.is_complete and seen.recorded == "connected" and seen.finding == seen.recorded_finding:
        return PlannedAction(profile=profile, action=Action.NOTHING, reason="connected already")
    first_connection = not seen.access and seen.data_source is Presence.ABSENT
    is_begun = seen.recorded in ("connecting", "disconnecting")  # it was counted then, or it comes back
    return PlannedAction(
        profile=profile,
        action=Action.CONNECT,
        reason=wanted.reason,
        first_connection=first_connection,
        unit=wanted.unit if first_connection and not is_begun else "",
        publishing=seen.publishers_differ or (seen.is_complete and seen.recorded == "connected"),
        unplaced=seen.unplaced,
        run_as_role=run_as_role,
        values=_values(wanted, seen),
        ou=wanted.ou,
    )


def _values(wanted: Desired, seen: Observed) -> AccountValues:
    return AccountValues(**wanted.values.model_dump(), publishers=seen.publishers)


def _if_unwanted(seen: Observed, wanted: Desired, opt_in_policy: OptInPolicy, now: datetime) -> PlannedAction:
    planned = PlannedAction(
        profile=seen.profile, action=Action.NOTHING, reason=wanted.reason, account_inactive=wanted.account_inactive
    )
    if seen.is_absent:
        return planned if seen.recorded in (None, "removed") else planned.model_copy(update={"action": Action.FORGET})
    grace_end = _grace_end(seen, now) if opt_in_policy.grace else None  # no days of grace: none that has begun either
    remove_after = grace_end or now + opt_in_policy.grace
    if remove_after <= now:
        return planned.model_copy(update={"action": Action.DISCONNECT, "retained": _retained(seen, wanted)})
    if seen.recorded == "quarantined" and grace_end and not seen.access:
        return planned
    return planned.model_copy(update={"action": Action.QUARANTINE, "remove_after": remove_after})


def _grace_end(seen: Observed, now: datetime) -> datetime | None:
    """The end of a grace period that has started; None when none has, or when the recorded end can't be true.

    A grace period starts with the revocation and ends some time later. If the record contradicts that, nothing is
    deleted early and no access is kept: the connection is quarantined again.
    """
    ends = seen.remove_after
    if ends is None or seen.recorded not in GRACE_STATUSES or ends > now + LONGEST_GRACE:
        return None
    if seen.access and ends <= now:
        return None
    never_started = seen.recorded == "quarantined" and (seen.since is None or ends <= seen.since)
    return None if never_started else ends


def _retained(seen: Observed, wanted: Desired) -> str:
    """What stays in the account on purpose when a connection is removed.

    When the stack is removed already, this is what the record says: an earlier assessment still saw the stack.
    """
    if not seen.stack_id:
        return seen.retained
    if wanted.account_inactive:
        return f"the stack {seen.stack_id}, because {wanted.reason}: nobody of ours can reach it"
    return f"the results bucket of the stack {seen.stack_id}, if it made one; its objects expire within 7 days"
