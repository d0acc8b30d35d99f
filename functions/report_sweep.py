"""ReportSweep: report the result of a sweep when the reconciles it started have ended."""

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.logs import logged, logger
from control_plane.sweep.reporting import SweepEnd
from control_plane.sweep.run import finish

metrics = Metrics()


class Request(BaseModel):
    """Which sweep, when, whether to wait for reconciles in progress, and which unexpected entries are still there."""

    sweep: str
    now: str
    patient: bool
    not_removed: tuple[str, ...] = ()


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool]:
    """Whether it is done; if not, try again."""
    end = SweepEnd(sweep_id=request.sweep, at=request.now, not_removed=request.not_removed)
    report = finish(end, wiring.sweep_dependencies(), is_patient=request.patient)
    if report is None:
        return {"done": False}
    for name, value in report.counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.flush_metrics()  # only here: a call that reports nothing has nothing to count
    logger.info("swept", extra=report.model_dump(include={"sweep_id", "partial", "listed"}) | report.counts)
    return {"done": True}
