"""AWS's own managed policies, put into an account when a template first names one.

moto knows none of them unless asked to load all 1,400 into every account at its start (0.3 s each).
"""

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends

PREFIX = "arn:aws:iam::aws:policy/"


@cache
def _catalogue() -> dict[str, Any]:
    by_name: dict[str, Any] = json.loads(aws_managed_policies_data)
    return by_name


def provide(account: str, arn: str) -> None:
    """Make AWS's policy attachable in the account; any other ARN, and unknown names, stay as they are."""
    backend = iam_backends[account]["aws"]
    name = arn.rsplit("/", 1)[-1]
    if arn.startswith(PREFIX) and arn not in backend.managed_policies and name in _catalogue():
        policy = AWSManagedPolicy.from_data(name, account, "us-east-1", _catalogue()[name])
        if policy.arn == arn:
            backend.managed_policies[arn] = policy
            backend.aws_managed_policies.append(policy)
