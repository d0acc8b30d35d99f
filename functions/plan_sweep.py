"""PlanSweep: compare what was read with what the tags ask for, and write down which accounts are to be looked at."""

from datetime import datetime

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.sweep.run import make_plan

logger = Logger()


class Request(BaseModel):
    """Which sweep, and when."""

    sweep: str
    now: datetime


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, int | list[str]]:
    """How many accounts differ, how many revocations wait for approval, and whose roles are to be looked at."""
    plan = make_plan(request.sweep, request.now, wiring.office())
    counts = {"start": len(plan.start), "hold": len(plan.hold), "withheld": len(plan.withheld)}
    logger.info("planned", extra={"sweep": request.sweep, "partial": plan.partial, **counts})
    return {**counts, "profiles": list(plan.profiles)}
