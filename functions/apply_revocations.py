"""ApplyRevocations: apply the revocations of an approved batch, then reconcile each account."""

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.account import Connection
from control_plane.logs import logged
from control_plane.steps.access import Writer, WriteResult, apply_batch

STARTS_PER_CALL = 20  # reconciles started in one go: Organizations and Quick are slow


class Request(BaseModel):
    """Which batch, for which execution, when, and the offset in its connections."""

    batch: str
    execution: str
    now: str
    offset: int


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool | int]:
    """Whether the batch was replaced meanwhile, whether all is done, and the offset to continue from."""
    result = apply_batch(request.batch, Writer(request.execution, request.now), wiring.access_dependencies())
    if result is not WriteResult.DONE:
        return {"replaced": result is WriteResult.HELD, "done": False, "offset": request.offset}
    keys = (Connection.of_key(key) for key in wiring.revocation_budget().connections_of(request.batch))
    connections = [each for each in keys if each]  # an entry that is not a connection has no account to reconcile
    for each in connections[request.offset : request.offset + STARTS_PER_CALL]:
        name = f"approved-{request.batch}-{each.account_id}-{each.profile}"
        wiring.reconciles().start(each.account_id, f"revocation approved in batch {request.batch}", name)
    offset = request.offset + STARTS_PER_CALL
    return {"replaced": False, "done": offset >= len(connections), "offset": offset}
