"""Items and entries that should not exist: each is logged, and all are counted for an alarm."""

from collections.abc import Sequence

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from control_plane.ports.access import RefusedChange

logger = Logger()
MAX_LISTED = 20  # log lines of each kind in one run
LONGEST = 200  # characters of a name, which may contain anything


class LoggedAnomalies:
    """Port `Anomalies` over CloudWatch's embedded metrics and the function's log."""

    def refused(self, changes: Sequence[RefusedChange]) -> None:
        """Malformed items among the pending changes."""
        for each in changes[:MAX_LISTED]:
            logger.warning("refused a malformed pending change", extra={"key": each.key[:LONGEST], "why": each.why})
        count("RefusedChanges", len(changes))

    def unexpected(self, entries: Sequence[str]) -> None:
        """Entries of the access policy that are not a consumer role of ours."""
        for each in entries[:MAX_LISTED]:
            logger.warning("unexpected entry in the access policy", extra={"entry": each[:LONGEST]})
        count("UnexpectedEntries", len(entries))


def count(name: str, number: int) -> None:
    """Emit one metric now."""
    with single_metric(name=name, unit=MetricUnit.Count, value=number):
        pass
