"""StartReconciles: start to reconcile the next few accounts that differ."""

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.logs import logged
from control_plane.sweep.run import start_some


class Request(BaseModel):
    """Which sweep, and the offset in its accounts."""

    sweep: str
    offset: int


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | int]:
    """Whether all are started; if not, the offset to continue from."""
    following = start_some(request.sweep, request.offset, wiring.sweep_dependencies())
    return {"done": following is None, "offset": following or 0}
