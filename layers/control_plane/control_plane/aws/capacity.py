"""The gauge of the access policy's capacity, as a metric."""

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit


class MeasuredCapacity:
    """Port `CapacityGauge` over CloudWatch's embedded metrics."""

    def report(self, percent: float) -> None:
        """The percentage in use now."""
        with single_metric(name="AccessPolicyUsed", unit=MetricUnit.Percent, value=round(percent, 1)):
            pass
