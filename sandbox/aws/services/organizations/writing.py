"""What changes tags, places, OUs and delegations."""

import re
from collections.abc import Callable
from typing import Any

from moto.organizations.models import FakeDelegatedAdministrator

from sandbox.aws.cloud import Cloud
from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.services.organizations import errors
from sandbox.aws.services.organizations.directory import Directory
from sandbox.aws.services.organizations.reading import Reading
from sandbox.aws.services.organizations.tags import checked_tags

DEEPEST = 5  # OUs below each other (Organizations User Guide, orgs_reference_limits)
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")


class Writing:
    """The operations that change what accounts are like, not which there are."""

    def __init__(self, cloud: Cloud, directory: Directory, reading: Reading) -> None:
        self._cloud = cloud
        self._directory = directory
        self._reading = reading

    def operations(self) -> dict[str, Callable[[Call], dict[str, Any]]]:
        """By name."""
        return {
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "MoveAccount": self.move,
            "CreateOrganizationalUnit": self.create_unit,
            "RegisterDelegatedAdministrator": self.register_delegated_administrator,
            "EnableAWSServiceAccess": self.enable_service_access,
        }

    def tag(self, call: Call) -> dict[str, Any]:
        """Adds tags, or none of them."""
        resource = self._tagged(call)
        resource.tags = checked_tags(resource.tags, call.parameters["Tags"])
        return {}

    def untag(self, call: Call) -> dict[str, Any]:
        """Takes tags away; those that are not there don't matter."""
        resource = self._tagged(call)
        for key in call.parameters["TagKeys"]:
            resource.tags.pop(key, None)
        return {}

    def move(self, call: Call) -> dict[str, Any]:
        """Moves an account; moto looks neither at the source nor whether anything moves."""
        member = self._directory.find(call.parameters["AccountId"])
        source, destination = call.parameters["SourceParentId"], call.parameters["DestinationParentId"]
        if member is None:
            raise errors.account_not_found()
        if member.parent_id != source:
            raise errors.parent_not_found("Source")
        if self._directory.unit(destination) is None:
            raise errors.parent_not_found("Destination")
        if source == destination:
            raise AwsError("DuplicateAccountException", "The account is already in the destination you specified.")
        member.parent_id = destination
        return {}

    def create_unit(self, call: Call) -> dict[str, Any]:
        """Creates an OU; moto takes a parent that doesn't exist and a name that does."""
        name, parent_id = call.parameters["Name"], call.parameters["ParentId"]
        if self._directory.unit(parent_id) is None:
            raise errors.parent_not_found()
        if any(unit.parent_id == parent_id and unit.name == name for unit in self._directory.backend.ou):
            raise AwsError("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
        if self._directory.depth(parent_id) >= DEEPEST:
            raise errors.constraint_violation("OU_DEPTH_LIMIT_EXCEEDED", f"OUs are nested {DEEPEST} deep at most.")
        tags = checked_tags({}, call.parameters.get("Tags") or [])
        unit = self._directory.add_unit(name, parent_id, tags)
        return {"OrganizationalUnit": self._reading.shown_unit(unit)}

    def register_delegated_administrator(self, call: Call) -> dict[str, Any]:
        """Lets a member administrate a service; moto knows six services, StackSets not among them."""
        service, account_id = call.parameters["ServicePrincipal"], call.parameters["AccountId"]
        if account_id == self._directory.management:
            raise errors.constraint_violation(
                "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
                "You cannot register master account/yourself as delegated administrator for your organization.",
            )
        _check_service(service)
        admin = self._administrator(account_id)
        if service in admin.services:
            raise AwsError(
                "AccountAlreadyRegisteredException",
                "The provided account is already a delegated administrator for your organization.",
            )
        admin.services[service] = {
            "ServicePrincipal": service,
            "DelegationEnabledDate": admin.enabled_date.timestamp(),
        }
        return {}

    def enable_service_access(self, call: Call) -> dict[str, Any]:
        """Trusts a service; moto knows a list of them."""
        service = call.parameters["ServicePrincipal"]
        _check_service(service)
        self._directory.trust(service, self._cloud.clock.now())
        return {}

    def _tagged(self, call: Call) -> Any:
        resource = self._directory.resource(call.parameters["ResourceId"])
        if resource is None:
            raise errors.target_not_found()
        return resource

    def _administrator(self, account_id: str) -> FakeDelegatedAdministrator:
        member, admins = self._directory.find(account_id), self._directory.backend.admins
        if member is None:
            raise errors.account_not_found()
        known = next((admin for admin in admins if admin.account is member), None)
        if known is None:
            known = FakeDelegatedAdministrator(member)
            known.enabled_date = self._cloud.clock.now()
            admins.append(known)
        return known


def _check_service(service: str) -> None:
    if not _SERVICE.fullmatch(service):
        raise errors.invalid_input("INVALID_PATTERN", "You specified an unrecognized service principal.")
