"""ReportSweep: when what a sweep started has come to rest, say what became of it."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import wiring
from control_plane.sweep.reporting import End
from control_plane.sweep.run import finish

logger = Logger()
metrics = Metrics()


class Request(BaseModel):
    """Which sweep, when, whether to wait for what is still under way, and which unexpected entries are still there."""

    sweep: str
    now: str
    patient: bool
    remaining: tuple[str, ...] = ()


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, bool]:
    """Whether it is done; else come again."""
    end = End(sweep_id=request.sweep, at=request.now, remaining=request.remaining)
    report = finish(end, wiring.office(), is_patient=request.patient)
    if report is None:
        return {"done": False}
    for name, value in report.counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.flush_metrics()  # here only: a look that is not the last has nothing to count
    logger.info("swept", extra=report.model_dump(include={"sweep_id", "partial", "listed"}) | report.counts)
    return {"done": True}
