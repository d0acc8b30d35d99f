"""Look at one account: what the organization asks for, what is there, and the plan between the two."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from control_plane.account import DEPARTED, Account, Hub
from control_plane.asking import Terms, asked
from control_plane.decision import Action, Observed, Presence, Step, desired, plan, refusal
from control_plane.errors import AccountNotActive, AccountNotFound, GroupNotFound, QuickNotReady
from control_plane.observation import Planes, observe
from control_plane.ports import Organization, QuickAccount
from control_plane.profiles import Profile
from control_plane.readiness import check


@dataclass(frozen=True)
class Assessment:
    """One account's plan."""

    account: Account
    steps: list[Step]


@dataclass(frozen=True)
class World:
    """What an assessment reads. Profiles are loaded when a tag names some: a broken file keeps no access alive."""

    organization: Organization
    planes: Planes
    quick: QuickAccount
    profiles: Callable[[], Mapping[str, Profile]]


def assess(
    account_id: str, terms: Terms, hub: Hub, world: World, now: datetime, also: Iterable[str] = ()
) -> Assessment:
    """Read everything anew and plan the difference. Changes nothing.

    `also`: profiles to look for besides those that are wanted, recorded or allowed: what a sweep saw and nothing
    remembers.

    An account outside the organization may have been ours: then it is a departed one, and its access is revoked.
    Only one that nothing of ours knows raises AccountNotFound; likewise AccountNotActive.
    """
    account, stranger = _account(account_id, terms, world.organization)
    wish = asked(account, hub, terms, now)
    profiles = world.profiles() if wish.words else {}
    wanted = desired(wish, sorted(profiles))
    seen = observe(account, {*wanted.profiles, *also}, profiles, hub, world.planes)
    steps = [_possible(step, seen, profiles, world.quick) for step in plan(wanted, seen, terms, now)]
    if stranger and not steps:
        raise stranger
    if wish.denied and not steps:
        raise AccountNotActive(f"{wish.reason}, so it can't be connected as its tag {terms.opt_in_tag} asks")
    return Assessment(account, steps)


def _account(account_id: str, terms: Terms, organization: Organization) -> tuple[Account, AccountNotFound | None]:
    try:
        return organization.account(account_id, terms.opt_in_tag), None
    except AccountNotFound as stranger:
        return Account(id=account_id, name=account_id, state=DEPARTED, tags={}), stranger


def _possible(step: Step, seen: Mapping[str, Observed], profiles: Mapping[str, Profile], quick: QuickAccount) -> Step:
    """A first connection that Quick could not take ends before anything of it is begun."""
    if step.action is not Action.CONNECT or seen[step.profile].data_source is not Presence.ABSENT:
        return step
    try:
        check(profiles[step.profile], quick)
    except (QuickNotReady, GroupNotFound) as error:
        return refusal(step.profile, type(error).__name__, str(error))
    return step
