"""AWS's rates and quotas that bulk work meets. What no source confirms is marked.

The rates of calls are the sandbox's table (sandbox/aws/rates.py), which has their sources. Here are those that are not
of one call. SFN: Step Functions developer guide, service-quotas, for Regions other than us-east-1, us-west-2 and
eu-west-1. CFN: CloudFormation user guide, cloudformation-limits. LAMBDA: Lambda developer guide, gettingstarted-limits.
"""

from __future__ import annotations

from sandbox.aws.rates import PUBLISHED as CALLS
from sandbox.aws.rates import Rate

__all__ = ["Rate"]

DESCRIBE_ACCOUNT = "organizations:DescribeAccount"
LIST_TAGS = "organizations:ListTagsForResource"
STARTS = "stepfunctions:StartExecution"
TRANSITIONS = "state transitions"
QUICK = "quicksight"  # all its calls together

PUBLISHED = {
    DESCRIBE_ACCOUNT: CALLS["organizations", "DescribeAccount"],
    LIST_TAGS: CALLS["organizations", "ListTagsForResource"],
    STARTS: CALLS["stepfunctions", "StartExecution"],
    TRANSITIONS: Rate(800, 800, source="SFN"),
}
# Not in the model's runs: no more is known than that one should stay below it.
UNVERIFIED = {QUICK: Rate(2, 10, is_published=False)}

NEW_ACCOUNT_CONCURRENCY = 10  # LAMBDA says that new accounts have less than 1,000; 10 is what people report
CONCURRENCY = 1000  # LAMBDA
INSTANCES_AT_ONCE = 10_000  # CFN: of one administrator in one Region
SECONDS_PER_ANSWER = 0.03  # unverified: one SendTaskSuccess and one DeleteItem
SECONDS_PER_INVOCATION = 1.0  # unverified: see prices.py, which uses it too
