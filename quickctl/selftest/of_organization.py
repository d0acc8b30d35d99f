"""What was seen of Organizations: the shapes of events, lists, and what the hub may do there. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from control_plane.errors import NoAccountInEvent
from control_plane.events import PARTS, find_subject
from quickctl.selftest.check import Judgement, not_seen, otherwise, verified
from quickctl.selftest.evidence import paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from control_plane.ports.registry import Record
    from quickctl.selftest.evidence import Event

COME_AND_GO = ("AccountJoinedOrganization", "AccountDepartedOrganization")
CHANGES = (
    "TagResource",
    "UntagResource",
    "MoveAccount",
    "RemoveAccountFromOrganization",
    "CreateAccountResult",
    "CloseAccountResult",
)
UNPERMITTED = ("MissingPermission", "NotDelegatedAdministrator")


@dataclass(frozen=True)
class Received:
    """Events, how many the registry keeps because no account was found in them, and whether all could be seen."""

    events: tuple[Event, ...]
    unread: int
    management: str
    reads_management: bool


def coming_and_going(found: Received) -> Judgement:
    """Whether the id is found in the events of accounts that joined or departed."""
    return _readable(found, COME_AND_GO)


def changes(found: Received) -> Judgement:
    """Whether the id is found in the events of tags, moves, creations and closures."""
    judged = _readable(found, CHANGES)
    if found.unread and judged.verdict != "otherwise":
        return otherwise(f"{found.unread} events are kept in which no account was found; {judged.seen}")
    return judged


def _readable(found: Received, names: Sequence[str]) -> Judgement:
    events = [each for each in found.events if each.name in names and not _failed(each.detail)]
    unreadable = {each.name: each for each in events if not _names_an_account(each, found.management)}
    if unreadable:
        shapes = "; ".join(f"{name} has {_shape(each.detail)}" for name, each in sorted(unreadable.items()))
        return otherwise(f"no account is found: {shapes}")
    if events:
        counts = Counter(each.name for each in events)
        return verified(", ".join(f"{name} ({count})" for name, count in sorted(counts.items())))
    where = "" if found.reads_management else "; with --management-profile CloudTrail is looked at, too"
    return not_seen(f"no {' or '.join(names[:2])} came{where}")


def _failed(detail: Any) -> bool:
    """Whether it says that nothing was done: the creation of an account that failed has no account."""
    details = detail.get("serviceEventDetails") or {}
    return any(isinstance(each, dict) and each.get("state") == "FAILED" for each in details.values())


def _names_an_account(event: Event, management: str) -> bool:
    try:
        find_subject({"detail": dict(event.detail)}, management)
    except NoAccountInEvent:
        return False
    return True


def _shape(detail: Any) -> str:
    """Where it has values."""
    found = {path for part in PARTS if detail.get(part) is not None for path in paths(detail[part], part)}
    return ", ".join(sorted(found)) or "nothing"


def listing(accounts: Sequence[dict[str, Any]]) -> Judgement:
    """Whether ListAccounts shows each account's path and state."""
    lacking = Counter(name for each in accounts for name in ("Paths", "State") if not each.get(name))
    if lacking:
        missing = ", ".join(f"{name} ({count})" for name, count in sorted(lacking.items()))
        return otherwise(f"of {len(accounts)} accounts some are listed without {missing}")
    return verified(f"{len(accounts)} accounts are listed with path and state")


def permissions(records: Sequence[Record]) -> Judgement:
    """Whether what the templates grant is all that a delegated administrator's calls need."""
    lacking = Counter(each.error for each in records if each.status == "failed" and each.error in UNPERMITTED)
    if lacking:
        return otherwise(", ".join(f"{name} ({count})" for name, count in sorted(lacking.items())))
    made = sum(each.status == "connected" for each in records)
    return (
        verified(f"{made} connections were made with these permissions") if made else not_seen("nothing is connected")
    )


def boundaries(roles: Sequence[dict[str, Any]]) -> Judgement:
    """Whether CloudFormation sends a role's boundary when it creates the role."""
    if not roles:
        return not_seen("CloudTrail has no creation of the hub's roles: the hub was deployed too long ago")
    bare = [each for each in roles if not (each.get("requestParameters") or {}).get("permissionsBoundary")]
    if bare:
        return otherwise(f"{len(bare)} of {len(roles)} roles were created without the boundary")
    return verified(f"{len(roles)} roles were created with their boundary")


def status_tags(refused: Sequence[bool] | None) -> Judgement:
    """Whether the organization's resource policy lets the hub write the status tag. None: it is not to."""
    if refused is None:
        return not_seen("the parameter StatusTag is not set: no status is written")
    if any(refused):
        return otherwise(f"{sum(refused)} of {len(refused)} calls of TagResource were refused")
    return verified(f"{len(refused)} status tags were written") if refused else not_seen("no status was written yet")
