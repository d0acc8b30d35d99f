"""How accounts come and go: created in the background, closed in two steps, removed, left, cleaned up.

moto does all of this at once and tells nobody. Source: botocore model, CreateAccount, CloseAccount,
RemoveAccountFromOrganization, LeaveOrganization; the durations are the sandbox's.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.aws.cloud import Cloud
from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.identity import ADMINISTRATOR_ROLE
from sandbox.aws.services.cloudtrail_records import status_time
from sandbox.aws.services.organizations import errors
from sandbox.aws.services.organizations.creation import Creation, give_administrator_role
from sandbox.aws.services.organizations.directory import Directory, Member
from sandbox.aws.services.organizations.reading import page
from sandbox.aws.services.organizations.tags import checked_tags
from sandbox.aws.services.organizations.trail import Trail

CREATION_SECONDS = 20.0
CLOSURE_SECONDS = 60.0


class Lifecycle:
    """The operations that change which accounts there are."""

    def __init__(self, cloud: Cloud, directory: Directory, trail: Trail) -> None:
        self._cloud = cloud
        self._directory = directory
        self._trail = trail
        self._creations: dict[str, Creation] = {}

    def operations(self) -> dict[str, Callable[[Call], dict[str, Any]]]:
        """By name."""
        return {
            "CreateAccount": self.create,
            "CloseAccount": self.close,
            "RemoveAccountFromOrganization": self.remove,
            "LeaveOrganization": self.leave,
        }

    def create(self, call: Call) -> dict[str, Any]:
        """Begins to create an account; a taken e-mail address shows only at the end."""
        checked_tags({}, call.parameters.get("Tags") or [])
        creation = Creation(self._directory.new_id("car"), call.parameters["AccountName"], self._cloud.clock.now())
        self._creations[creation.request_id] = creation
        self._later(CREATION_SECONDS, lambda: self._finish(creation, call), f"CreateAccount {creation.name}")
        return {"CreateAccountStatus": creation.shown()}

    def list_creations(self, call: Call) -> dict[str, Any]:
        """Every creation asked for, of the states asked for."""
        states = call.parameters.get("States") or ("IN_PROGRESS", "SUCCEEDED", "FAILED")
        numbered = enumerate(self._creations.values())
        asked = ((number, creation) for number, creation in numbered if creation.state in states)
        return page(call, "CreateAccountStatuses", asked, Creation.shown)

    def describe_creation(self, call: Call) -> dict[str, Any]:
        """How far a creation is."""
        creation = self._creations.get(call.parameters["CreateAccountRequestId"])
        if creation is None:
            raise AwsError(
                "CreateAccountStatusNotFoundException",
                "You specified a create account request that doesn't exist.",
            )
        return {"CreateAccountStatus": creation.shown()}

    def close(self, call: Call) -> dict[str, Any]:
        """Begins to close an account: PENDING_CLOSURE, later SUSPENDED."""
        member = self._existing(call)
        if member.id == self._directory.management:
            raise errors.constraint_violation(
                "CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account."
            )
        if member.state != "ACTIVE":
            raise AwsError("AccountAlreadyClosedException", "The provided account is already closed.")
        member.state = "PENDING_CLOSURE"
        requested = self._cloud.clock.now()
        self._later(CLOSURE_SECONDS, lambda: self._suspend(member, requested), f"CloseAccount {member.id}")
        return {}

    def remove(self, call: Call) -> dict[str, Any]:
        """Takes an account out of the organization."""
        member = self._existing(call)
        if member.id == self._directory.management:
            raise AwsError(
                "MasterCannotLeaveOrganizationException",
                "You can't remove a management account from an organization.",
            )
        self.depart(member, "REMOVED")
        return {}

    def leave(self, call: Call) -> dict[str, Any]:
        """An account takes itself out; the call is recorded in that account."""
        member = self._directory.find(call.account)
        assert member is not None
        if member.id == self._directory.management:
            raise AwsError(
                "MasterCannotLeaveOrganizationException", "A management account can't leave its organization."
            )
        self.depart(member, "LEFT")
        return {}

    def depart(self, member: Member, method: str) -> None:
        """Takes an account out and notifies the management account; `method` LEFT, REMOVED or CLEANED."""
        if any(admin.account is member for admin in self._directory.backend.admins):
            raise errors.constraint_violation(
                "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
                "You can't remove an account that is a delegated administrator.",
            )
        self._directory.leave(member)
        time = status_time(self._cloud.clock.now())
        details = {"accountId": member.id, "departureMethod": method, "departureTime": time}
        self._trail.record_service_event("AccountDepartedOrganization", details)

    def publish_joined(self, member: Member, method: str) -> None:
        """Notifies the management account of a new one; `method` Created or Invited."""
        time = status_time(self._cloud.clock.now())
        details = {"accountId": member.id, "joinedMethod": method, "joinedTime": time}
        self._trail.record_service_event("AccountJoinedOrganization", details)

    def _existing(self, call: Call) -> Member:
        member = self._directory.find(call.parameters["AccountId"])
        if member is None:
            raise errors.account_not_found()
        return member

    def _finish(self, creation: Creation, call: Call) -> None:
        creation.completed = self._cloud.clock.now()
        email = call.parameters["Email"]
        if any(each.email == email for each in self._directory.members()):
            creation.state, creation.failure = "FAILED", "EMAIL_ALREADY_EXISTS"
        else:
            self._admit(creation, call)
        self._tell_result("createAccountStatus", "CreateAccountResult", creation.as_service_event())

    def _admit(self, creation: Creation, call: Call) -> None:
        member = self._directory.join(creation.name, self._cloud.clock.now(), email=call.parameters["Email"])
        member.create_account_status_id = creation.request_id
        member.tags = checked_tags({}, call.parameters.get("Tags") or [])
        give_administrator_role(
            self._directory.management, member.id, call.parameters.get("RoleName") or ADMINISTRATOR_ROLE
        )
        creation.state, creation.account_id = "SUCCEEDED", member.id
        self.publish_joined(member, "Created")

    def _suspend(self, member: Member, requested: datetime) -> None:
        if self._directory.find(member.id) is not member:  # it left meanwhile
            return
        member.state = "SUSPENDED"
        details = {
            "accountId": member.id,
            "state": "SUCCEEDED",
            "requestedTimestamp": status_time(requested),
            "completedTimestamp": status_time(self._cloud.clock.now()),
        }
        self._tell_result("closeAccountStatus", "CloseAccountResult", details)

    def _tell_result(self, key: str, name: str, details: dict[str, Any]) -> None:
        self._trail.record_service_event(name, {key: details})

    def _later(self, seconds: float, action: Callable[[], None], name: str) -> None:
        def locked() -> None:
            with self._cloud.gateway.lock:
                action()

        self._cloud.clock.call_later(seconds, locked, name)
