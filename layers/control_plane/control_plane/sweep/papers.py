"""A sweep's plan, as it is written down in parts: a state machine carries references only."""

from control_plane.sweep.inspecting import Found
from control_plane.sweep.planning import Differences, Plan
from control_plane.sweep.ports import Papers

LASTING = ""  # the id under which what outlives a sweep is kept
MEMORY, REPORT, PLAN = "memory", "report", "plan"
TOGETHER = 200  # differences in one item: well below DynamoDB's 400 KB


def keep_plan(sweep_id: str, plan: Plan, papers: Papers) -> None:
    """Write a plan down; a repeated planning writes the same places, the head last."""
    for name, differences in (("start", plan.start), ("shown", plan.shown)):
        for number, first in enumerate(range(0, len(differences), TOGETHER)):
            papers.put(sweep_id, f"{name}#{number:06}", Differences(items=differences[first : first + TOGETHER]))
    papers.put(sweep_id, PLAN, plan.model_copy(update={"start": (), "shown": ()}))


def kept_plan(sweep_id: str, papers: Papers, *, repairs: bool) -> Plan:
    """The plan, with what a look in full has found besides."""
    head = papers.get(sweep_id, PLAN, Plan) or Plan()
    start = [each for part in papers.every(sweep_id, "start#", Differences) for each in part.items]
    shown = [each for part in papers.every(sweep_id, "shown#", Differences) for each in part.items]
    found = list(papers.every(sweep_id, "found#", Found))
    differences = tuple(each for part in found for each in part.differences)
    strangers = tuple(each for part in found for each in part.strangers)
    return head.model_copy(
        update={
            "start": (*start, *(differences if repairs else ())),
            "shown": (*shown, *(() if repairs else differences)),
            "strangers": (*head.strangers, *strangers),
            "in_step": head.in_step - len(differences),
        }
    )
