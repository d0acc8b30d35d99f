"""PlanSweep: compare the snapshot with the tags, and store which accounts to reconcile."""

from datetime import datetime

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.logs import logged, logger
from control_plane.sweep.reporting import cut
from control_plane.sweep.run import make_plan


class Request(BaseModel):
    """Which sweep, and when."""

    sweep: str
    now: datetime


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | int | list[str]]:
    """How many accounts differ, how many revocations wait for approval, and the profiles with roles to check for drift.

    Also the entries of the access policy that are not ours, and whether to remove them.
    """
    deps = wiring.sweep_dependencies()
    plan = make_plan(request.sweep, request.now, deps)
    if unexpected := [*plan.unexpected_entries, *plan.unrequested]:
        wiring.anomalies().unexpected(unexpected)
    counts = {"start": len(plan.start), "hold": len(plan.hold), "withheld": len(plan.withheld)}
    logger.info("planned", extra={"sweep": request.sweep, "partial": plan.partial, **counts})
    entries = cut(plan.unexpected_entries)
    removes = bool(entries) and deps.repairs
    lists = {"profiles": list(plan.profiles), "unexpected_entries": entries}
    return {**counts, **lists, "remove_unexpected_entries": removes}
