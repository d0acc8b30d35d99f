"""Store a sweep's plan in parts: a state machine carries only references to it."""

from control_plane.sweep.inspecting import InspectionResult
from control_plane.sweep.planning import Differences, SweepPlan
from control_plane.sweep.ports import SweepStore

ACROSS_SWEEPS = ""  # the sweep id of values that outlive a sweep
BASELINE, REPORT, PLAN = "baseline", "report", "plan"
DIFFERENCES_PER_ITEM = 100  # differences in one item: well below DynamoDB's 400 KB


def save_plan(sweep_id: str, plan: SweepPlan, store: SweepStore) -> None:
    """Store a plan. A repeated call writes the same items; the item with the totals comes last."""
    for name, differences in (("start", plan.start), ("reported", plan.reported_only)):
        for number, first in enumerate(range(0, len(differences), DIFFERENCES_PER_ITEM)):
            store.put(
                sweep_id, f"{name}#{number:06}", Differences(items=differences[first : first + DIFFERENCES_PER_ITEM])
            )
    store.put(sweep_id, PLAN, plan.model_copy(update={"start": (), "reported_only": ()}))


def load_plan(sweep_id: str, store: SweepStore, *, repairs: bool) -> SweepPlan:
    """The plan, with the results of the full checks."""
    head = store.get(sweep_id, PLAN, SweepPlan) or SweepPlan()
    start = [each for part in store.every(sweep_id, "start#", Differences) for each in part.items]
    reported_only = [each for part in store.every(sweep_id, "reported#", Differences) for each in part.items]
    found = list(store.every(sweep_id, "checked#", InspectionResult))
    differences = tuple(each for part in found for each in part.differences)
    proofs = tuple(each for part in found for each in part.proofs)
    publishing = tuple(each for part in found for each in part.publishing)  # access, not drift: never only reported
    unmanaged = tuple(each for part in found for each in part.unmanaged)
    return head.model_copy(
        update={
            "start": (*start, *publishing, *proofs, *(differences if repairs else ())),
            "reported_only": (*reported_only, *(() if repairs else differences)),
            "unmanaged": (*head.unmanaged, *unmanaged),
            "in_sync": head.in_sync - len(differences) - len(publishing),
        }
    )
