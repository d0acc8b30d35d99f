"""Apply an approved batch of new connections: record them as approved, and reconcile their accounts."""

from datetime import datetime

from control_plane.account import Connection
from control_plane.approval import batch_name
from control_plane.ports.grants import GrantBudget
from control_plane.ports.reconciles import Reconciles

STARTS_PER_CALL = 20  # reconciles started in one go: Organizations and Quick are slow


def apply_some(
    unit: str, batch_id: str, offset: int, now: datetime, budget: GrantBudget, reconciles: Reconciles
) -> int | None:
    """Apply the next few. Returns the offset to continue from; 0: all is done; None: another batch has replaced it."""
    batches = budget.batches(unit)
    if not batches.is_applied(batch_id):
        if batches.held().id != batch_id:
            return None
        batches.record_applied(batch_id)
    listed = batches.connections_of(batch_id)
    connections = [each for each in map(Connection.of_key, listed[offset : offset + STARTS_PER_CALL]) if each]
    budget.approve(unit, [each.key for each in connections], now)
    for each in connections:
        name = f"granted-{batch_name(batch_id, unit)}-{offset}-{each.account_id}"
        reconciles.start(each.account_id, f"new connections of {unit} approved in batch {batch_id}", name)
    following = offset + STARTS_PER_CALL
    return following if following < len(listed) else 0
