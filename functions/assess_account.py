"""AssessAccount: what the organization asks of one account, what is there, and the steps between the two."""

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.account import AccountId, ProfileName
from control_plane.assessment import assess

logger = Logger()


class Request(BaseModel):
    """Which account to look at, and when; `also`: profiles of which somebody saw something there."""

    account_id: AccountId
    now: datetime
    also: tuple[ProfileName, ...] = ()


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """The account's name and its plan: one step (profile, action, reason) for each connection."""
    logger.append_keys(account_id=request.account_id)
    found = assess(request.account_id, wiring.terms(), wiring.hub(), wiring.world(), request.now, request.also)
    steps = [step.model_dump(mode="json") for step in found.steps]
    logger.info("assessed account", extra={"steps": steps})
    return {"account_name": found.account.name, "steps": steps}
