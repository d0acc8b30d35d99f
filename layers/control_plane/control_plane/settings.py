"""The environment that the template gives every function, in small models: each part of the code reads what it needs.

A missing or wrong variable stops only what needs it. The error names every fault of that model.
"""

import os
from functools import cache
from pathlib import Path
from typing import Literal, Self, cast

from pydantic import BaseModel, ConfigDict

from control_plane.account import AccountId, Hub, RunAsRole


class _Environment(BaseModel):
    """Settings whose fields are environment variables in lower case. A function builds only those that it reads."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    @classmethod
    def read(cls) -> Self:
        """These settings. The environment is read once in each process."""
        return cast(Self, _read(cls))


@cache
def _read(model: type[_Environment]) -> _Environment:
    return model.model_validate({name.lower(): value for name, value in os.environ.items()})


class RegionSettings(_Environment):
    """The Region of the hub's stack."""

    hub_region: str


class RegistrySettings(_Environment):
    """The registry table."""

    registry_table: str


class HubSettings(RegionSettings):
    """The hub account and its organization."""

    hub_account_id: AccountId
    management_account_id: AccountId
    partition: str
    organization_id: str
    organization_root_id: str
    run_as_role_arn: str
    run_as_roles: RunAsRole
    deployment_id: str
    external_id_match: Literal["exact", "prefix"]

    @property
    def hub(self) -> Hub:
        """The hub that all names are built from."""
        return Hub(
            account_id=self.hub_account_id,
            management_account_id=self.management_account_id,
            region=self.hub_region,
            partition=self.partition,
            organization_id=self.organization_id,
            root_id=self.organization_root_id,
            run_as_role_arn=self.run_as_role_arn,
            run_as_roles=self.run_as_roles,
            deployment_id=self.deployment_id,
            external_id_match=self.external_id_match,
        )


class OptInSettings(_Environment):
    """The opt-in tag and the grace period."""

    opt_in_tag: str
    grace_days: float


class RepairSettings(_Environment):
    """Whether drift is repaired or only reported."""

    drift_repair: Literal["repair", "notify"]

    @property
    def repairs(self) -> bool:
        """Whether drift is repaired."""
        return self.drift_repair == "repair"


class ProofSettings(_Environment):
    """Whether Quick queries each connection, so that it is proven."""

    proof_queries: Literal["enabled", "disabled"]

    @property
    def proves(self) -> bool:
        """Whether connections are proven by a query."""
        return self.proof_queries == "enabled"


class QuickSettings(_Environment):
    """Where Amazon Quick keeps its groups."""

    quick_identity_region: str
    quick_namespace: str


class ReconcileSettings(_Environment):
    """The state machine that reconciles an account."""

    reconcile_account_arn: str


class OperatorSettings(_Environment):
    """The state machine that runs the operations of a stack set, and how many accounts one operation may have."""

    operate_stack_set_arn: str
    max_batch_size: int


class ApprovalSettings(_Environment):
    """The state machine that requests approval of a batch."""

    approve_batch_arn: str


class GrantSettings(_Environment):
    """New connections that one tag on an OU or the root brings without an approval, in percent of all accounts."""

    grant_budget_percent: int


class SweepSettings(_Environment):
    """The state machine that sweeps the organization."""

    sweep_organization_arn: str


class NotificationSettings(_Environment):
    """The topic of messages to people."""

    notifications_topic_arn: str


class ConsumerSettings(_Environment):
    """The files of the consumer layer: the template of the stack sets, and the profiles."""

    consumer_directory: Path = Path("/opt")  # where Lambda unpacks the consumer layer

    @property
    def template(self) -> Path:
        """The template of the stack sets."""
        return self.consumer_directory / "consumer_role.yaml"

    @property
    def profiles(self) -> Path:
        """The profiles file."""
        return self.consumer_directory / "profiles.yaml"


MODELS: tuple[type[_Environment], ...] = (
    RegionSettings,
    RegistrySettings,
    HubSettings,
    OptInSettings,
    RepairSettings,
    ProofSettings,
    QuickSettings,
    ReconcileSettings,
    OperatorSettings,
    ApprovalSettings,
    GrantSettings,
    SweepSettings,
    NotificationSettings,
    ConsumerSettings,
)
FIELDS = {name: field for model in MODELS for name, field in model.model_fields.items()}
