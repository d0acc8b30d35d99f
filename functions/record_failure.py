"""RecordFailure: record why a connection or an account failed, and count it."""

from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.account import AccountId
from control_plane.failure import explain
from control_plane.logs import logged, logger

metrics = Metrics()


class Request(BaseModel):
    """The failed step, and the error output that was caught. No profile: the whole account failed."""

    account_id: AccountId
    profile: str | None = None
    step: str
    error: dict[str, Any]
    now: str
    generation: int | None = None  # nothing is recorded over a newer one


@logged
@event_parser(model=Request)
@metrics.log_metrics
def handler(request: Request, context: LambdaContext) -> dict[str, str]:
    """The failure as recorded: step, error, reason, cause, remedy."""
    failure = explain(request.account_id, request.step, request.error).model_dump()
    logger.error("failed", extra=failure)
    wiring.registry().record_failure(request.account_id, request.profile, failure, request.now, request.generation)
    metrics.add_metric(name="FailedSteps", unit=MetricUnit.Count, value=1)
    with single_metric(name="FailedSteps", unit=MetricUnit.Count, value=1) as one:
        one.add_dimension(name="error", value=failure["error"])
    return failure
