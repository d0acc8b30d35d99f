"""What a refusal of Quick's may be: IAM's delay, somebody else's change, our own missing permission, or final.

Which refusal Quick gives while IAM propagates is not documented, so every one that could be it is waited out
(docs/decisions/0023). Kinds are error codes of CreateDataSource and UpdateDataSource, and types of a data source's
ErrorInfo; one nobody knows yet is waited out, too.
"""

import re
from datetime import timedelta
from typing import NamedTuple, NoReturn

from control_plane.errors import DataSourceDenied, DataSourceFailed, MissingPermission, QuickNotReady
from control_plane.ports import Refusal


class Delay(NamedTuple):
    """How long a refusal is waited out, and how often Quick is asked at least, however late it is first seen."""

    budget: timedelta
    attempts: int


IAM = Delay(timedelta(minutes=15), 5)  # the longest AWS Support names for an IAM change
# Something under way in Quick hides what Quick would say else; so it ends later, and that is what gets told.
BUSY = Delay(IAM.budget + timedelta(minutes=5), 8)
OWN_ROLE = Delay(timedelta(minutes=2), 5)  # of a deployment made minutes ago; the steps before this one passed

CHANGING = {"ConflictException", "ConcurrentUpdatingException", "ResourceExistsException", "CONFLICT"}
DENIED = {"AccessDeniedException", "ACCESS_DENIED"}
UNSUPPORTED = {"UnsupportedUserEditionException", "UnsupportedPricingPlanException"}
FINAL = UNSUPPORTED | {
    "LimitExceededException",
    "ResourceNotFoundException",  # a group, a folder
    "CustomerManagedKeyUnavailableException",
    "COPY_SOURCE_NOT_FOUND",
    "ENGINE_VERSION_NOT_SUPPORTED",
}
OURS = re.compile(r"is not authorized to perform: (quicksight:|iam:PassRole\b)")


def delay(refusal: Refusal) -> Delay | None:
    """How long it may be no more than a delay of AWS's; None: it is none."""
    if refusal.kind in FINAL:
        return None
    if _is_ours(refusal):
        return OWN_ROLE
    return BUSY if refusal.kind in CHANGING else IAM


def fail(refusal: Refusal, said: str) -> NoReturn:
    """Raise what it is when it was no delay."""
    if refusal.kind in UNSUPPORTED:
        raise QuickNotReady(said)
    if _is_ours(refusal):
        raise MissingPermission(said)
    if refusal.kind in DENIED:
        raise DataSourceDenied(said)
    raise DataSourceFailed(said)


def _is_ours(refusal: Refusal) -> bool:
    """Whether it is our own function that lacks a permission: its actions are Quick's, the role chain's never are."""
    return refusal.kind in DENIED and OURS.search(refusal.message) is not None
