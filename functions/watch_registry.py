"""WatchRegistry: find stuck records, and send one report of failures."""

from datetime import datetime

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from control_plane import watch, wiring
from control_plane.logs import logged, logger

metrics = Metrics()


class Request(BaseModel):
    """When the schedule started it."""

    now: datetime


@logged
@event_parser(model=Request)
@metrics.log_metrics
def handler(request: Request, context: LambdaContext) -> dict[str, int]:
    """How many records are in progress, stuck, failed, degraded, reported; and how many events could not be read."""
    now, registry = request.now.isoformat(), wiring.registry()
    found = watch.scan(registry, now)
    watch.reconcile_stuck(found.stuck, wiring.reconciles(), now)
    reported = watch.report(found, registry, wiring.notifications(), now)
    counts = found.counts
    for name, value in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.add_metric(name="OldestInProgress", unit=MetricUnit.Seconds, value=found.oldest)
    if found.since_sweep is not None:
        metrics.add_metric(name="SinceSweep", unit=MetricUnit.Seconds, value=found.since_sweep)
    logger.info("watched", extra={**counts, "reported": reported})
    return {**counts, "Reported": reported}
