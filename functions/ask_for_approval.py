"""AskForApproval: send people the revocations that wait, and how to approve exactly these."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.approval import approval_message
from control_plane.errors import BatchReplaced

logger = Logger()


class Request(BaseModel):
    """Which batch, and the token that approves it."""

    batch: str
    token: str


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, int]:
    """How many revocations wait. Raises BatchReplaced when the batch was replaced."""
    batch = wiring.revocation_budget().store_token(request.batch, request.token)
    if batch is None:
        raise BatchReplaced(f"batch {request.batch} was replaced before its approval was requested")
    subject, text = approval_message(batch.id, sorted(batch.connections), request.token, wiring.hub().region)
    wiring.notifications().send(subject, text)
    logger.info("requested approval", extra={"batch": batch.id, "connections": len(batch.connections)})
    return {"connections": len(batch.connections)}
