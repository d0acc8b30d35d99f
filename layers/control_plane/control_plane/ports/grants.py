"""The grant budget as it is stored: what was granted, what was approved, and what waits."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from control_plane.ports.approvals import ApprovalBatches


class GrantBudget(Protocol):
    """New connections by a tag on an OU or the root (`unit`). Connections are written `account#profile`."""

    def limit(self) -> int | None:
        """New connections of one unit within an hour that need no approval; None: any number."""

    def set_organization(self, accounts: int) -> None:
        """Store how many accounts the organization has."""

    def granted(self, unit: str, now: datetime) -> int:
        """New connections of the unit in this hour and the one before."""

    def take(self, unit: str, connection: str, most: int, now: datetime) -> bool:
        """Count one new connection once, if the unit has fewer than `most`. False: it needs an approval."""

    def counted(self, unit: str, now: datetime) -> frozenset[str]:
        """The connections that were counted not long ago: they are not counted again."""

    def is_approved(self, unit: str, connection: str, now: datetime) -> bool:
        """Whether people approved that this unit's tag makes this connection."""

    def approved(self, now: datetime) -> Mapping[str, str]:
        """The approved connections, and for which unit."""

    def approve(self, unit: str, connections: Collection[str], now: datetime) -> None:
        """Record approved connections, for some days."""

    def waiting_units(self) -> frozenset[str]:
        """The units that have, or had, a batch."""

    def batches(self, unit: str) -> ApprovalBatches:
        """The batches of one unit."""


class Sweeps(Protocol):
    """Executions of SweepOrganization."""

    def start(self, scope: str, reason: str) -> None:
        """Start a sweep of an OU or the root; while another one runs, it follows that one."""
