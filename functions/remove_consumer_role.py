"""RemoveConsumerRole: remove the consumer role from the account, through the profile's stack set."""

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
    """Which connection, and which attempt of an execution. `operation_id`: the operation it waits for, if any.

    `retain`: the account is inactive, so its stack stays. `retained`: what stays in the account, as text so far.
    """

    execution: str
    generation: int
    retain: bool
    operation_id: str = ""
    retained: str = ""


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """Whether it is removed; if not yet, the stack set operation to wait for, or that AWS keeps the instance."""
    logger.append_keys(account_id=request.account_id, profile=request.profile)
    token = consumer_role.attempt_operation_id(request.execution, request.generation, request, removes=True)
    attempt, stack_sets = consumer_role.Attempt(token, request.operation_id), wiring.stack_sets()
    return asdict(consumer_role.remove(request, attempt, stack_sets, retain=request.retain, retained=request.retained))
