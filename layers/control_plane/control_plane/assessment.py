"""Assess one account: its desired state, its observed state, and the actions between the two."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from control_plane import publications
from control_plane.account import DEPARTED, Account, Hub
from control_plane.decision import (
    Action,
    Observed,
    PlannedAction,
    Presence,
    changes_access,
    desired,
    needs_ou,
    needs_parents,
    plan,
    refusal,
    with_proof,
)
from control_plane.errors import AccountNotActive, AccountNotFound, GroupNotFound, InvalidProfiles, QuickNotReady
from control_plane.observation import ObservationDependencies, OwnProfiles, observe
from control_plane.opt_in import OptInPolicy, OptInRequest, read_opt_in
from control_plane.ports.organization import Organization
from control_plane.ports.quick import QuickAccount
from control_plane.profiles import Profile
from control_plane.readiness import check
from control_plane.text import bounded


class Assessment(NamedTuple):
    """An account, the actions planned for it, and what it asks for."""

    account: Account
    actions: list[PlannedAction]
    request: OptInRequest

    @property
    def reason(self) -> str:
        """What the account asks for, and why, in words. It is the same for every assessment that sees the same tags."""
        names = self.request.profile_names
        asked = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}" if names else "nothing is"
        waits = [
            f"{each.profile} {each.reason}" for each in self.actions if each.unit and each.action is Action.NOTHING
        ]
        return bounded("; ".join([f"{asked} asked for: {self.request.reason}", *waits]))


class AssessmentDependencies(NamedTuple):
    """What an assessment reads. Profiles are loaded only when a tag names some: a broken file must keep no access.

    `proves`: connections are proven by a query.
    """

    organization: Organization
    observation: ObservationDependencies
    profiles: Callable[[], Mapping[str, Profile]]
    proves: bool = False


def assess(
    account_id: str,
    opt_in_policy: OptInPolicy,
    hub: Hub,
    deps: AssessmentDependencies,
    now: datetime,
    extra_profiles: Iterable[str] = (),
) -> Assessment:
    """Read desired and observed state and plan the difference. Changes nothing.

    `extra_profiles`: profiles to check besides those that are wanted, recorded or allowed. A sweep passes those it
    found without a record.

    An account outside the organization may have been connected before: then its access is revoked. AccountNotFound is
    raised only when there is nothing to do for such an account. The same holds for AccountNotActive.
    """
    account, not_found = _account(account_id, opt_in_policy, deps.organization)
    request = read_opt_in(account, hub, opt_in_policy, now)
    profiles = deps.profiles() if request.profile_names else {}
    if needs_parents(request, account, profiles) or publications.needs_parents(account_id, profiles):
        account = account.model_copy(update={"above": deps.organization.units_above(account_id)})
    if needs_ou(request, profiles):
        account = account.model_copy(update={"ou": deps.organization.unit_name(account_id)})
    wanted = desired(request, account, profiles)
    own = OwnProfiles(profiles, wanted.fitted)
    seen = observe(account, {*wanted.profiles, *extra_profiles}, own, hub, deps.observation)
    actions = [
        _checked_with_quick(planned, seen, profiles, deps.observation.quick_account)
        for planned in plan(wanted, seen, opt_in_policy, now)
    ]
    if deps.proves:
        actions = [with_proof(each, seen.get(each.profile), wanted, account_id, now) for each in actions]
    if not_found and not actions:
        raise not_found
    if request.denied and not actions:
        raise AccountNotActive(f"{request.reason}, so it can't be connected as its tag {opt_in_policy.opt_in_tag} asks")
    return Assessment(account, [_with_readers(each, seen, account_id, deps) for each in actions], request)


def _with_readers(
    planned: PlannedAction, seen: Mapping[str, Observed], account_id: str, deps: AssessmentDependencies
) -> PlannedAction:
    """The action with whom it lets read, or not read any more, what the account publishes."""
    if not changes_access(planned, seen.get(planned.profile)):
        return planned
    try:
        profile = deps.profiles().get(planned.profile)
    except InvalidProfiles:  # access is removed all the same
        profile = None
    readers = publications.readers(account_id, profile)
    return planned.model_copy(update={"readers": readers}) if readers else planned


def _account(
    account_id: str, opt_in_policy: OptInPolicy, organization: Organization
) -> tuple[Account, AccountNotFound | None]:
    try:
        return organization.account(account_id, opt_in_policy.opt_in_tag), None
    except AccountNotFound as not_found:
        return Account(id=account_id, name=account_id, state=DEPARTED, tags={}), not_found


def _checked_with_quick(
    planned: PlannedAction, seen: Mapping[str, Observed], profiles: Mapping[str, Profile], quick: QuickAccount
) -> PlannedAction:
    """Refuse a first connection before anything is created, when Quick is not ready for its profile."""
    if planned.action is not Action.CONNECT or seen[planned.profile].data_source is not Presence.ABSENT:
        return planned
    try:
        check(profiles[planned.profile], quick)
    except (QuickNotReady, GroupNotFound) as error:
        return refusal(planned.profile, type(error).__name__, str(error))
    return planned
