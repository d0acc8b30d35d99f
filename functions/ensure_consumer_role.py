"""EnsureConsumerRole: create or update the consumer role in the account, through the profile's stack set."""

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
    """Which connection, and which attempt of an execution. `operation_id`: the operation it waits for, if any."""

    execution: str
    generation: int
    operation_id: str = ""


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """Whether the role is ready; if not yet, the stack set operation to wait for."""
    logger.append_keys(account_id=request.account_id, profile=request.profile)
    token = consumer_role.attempt_operation_id(request.execution, request.generation, request)
    attempt = consumer_role.Attempt(token, request.operation_id)
    hub, profile = wiring.hub(), wiring.profile(request.profile)
    return asdict(consumer_role.ensure(request, profile, hub, attempt, wiring.stack_sets()))
