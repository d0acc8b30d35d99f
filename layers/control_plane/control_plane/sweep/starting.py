"""Start to reconcile the accounts of a plan, some at a time: Organizations and Quick are slow."""

from control_plane.ports.reconciles import Reconciles
from control_plane.sweep.planning import Difference

STARTS_PER_CALL = 20


def start(sweep_id: str, differences: tuple[Difference, ...], offset: int, reconciles: Reconciles) -> int:
    """Start the next few; returns the offset to continue from. Repeated calls start nothing twice: names are unique."""
    for each in differences[offset : offset + STARTS_PER_CALL]:
        name = f"sweep-{sweep_id}-{each.account_id}"
        reconciles.start(each.account_id, f"the sweep {sweep_id} found: {each.what}"[:1000], name, each.profiles)
    return offset + STARTS_PER_CALL
