"""AssessAccount: compare desired and observed state of one account, and plan its actions."""

from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.account import AccountId, ProfileName
from control_plane.admission import admit
from control_plane.assessment import assess
from control_plane.logs import logged, logger


class Request(BaseModel):
    """Which account to assess, and when. `profiles`: profiles to check although no record mentions them."""

    account_id: AccountId
    now: datetime
    profiles: tuple[ProfileName, ...] = ()


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """The account's name, one action (profile, action, reason) for each connection, and what it asks for in words."""
    policy, deps = wiring.opt_in_policy(), wiring.assessment_dependencies()
    found = assess(request.account_id, policy, wiring.hub(), deps, request.now, request.profiles)
    found = admit(found, request.now, wiring.admission_dependencies())
    actions = [planned.model_dump(mode="json") for planned in found.actions]
    logger.info("assessed account", extra={"actions": actions})
    return {"account_name": found.account.name, "actions": actions, "reason": found.reason}
