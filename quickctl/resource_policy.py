"""The organization's one resource policy, which others write too: our statement is put in or taken out. Pure."""

from collections.abc import Mapping
from typing import Any

SID = "QuickOnboardingStatusTag"


def statement(hub: str, management: str, organization: str, key: str, partition: str = "aws") -> dict[str, Any]:
    """What lets the hub set that tag of accounts, and no other one (docs/howto/show-the-status-on-accounts.md)."""
    return {
        "Sid": SID,
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{hub}:root"},
        "Action": ["organizations:TagResource", "organizations:UntagResource"],
        "Resource": f"arn:{partition}:organizations::{management}:account/{organization}/*",
        "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": key}, "Null": {"aws:TagKeys": "false"}},
    }


def merged(policy: Mapping[str, Any] | None, ours: Mapping[str, Any]) -> dict[str, Any]:
    """The policy with our statement, in the place of an older one of ours; everything else as it was."""
    found = dict(policy or {"Version": "2012-10-17"})
    others = [each for each in statements(found) if each.get("Sid") != ours["Sid"]]
    return {**found, "Statement": [*others, dict(ours)]}


def without(policy: Mapping[str, Any], sid: str = SID) -> dict[str, Any] | None:
    """The policy without that statement; None when nothing is left."""
    others = [each for each in statements(policy) if each.get("Sid") != sid]
    return {**policy, "Statement": others} if others else None


def statements(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its statements; IAM takes a single one without a list."""
    found = policy.get("Statement", [])
    return list(found) if isinstance(found, list) else [found]
