"""What should not be there, counted for an alarm and named in one line of the log each."""

from collections.abc import Sequence

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from control_plane.ports import RefusedChange

logger = Logger()
NAMED = 20  # lines for each sort in one run
LONGEST = 200  # of a name, which may be anything


class LoggedOddities:
    """Port `Oddities` over CloudWatch's embedded metrics and the function's log."""

    def refused(self, changes: Sequence[RefusedChange]) -> None:
        """Pending changes that are none."""
        for each in changes[:NAMED]:
            logger.warning("refused a pending change", extra={"key": each.key[:LONGEST], "why": each.why})
        count("RefusedChanges", len(changes))

    def unexpected(self, entries: Sequence[str]) -> None:
        """Entries of the access policy that are no consumer role's of ours."""
        for each in entries[:NAMED]:
            logger.warning("unexpected entry of the access policy", extra={"entry": each[:LONGEST]})
        count("UnexpectedEntries", len(entries))


def count(name: str, number: int) -> None:
    """One metric of ours, now."""
    with single_metric(name=name, unit=MetricUnit.Count, value=number):
        pass
