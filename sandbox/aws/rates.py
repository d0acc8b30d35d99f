"""AWS's request rates as token buckets: who calls faster than AWS allows is refused. Off until they are enforced.

A call takes no time on the sandbox's clock, so an invocation's calls would all come at one moment. Here each call of an
invocation comes a tenth of a second after the one before, as if AWS had taken that long to answer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.functions import PROCESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.gateway import Call

CALL_TAKES = timedelta(seconds=0.1)  # an assumption
ORGANIZATIONS = "Organizations User Guide, orgs_reference_limits: throttling limits for each account"
STEP_FUNCTIONS = "Step Functions Developer Guide, service quotas: Regions other than us-east-1, us-west-2 and eu-west-1"
LAMBDA = "Lambda Developer Guide: new accounts have reduced concurrency; seen as 10. Assumed: half a second each"


@dataclass(frozen=True)
class Rate:
    """How many calls a second a bucket gets back, and how many it holds. `code`: what AWS refuses with.

    `is_published`: AWS says this number. Otherwise `source` says what it is derived from.
    """

    per_second: float
    burst: float
    code: str = ""
    source: str = ""
    is_published: bool = True


def _organizations(per_second: float, burst: int) -> Rate:
    return Rate(per_second, burst, "TooManyRequestsException", ORGANIZATIONS)


PUBLISHED = {
    ("organizations", "DescribeAccount"): _organizations(20, 30),
    ("organizations", "ListAccounts"): _organizations(8, 12),
    ("organizations", "ListParents"): _organizations(5, 8),
    ("organizations", "ListTagsForResource"): _organizations(10, 15),
    ("stepfunctions", "StartExecution"): Rate(150, 800, "ThrottlingException", STEP_FUNCTIONS),
}
NEW_ACCOUNT = {
    **PUBLISHED,
    ("lambda", "Invoke"): Rate(20, 10, "TooManyRequestsException", LAMBDA, is_published=False),
}


@dataclass
class _Bucket:
    tokens: float
    at: datetime

    def take(self, rate: Rate, now: datetime) -> bool:
        """Whether one more call is allowed."""
        refilled = max(0.0, (now - self.at).total_seconds()) * rate.per_second
        self.tokens, self.at = min(rate.burst, self.tokens + refilled), max(self.at, now)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class Rates:
    """Refuses calls of roles that come too fast, by account and Region. Administrators are not refused.

    `refused`: how many calls were, by service and operation.
    """

    cloud: Cloud
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    _limits: Mapping[tuple[str, str], Rate] = field(default_factory=dict)
    _buckets: dict[tuple[str, str, str, str], _Bucket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cloud.gateway.before.append(self._before)

    def enforce(self, limits: Mapping[tuple[str, str], Rate] = PUBLISHED) -> None:
        """From now on refuse what is faster than these."""
        self._limits = dict(limits)
        self._buckets.clear()

    def _before(self, call: Call) -> None:
        rate = self._limits.get((call.service, call.operation))
        if rate is None or call.session.may_everything():
            return
        now = self._time_of_call()
        key = (call.account, call.region, call.service, call.operation)
        bucket = self._buckets.setdefault(key, _Bucket(rate.burst, now))
        if not bucket.take(rate, now):
            self.refused[call.service, call.operation] += 1
            raise AwsError(rate.code, "Rate exceeded")

    def _time_of_call(self) -> datetime:
        """When a call comes: later for each call of its invocation."""
        process = PROCESS.get()
        if process is None:
            return self.cloud.clock.now()
        process.calls += 1
        return self.cloud.clock.now() + process.calls * CALL_TAKES
