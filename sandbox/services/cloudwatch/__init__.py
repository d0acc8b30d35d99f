"""CloudWatch: what services and functions measure, and the alarms that watch it."""

from sandbox.services.cloudwatch.alarms import Alarms
from sandbox.services.cloudwatch.metrics import Metrics, Series, Statistics
from sandbox.services.cloudwatch.queries import Queries
from sandbox.services.cloudwatch.sources import Sources

__all__ = ["Alarms", "Metrics", "Queries", "Series", "Sources", "Statistics"]
