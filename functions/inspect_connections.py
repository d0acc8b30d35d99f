"""InspectConnections: check some accounts in full, because the lists do not have everything."""

from datetime import datetime

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.logs import logged
from control_plane.sweep.run import inspect_some


class Request(BaseModel):
    """Which sweep, the offset in its accounts, and when."""

    sweep: str
    offset: int
    now: datetime


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | int]:
    """Whether all are checked; if not, the offset to continue from."""
    following = inspect_some(request.sweep, request.offset, request.now, wiring.sweep_dependencies())
    return {"done": following is None, "offset": following or 0}
