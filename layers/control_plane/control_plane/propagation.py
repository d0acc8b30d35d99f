"""Classify a refusal of Quick: IAM propagation, another change, a missing permission of ours, or a final refusal.

AWS does not document which refusals Quick gives while IAM propagates. So we retry after every refusal that could be
one (docs/decisions/0023). A kind is an error code of CreateDataSource or UpdateDataSource, or the type in a data
source's ErrorInfo. An unknown kind is retried, too.
"""

import re
from datetime import timedelta
from typing import NamedTuple, NoReturn

from control_plane.errors import DataSourceDenied, DataSourceFailed, MissingPermission, QuickNotReady
from control_plane.ports.quick import Refusal


class Delay(NamedTuple):
    """How long to retry after a refusal, and the minimum number of attempts, even if we see the refusal late."""

    budget: timedelta
    attempts: int


IAM = Delay(timedelta(minutes=15), 5)  # the longest AWS Support names for an IAM change
# A change in progress hides the refusal behind it. This delay is longer, so the other refusal is reported first.
BUSY = Delay(IAM.budget + timedelta(minutes=5), 8)
OWN_ROLE = Delay(timedelta(minutes=2), 5)  # for a deployment of minutes ago: the earlier steps had their permissions

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
OWN_CALL = re.compile(r"is not authorized to perform: (quicksight:|iam:PassRole\b)")


def delay(refusal: Refusal) -> Delay | None:
    """How long the refusal may be only a delay of AWS; None when it is final."""
    if refusal.kind in FINAL:
        return None
    if is_ours(refusal):
        return OWN_ROLE
    return BUSY if refusal.kind in CHANGING else IAM


def fail(refusal: Refusal, message: str) -> NoReturn:
    """Raise the error for a refusal that is not a delay."""
    if refusal.kind in UNSUPPORTED:
        raise QuickNotReady(message)
    if is_ours(refusal):
        raise MissingPermission(message)
    if refusal.kind in DENIED:
        raise DataSourceDenied(message)
    raise DataSourceFailed(message)


def is_ours(refusal: Refusal) -> bool:
    """Whether our own function lacks a permission: it calls Quick's actions, the role chain never does."""
    return refusal.kind in DENIED and OWN_CALL.search(refusal.message) is not None
