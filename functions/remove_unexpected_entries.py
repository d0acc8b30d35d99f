"""RemoveUnexpectedEntries: entries of the access policy that are no consumer role's of ours go, as far as they may."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.steps.access import Writer, take_out_unexpected
from control_plane.sweep.reporting import named

logger = Logger()


class Request(BaseModel):
    """For which sweep, and when."""

    sweep: str
    now: str


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | list[str]]:
    """Whether it is done (else another writer was at work: come again), and what of them is still there."""
    remaining = take_out_unexpected(Writer(f"sweep#{request.sweep}", request.now), wiring.desk())
    if remaining is None:
        return {"done": False}
    logger.info("took out unexpected entries", extra={"sweep": request.sweep, "remaining": len(remaining)})
    return {"done": True, "remaining": named(remaining)}
