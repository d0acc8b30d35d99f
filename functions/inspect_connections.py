"""InspectConnections: look in full at those accounts whose turn it is; lists do not show everything."""

from datetime import datetime

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.sweep.run import inspect_some

logger = Logger()


class Request(BaseModel):
    """Which sweep, from which of its accounts on, and when."""

    sweep: str
    offset: int
    now: datetime


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | int]:
    """Whether all are looked at; else from which on to go on."""
    following = inspect_some(request.sweep, request.offset, request.now, wiring.office())
    return {"done": following is None, "offset": following or 0}
