"""AskForApproval: send people the batch that waits, and how to approve exactly this one."""

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.approval import approval_message, grant_message
from control_plane.errors import BatchReplaced
from control_plane.logs import logged, logger


class Request(BaseModel):
    """Which batch, and the token that approves it. `unit`: whose new connections these are; empty: revocations."""

    batch: str
    token: str
    unit: str = ""


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, int]:
    """How many connections wait. Raises BatchReplaced when the batch was replaced."""
    batch = wiring.approval_batches(request.unit).store_token(request.batch, request.token)
    if batch is None:
        raise BatchReplaced(f"batch {request.batch} was replaced before its approval was requested")
    asked = (batch.id, sorted(batch.connections), request.token, wiring.hub().region)
    subject, text = grant_message(request.unit, *asked) if request.unit else approval_message(*asked)
    wiring.notifications().send(subject, text)
    logger.info("requested approval", extra={"batch": batch.id, "connections": len(batch.connections)})
    return {"connections": len(batch.connections)}
