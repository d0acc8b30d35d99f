"""WriteStatusTag: write on the account what became of its opt-in."""

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.account import AccountId
from control_plane.errors import MissingPermission
from control_plane.logs import logged, logger
from control_plane.steps.status_tag import write

metrics = Metrics()


class Request(BaseModel):
    """The account, and what it asks for in words."""

    account_id: AccountId
    assessed: str


@logged
@event_parser(model=Request)
@metrics.log_metrics
def handler(request: Request, context: LambdaContext) -> dict[str, bool]:
    """Whether the tag was changed. A management account that does not let us write tags stops no reconcile."""
    try:
        changed = write(request.account_id, request.assessed, wiring.status_tag_dependencies())
    except MissingPermission as refused:
        logger.warning("status tag not written", extra={"reason": str(refused)})
        metrics.add_metric(name="StatusTagsRefused", unit=MetricUnit.Count, value=1)
        changed = False
    return {"changed": changed}
