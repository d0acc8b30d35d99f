"""AWS's rates and quotas that bulk work meets, each with its source. What no source confirms is marked.

Sources: ORG: Organizations user guide, orgs_reference_limits. SFN: Step Functions developer guide, service-quotas (for
us-east-1, us-west-2 and eu-west-1; elsewhere 150 starts and 800 transitions a second). CFN: CloudFormation user guide,
cloudformation-limits. LAMBDA: Lambda developer guide, gettingstarted-limits. No source: an assumption, not verified.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """A token bucket: so many a second, and as many at once when nothing was taken for a while."""

    per_second: float
    burst: float
    source: str = ""

    @property
    def is_verified(self) -> bool:
        """Whether AWS publishes it."""
        return bool(self.source)


DESCRIBE_ACCOUNT = "organizations:DescribeAccount"
LIST_TAGS = "organizations:ListTagsForResource"
STARTS = "stepfunctions:StartExecution"
TRANSITIONS = "state transitions"
QUICK = "quicksight"  # all its calls together

PUBLISHED = {
    DESCRIBE_ACCOUNT: Rate(20, 30, "ORG"),
    LIST_TAGS: Rate(10, 15, "ORG"),
    STARTS: Rate(300, 1300, "SFN"),
    TRANSITIONS: Rate(5000, 5000, "SFN"),
}
# Not in the model's runs: no more is known than that one should stay below it.
UNVERIFIED = {QUICK: Rate(2, 10)}

NEW_ACCOUNT_CONCURRENCY = 10  # LAMBDA says that new accounts have less than 1,000; 10 is what people report
CONCURRENCY = 1000  # LAMBDA
INSTANCES_AT_ONCE = 10_000  # CFN: of one administrator in one Region
SECONDS_PER_ANSWER = 0.03  # unverified: one SendTaskSuccess and one DeleteItem
SECONDS_PER_INVOCATION = 1.0  # unverified: see prices.py, which uses it too
