"""Have the accounts of a plan looked at, some at a time: Organizations and Quick are slow."""

from control_plane.ports import Reconciles
from control_plane.sweep.planning import Difference

AT_ONCE = 20


def start(sweep_id: str, differences: tuple[Difference, ...], offset: int, reconciles: Reconciles) -> int:
    """Start the next few from there on; answers from where to go on. Twice is once: a name is used once only."""
    for each in differences[offset : offset + AT_ONCE]:
        name = f"sweep-{sweep_id}-{each.account_id}"
        reconciles.start(each.account_id, f"the sweep {sweep_id} found: {each.what}"[:1000], name, each.profiles)
    return offset + AT_ONCE
