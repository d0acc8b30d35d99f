"""AdvanceOperation: wake those whose consumer role was changed, and start the stack set's next operation."""

from dataclasses import asdict
from typing import Annotated, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, StringConstraints

from control_plane import wiring
from control_plane.account import NAME_PREFIX
from control_plane.logs import logged
from control_plane.steps.stack_set_operations import Operator


class Request(BaseModel):
    """Which stack set, the number of its operator, how often that one looked already, and when this is."""

    stack_set: Annotated[str, StringConstraints(pattern=f"^{NAME_PREFIX}[a-z0-9-]+$")]
    epoch: int
    rounds: int
    now: str


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """Whether nothing waits any more, or when to look again."""
    return asdict(Operator(**request.model_dump(), deps=wiring.operator_dependencies()).advance())
