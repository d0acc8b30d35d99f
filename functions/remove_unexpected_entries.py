"""RemoveUnexpectedEntries: remove entries of the access policy that are not a consumer role of ours."""

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.logs import logged, logger
from control_plane.steps.access import Writer, remove_unexpected
from control_plane.sweep.reporting import cut


class Request(BaseModel):
    """For which sweep, and when."""

    sweep: str
    now: str


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | list[str]]:
    """Whether it is done (if not, another writer was at work: try again), and the entries that are still there."""
    not_removed = remove_unexpected(Writer(f"sweep#{request.sweep}", request.now), wiring.access_dependencies())
    if not_removed is None:
        return {"done": False}
    logger.info("removed unexpected entries", extra={"sweep": request.sweep, "not_removed": len(not_removed)})
    return {"done": True, "not_removed": cut(not_removed)}
