"""AskForApproval: tell people which revocations wait, and how to let exactly these go."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.approval import question
from control_plane.errors import Superseded

logger = Logger()


class Request(BaseModel):
    """Which plan, and the token that approves it."""

    plan: str
    token: str


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, int]:
    """How many revocations wait. Raises Superseded when another list has taken the plan's place."""
    plan = wiring.brake().approvable(request.plan, request.token)
    if plan is None:
        raise Superseded(f"plan {request.plan} was replaced before anybody was asked")
    subject, text = question(plan.id, sorted(plan.connections), request.token, wiring.hub().region)
    wiring.notifications().send(subject, text)
    logger.info("asked for approval", extra={"plan": plan.id, "connections": len(plan.connections)})
    return {"connections": len(plan.connections)}
