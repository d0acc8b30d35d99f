"""Look at one account: what the organization asks for, what is there, and the plan between the two."""

from collections.abc import Mapping
from dataclasses import dataclass

from control_plane.account import Account, Hub
from control_plane.decision import Step, desired, plan
from control_plane.errors import AccountNotFound
from control_plane.observation import Planes, observe
from control_plane.ports import Organization
from control_plane.profiles import Profile

DEPARTED = "not in the organization"


@dataclass(frozen=True)
class Assessment:
    """One account's plan."""

    account: Account
    steps: list[Step]


def assess(
    account_id: str,
    opt_in_tag: str,
    profiles: Mapping[str, Profile],
    hub: Hub,
    organization: Organization,
    planes: Planes,
) -> Assessment:
    """Read everything anew and plan the difference. Changes nothing.

    An account outside the organization may have been ours: then it is a departed one, and its access is revoked.
    Only one that nothing of ours knows raises AccountNotFound.
    """
    account, stranger = _account(account_id, organization)
    wanted = desired(account, hub, opt_in_tag, sorted(profiles))
    steps = plan(wanted, observe(account_id, wanted.profiles, profiles, hub, planes))
    if stranger and not steps:
        raise stranger
    return Assessment(account, steps)


def _account(account_id: str, organization: Organization) -> tuple[Account, AccountNotFound | None]:
    try:
        return organization.account(account_id), None
    except AccountNotFound as stranger:
        return Account(id=account_id, name=account_id, state=DEPARTED, tags={}), stranger
