"""CloudWatch: what services and functions measure, and the alarms that watch it."""

from sandbox.aws.services.cloudwatch.alarms import Alarms
from sandbox.aws.services.cloudwatch.metrics import Metrics, Series, Statistics
from sandbox.aws.services.cloudwatch.queries import Queries
from sandbox.aws.services.cloudwatch.sources import Sources

__all__ = ["Alarms", "Metrics", "Queries", "Series", "Sources", "Statistics"]
