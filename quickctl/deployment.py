"""The deployed hub as its stack describes it: where the parts are, and what its functions are set to. Pure."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from control_plane.account import Hub
from control_plane.opt_in import OptInPolicy
from control_plane.settings import (
    GrantSettings,
    HubSettings,
    OptInSettings,
    ProofSettings,
    QuickSettings,
    RepairSettings,
)
from quickctl.exits import ExitCode, Problem

# The parameters of template.yaml that its functions get as settings (Globals, Environment).
PARAMETERS = {
    "management_account_id": "ManagementAccountId",
    "organization_id": "OrganizationId",
    "organization_root_id": "OrganizationRootId",
    "run_as_roles": "RunAsRoles",
    "deployment_id": "DeploymentId",
    "opt_in_tag": "OptInTag",
    "grace_days": "GracePeriodDays",
    "drift_repair": "DriftRepair",
    "external_id_match": "ExternalIdMatch",
    "quick_namespace": "QuickNamespace",
    "grant_budget_percent": "GrantBudgetPercent",
    "proof_queries": "ProofQueries",
}
STACK_ARN = re.compile(r"arn:([\w-]+):cloudformation:([\w-]+):(\d{12}):stack/([^/]+)/")


class Deployment(BaseModel):
    """One deployed hub: its stack's outputs and parameters."""

    model_config = ConfigDict(frozen=True)

    stack_name: str
    partition: str
    region: str
    account_id: str
    status: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    @classmethod
    def of_stack(cls, stack: Mapping[str, Any]) -> Self:
        """The deployment that DescribeStacks describes. Raises Problem when the stack is not a hub's."""
        found = STACK_ARN.match(stack["StackId"])
        assert found, stack["StackId"]
        deployed = cls(
            stack_name=found[4],
            partition=found[1],
            region=found[2],
            account_id=found[3],
            status=stack.get("StackStatus", ""),
            outputs={each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])},
            parameters={each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])},
        )
        deployed.output("RegistryTableName")
        return deployed

    def output(self, name: str) -> str:
        """One of the stack's outputs."""
        if name not in self.outputs:
            raise Problem(
                ExitCode.NO_STACK,
                f"the stack {self.stack_name} in {self.region} of account {self.account_id} has no output {name}: "
                "it is no hub of Quick Onboarding, or one of another version",
                "name the hub's stack with --stack-name, or deploy the version that this quickctl belongs to",
            )
        return self.outputs[name]

    @property
    def table(self) -> str:
        """The registry table."""
        return self.output("RegistryTableName")

    @property
    def hub(self) -> Hub:
        """The hub that all names are built from."""
        return HubSettings.model_validate(self._settings).hub

    @property
    def opt_in_policy(self) -> OptInPolicy:
        """The opt-in tag and the grace period."""
        settings = OptInSettings.model_validate(self._settings)
        return OptInPolicy(opt_in_tag=settings.opt_in_tag, grace=timedelta(days=settings.grace_days))

    @property
    def repairs(self) -> bool:
        """Whether drift is repaired."""
        return RepairSettings.model_validate(self._settings).repairs

    @property
    def proves(self) -> bool:
        """Whether connections are proven by a query."""
        return ProofSettings.model_validate(self._settings).proves

    @property
    def grant_budget_percent(self) -> int:
        """The grant budget."""
        return GrantSettings.model_validate(self._settings).grant_budget_percent

    @property
    def quick(self) -> QuickSettings:
        """Where Amazon Quick has its groups."""
        return QuickSettings.model_validate(self._settings)

    @property
    def sweep_schedule(self) -> str:
        """When the whole organization is swept, as EventBridge Scheduler writes it."""
        return self.parameters.get("SweepSchedule", "")

    @property
    def _settings(self) -> dict[str, str]:
        """The settings of the hub's functions, as template.yaml makes them of the stack's parameters."""
        given = {name: self.parameters[key] for name, key in PARAMETERS.items() if key in self.parameters}
        return {
            **given,
            "hub_account_id": self.account_id,
            "hub_region": self.region,
            "partition": self.partition,
            "run_as_role_arn": self.output("RunAsRoleArn"),
            "quick_identity_region": self.parameters.get("QuickIdentityRegion") or self.region,
        }
