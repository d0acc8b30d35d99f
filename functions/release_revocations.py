"""ReleaseRevocations: let an approved plan's revocations go, then have each account looked at."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.account import Connection
from control_plane.steps.access import Settled, Writer, release

logger = Logger()
AT_ONCE = 20  # reconciles started in one go: Organizations and Quick are slow


class Request(BaseModel):
    """Which plan, for which execution, when, and from which of its connections on."""

    plan: str
    execution: str
    now: str
    offset: int


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | int]:
    """Whether the plan was replaced meanwhile; else whether all is done, and from where to go on."""
    settled = release(request.plan, Writer(request.execution, request.now), wiring.desk())
    if settled is not Settled.DONE:
        return {"superseded": settled is Settled.HELD, "done": False, "offset": request.offset}
    keys = (Connection.of_key(key) for key in wiring.brake().listed(request.plan))
    connections = [each for each in keys if each]  # an entry that was none has no account to look at
    for each in connections[request.offset : request.offset + AT_ONCE]:
        name = f"approved-{request.plan}-{each.account_id}-{each.profile}"
        wiring.reconciles().start(each.account_id, f"revocation approved in plan {request.plan}", name)
    offset = request.offset + AT_ONCE
    return {"superseded": False, "done": offset >= len(connections), "offset": offset}
