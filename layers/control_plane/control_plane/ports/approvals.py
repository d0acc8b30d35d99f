"""Batches that people approve: revocations, or the new connections of one OU or the root."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol


class ApprovalBatch(NamedTuple):
    """Connections that wait for approval, as `account#profile`. The id is new whenever the list changes.

    Among revocations, an entry that is not a connection of ours is listed by its ARN. `replaced_token` approved the
    list before this one, and must no longer be accepted.
    """

    id: str = ""
    connections: frozenset[str] = frozenset()
    replaced_token: str = ""


class ApprovalBatches(Protocol):
    """The batches of one subject, one after the other. Only one process replaces them at a time."""

    def held(self) -> ApprovalBatch:
        """The connections that wait for approval; without connections when there are none."""

    def hold(self, connections: Collection[str], now: str) -> ApprovalBatch | None:
        """Replace the connections that wait. Returns the batch while its approval has not been requested yet."""

    def record_approval_requested(self, batch: ApprovalBatch) -> None:
        """Record that the approval of this batch was requested."""

    def store_token(self, batch_id: str, token: str) -> ApprovalBatch | None:
        """Store the token that approves a batch and return the batch; None when it was replaced meanwhile."""

    def connections_of(self, batch_id: str) -> Sequence[str]:
        """The connections of a batch in order, whether they still wait or not."""

    def record_applied(self, batch_id: str) -> None:
        """Record that an approved batch was applied."""

    def is_applied(self, batch_id: str) -> bool:
        """Whether it was applied."""


def open_question(batches: ApprovalBatches) -> frozenset[str]:
    """The connections that wait for an answer; none once their batch is approved, even if it is held still."""
    held = batches.held()
    return frozenset() if held.connections and batches.is_applied(held.id) else held.connections


class Approvals(Protocol):
    """Requests for approval, sent to people."""

    def ask(self, batch: ApprovalBatch, unit: str = "") -> None:
        """Request approval of the batch, unless it is empty. The token of the batch before it is invalidated.

        `unit`: the OU or the root whose new connections these are; empty: they are revocations.
        """
