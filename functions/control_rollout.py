"""ControlRollout: a person stops the deployments of a profile's consumer role, or has them go on."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, StringConstraints

from control_plane import wiring
from control_plane.account import NAME_PREFIX, ProfileName
from control_plane.logs import logged, logger


class Request(BaseModel):
    """Which profile, what to do, and why: the reason is shown to whoever waits."""

    model_config = ConfigDict(extra="forbid")

    profile: ProfileName
    action: Literal["stop", "resume"]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=300)] = "no reason given"


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, str]:
    """The stack set, and what was done. Resuming starts a sweep, which starts the accounts that differ."""
    stack_set, queue = f"{NAME_PREFIX}{request.profile}", wiring.stack_set_queue()
    now = datetime.now(UTC).isoformat()
    logger.info("controlled a roll-out", extra={"stack_set": stack_set, "request": request.model_dump()})
    if request.action == "stop":
        wiring.profile(request.profile)  # raises UnknownProfile: nobody must believe that something was stopped
        queue.stop(stack_set, request.reason, now)
    else:
        queue.resume(stack_set, now)
        wiring.sweeps().start("all", f"the roll-out of {stack_set} was resumed: {request.reason}")
    return {"stack_set": stack_set, "action": request.action}
