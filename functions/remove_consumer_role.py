"""RemoveConsumerRole: the consumer role gone from the account, through the profile's stack set."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.account import Connection
from control_plane.steps import consumer_role

logger = Logger()


class Request(Connection):
    """Which connection, for which execution's attempt; `retain`: the account is gone, its stack stays."""

    execution: str
    generation: int
    retain: bool


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """Whether it is gone; if not yet, the stack set operation to wait for; or that AWS keeps its record for good."""
    logger.append_keys(account_id=request.account_id, profile=request.profile)
    token = consumer_role.token(request.execution, request.generation, request, removes=True)
    return asdict(consumer_role.remove(request, token, wiring.stack_sets(), retain=request.retain))
