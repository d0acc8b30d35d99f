"""The organization these tests speak of: its hub, one consumer account, one profile, one connection."""

from datetime import datetime, timedelta
from typing import Any

from control_plane.account import Account, Connection, Hub
from control_plane.opt_in import OptInPolicy
from control_plane.profiles import Profile

MANAGEMENT, HUB_ACCOUNT, CONSUMER, OTHER = "111122223333", "444455556666", "222233334444", "333344445555"
TAG = "quick-athena"
NOW = "2026-11-24T08:00:00.000Z"
TODAY = datetime.fromisoformat(NOW)
OPT_IN_POLICY = OptInPolicy(opt_in_tag=TAG, grace=timedelta(days=7))
HUB = Hub(
    account_id=HUB_ACCOUNT,
    management_account_id=MANAGEMENT,
    region="eu-west-1",
    partition="aws",
    organization_id="o-exampleorgid",
    root_id="r-ab12",
    run_as_role_arn=f"arn:aws:iam::{HUB_ACCOUNT}:role/quick-athena-run-as",
    deployment_id="default",
)
CONNECTION = Connection(account_id=CONSUMER, profile="default")


def account(tag: str | None = None, *, state: str = "ACTIVE", account_id: str = CONSUMER) -> Account:
    return Account(id=account_id, name="sales", state=state, tags={} if tag is None else {TAG: tag})


def profile(**changes: Any) -> Profile:
    return Profile.model_validate(
        {
            "description": "What the sales accounts publish.",
            "databases": ["quick_*"],
            "data_buckets": ["quick-data-{account}*"],
            "owners": ["owners"],
            "viewers": ["authors"],
            **changes,
        }
    )


def entry(account_id: str = CONSUMER, profile_name: str = "default") -> str:
    return Connection(account_id=account_id, profile=profile_name).consumer_role_arn(HUB)
