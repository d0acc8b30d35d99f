"""CollectSnapshot: read the next pages of the lists a sweep compares: accounts with tags, then our resources."""

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.logs import logged, logger
from control_plane.sweep.collecting import collect, give_up


class Request(BaseModel):
    """Which sweep, and its scope. `give_up`: why not to read the list of accounts any further, if so."""

    sweep: str
    scope: tuple[str, ...]
    give_up: str = ""


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | int | str | list[str]]:
    """Whether everything is read, how many accounts so far, which list is being read, whether it is incomplete.

    Also the requested OUs that do not exist.
    """
    if request.give_up:
        progress = give_up(request.sweep, request.give_up, wiring.sweep_store())
    else:
        progress = collect(request.sweep, request.scope, wiring.opt_in_policy(), wiring.snapshot_sources())
    logger.info("collected", extra={"sweep": request.sweep, "kind": progress.kind, "listed": progress.listed})
    read = {"listed": progress.listed, "reading": progress.kind or "", "partial": bool(progress.partial)}
    return {"done": progress.kind is None, "unknown": list(progress.unknown), **read}
