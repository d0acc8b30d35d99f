"""ApplyGrants: record the approved new connections of an OU or the root, then reconcile each account."""

from datetime import datetime

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.logs import logged, logger
from control_plane.steps.approved_grants import apply_some


class Request(BaseModel):
    """Which batch of which OU or root, when, and the offset in its connections."""

    batch: str
    unit: str
    now: datetime
    offset: int


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | int]:
    """Whether the batch was replaced meanwhile, whether all is done, and the offset to continue from."""
    budget, reconciles = wiring.grant_budget(), wiring.reconciles()
    following = apply_some(request.unit, request.batch, request.offset, request.now, budget, reconciles)
    logger.info("applied grants", extra={"unit": request.unit, "batch": request.batch, "following": following})
    return {"replaced": following is None, "done": following == 0, "offset": following or request.offset}
