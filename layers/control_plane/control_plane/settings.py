"""The environment the template gives every function, read once."""

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from control_plane.account import AccountId, Hub


class Settings(BaseModel):
    """One field for each variable under Globals in template.yaml, in lower case."""

    model_config = ConfigDict(frozen=True)

    hub_account_id: AccountId
    management_account_id: AccountId
    hub_region: str
    partition: str
    organization_id: str
    organization_root_id: str
    run_as_role_arn: str
    deployment_id: str
    registry_table: str
    opt_in_tag: str
    grace_days: float
    drift_repair: Literal["repair", "notify"]
    external_id_match: Literal["exact", "prefix"]
    quick_identity_region: str
    quick_namespace: str
    reconcile_account_arn: str
    approve_revocations_arn: str
    notifications_topic_arn: str
    consumer_directory: Path = Path("/opt")  # where Lambda unpacks the consumer layer

    @property
    def hub(self) -> Hub:
        """The fixed points names are built from."""
        return Hub(
            account_id=self.hub_account_id,
            management_account_id=self.management_account_id,
            region=self.hub_region,
            partition=self.partition,
            organization_id=self.organization_id,
            root_id=self.organization_root_id,
            run_as_role_arn=self.run_as_role_arn,
            deployment_id=self.deployment_id,
            external_id_match=self.external_id_match,
        )


@cache
def settings() -> Settings:
    """The settings of this process; a missing or wrong variable stops it with every fault named."""
    return Settings.model_validate({name.lower(): value for name, value in os.environ.items()})
