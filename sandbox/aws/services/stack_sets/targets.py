"""Which accounts a request means. moto ignores the account filter, deeper OUs, and all targets of delete and update."""

from collections.abc import Mapping
from typing import Any

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.stack_sets.instance import StackSet, Target
from sandbox.aws.services.stack_sets.organization import Organization

UNITS_PER_CALL = 50


def _units(given: Mapping[str, Any]) -> list[str]:
    targets = given.get("DeploymentTargets") or {}
    units = list(targets.get("OrganizationalUnitIds", []))
    if given.get("Accounts"):
        raise AwsError(
            "ValidationError",
            "StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target",
        )
    if not units:
        raise AwsError("ValidationError", "OrganizationalUnitIds are required")
    if len(units) > UNITS_PER_CALL:
        raise AwsError(
            "ValidationError", f"OrganizationalUnitIds must have length less than or equal to {UNITS_PER_CALL}"
        )
    if "AccountsUrl" in targets:
        raise AwsError("ValidationError", "The sandbox reads DeploymentTargets.Accounts, not AccountsUrl")
    return units


def _wanted(given: Mapping[str, Any], inside: set[str], *, creating: bool) -> set[str]:
    """The account filter (botocore model, DeploymentTargets.AccountFilterType)."""
    targets = given["DeploymentTargets"]
    listed = set(targets.get("Accounts", []))
    kind = targets.get("AccountFilterType", "UNION" if listed else "NONE")
    if kind in {"INTERSECTION", "DIFFERENCE"} and not listed:
        raise AwsError("ValidationError", f"Accounts should be specified when AccountFilterType is {kind}")
    if kind == "UNION" and creating:
        raise AwsError("ValidationError", "AccountFilterType UNION is not supported for CreateStackInstances operation")
    return {"NONE": inside, "INTERSECTION": inside & listed, "DIFFERENCE": inside - listed, "UNION": inside | listed}[
        kind
    ]


def _inside(organization: Organization, unit: str) -> set[str]:
    accounts = organization.accounts_below(unit)
    if accounts is None:
        raise AwsError("ValidationError", f"Organizational unit or root {unit} was not found in the organization")
    return set(accounts)


def new_targets(given: Mapping[str, Any], organization: Organization) -> dict[Target, str]:
    """Where CreateStackInstances deploys, with the root or OU that led there; never the management account."""
    units = {unit: _inside(organization, unit) for unit in _units(given)}
    wanted = _wanted(given, set().union(*units.values()), creating=True) - {organization.management_account}
    return {
        (account, region): next(unit for unit, accounts in units.items() if account in accounts)
        for region in _regions(given)
        for account in sorted(wanted)
    }


def existing_targets(given: Mapping[str, Any], organization: Organization, stack_set: StackSet) -> list[Target]:
    """The instances an update or delete means: of accounts in those OUs now, or deployed through them once.

    That an account which left the organization is still meant by the OU it was deployed through is an inference:
    AWS says nothing, and its instance must be reachable somehow.
    """
    inside: set[str] = set()
    for unit in _units(given):
        inside |= _inside(organization, unit)
        inside |= {instance.account for instance in stack_set.instances.values() if instance.unit == unit}
    wanted, regions = _wanted(given, inside, creating=False), _regions(given)
    return [target for target in stack_set.instances if target[0] in wanted and target[1] in regions]


def _regions(given: Mapping[str, Any]) -> list[str]:
    regions = list(given.get("Regions", []))
    if not regions:
        raise AwsError("ValidationError", "At least one Region must be specified")
    return regions
