"""PlanSweep: compare what was read with what the tags ask for, and write down which accounts are to be looked at."""

from datetime import datetime

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.sweep.reporting import named
from control_plane.sweep.run import make_plan

logger = Logger()


class Request(BaseModel):
    """Which sweep, and when."""

    sweep: str
    now: datetime


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | int | list[str]]:
    """How many accounts differ, how many revocations wait for approval, and whose roles are to be looked at.

    And which entries of the access policy are none of ours, and whether they are to go.
    """
    office = wiring.office()
    plan = make_plan(request.sweep, request.now, office)
    if unexpected := [*plan.foreign, *plan.unasked]:
        wiring.oddities().unexpected(unexpected)
    counts = {"start": len(plan.start), "hold": len(plan.hold), "withheld": len(plan.withheld)}
    logger.info("planned", extra={"sweep": request.sweep, "partial": plan.partial, **counts})
    foreign = named(plan.foreign)
    return {**counts, "profiles": list(plan.profiles), "foreign": foreign, "clean": bool(foreign) and office.repairs}
