"""The questions that wait for people: revocations, and the new connections of one OU or the root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from control_plane.approval import batch_name
from control_plane.ports.approvals import open_question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quickctl.aws import Aws

AWAITING = "awaiting"  # the state of a new connection that waits; nothing is recorded of it yet


@dataclass(frozen=True)
class Question:
    """An approval batch that waits for an answer. `unit`: whose new connections it has; empty: it has revocations."""

    batch_id: str
    unit: str
    connections: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name: the ids of two OUs' batches may be the same."""
        return batch_name(self.batch_id, self.unit)


def questions(aws: Aws) -> Iterator[Question]:
    """Every batch that waits, revocations first. Tokens are not read: reading them takes another permission."""
    for unit in ("", *sorted(aws.grants.waiting_units())):
        batches = aws.batches(unit)
        if connections := open_question(batches):
            yield Question(batches.held().id, unit, tuple(sorted(connections)))


def awaiting(aws: Aws) -> dict[str, str]:
    """The new connections that wait for approval, and the OU or the root whose tag asks for them."""
    return {key: each.unit for each in questions(aws) if each.unit for key in each.connections}
