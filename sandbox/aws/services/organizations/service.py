"""Organizations' operations: who may ask what, and what is recorded of it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from moto.core.exceptions import ServiceException

from sandbox.aws.cloud import Cloud
from sandbox.aws.gateway import Call, Handler
from sandbox.aws.identity import ADMINISTRATOR_ROLE
from sandbox.aws.services.organizations import errors
from sandbox.aws.services.organizations.creation import give_administrator_role
from sandbox.aws.services.organizations.directory import STATES, Directory, Member
from sandbox.aws.services.organizations.lifecycle import Lifecycle
from sandbox.aws.services.organizations.reading import Reading
from sandbox.aws.services.organizations.resource_policy import ResourcePolicy
from sandbox.aws.services.organizations.trail import Trail
from sandbox.aws.services.organizations.writing import Writing

CLOUDTRAIL_SECONDS = 5.0
FOR_EVERY_MEMBER = {"DescribeOrganization", "LeaveOrganization"}
TAGGING = {"TagResource", "UntagResource"}
READING = ("Describe", "List")
CLOSED = {"SUSPENDED", "CLOSED"}


class Publisher(Protocol):
    """EventBridge, as far as Organizations needs it."""

    def publish(self, account: str, region: str, bus_name: str, envelope: dict[str, Any]) -> None:
        """Puts an event on a bus."""


class Organizations:
    """The organization of the sandbox. Without `events` changes are not published.

    Members read nothing and change nothing, except that delegated administrators read everything
    (botocore model: "only from the management account or a member account that is a delegated
    administrator"), and whoever the organization's resource policy lets tag may tag; so may `taggers`, without one.
    moto gives every account that asks an organization of its own.
    """

    def __init__(self, cloud: Cloud, events: Publisher | None = None, latency: float = CLOUDTRAIL_SECONDS) -> None:
        self._cloud = cloud
        self.directory = Directory(cloud.topology.management)
        self.trail = Trail(cloud, events.publish if events else None, latency)
        self.taggers: set[str] = set()
        self._lifecycle = Lifecycle(cloud, self.directory, self.trail)
        reading = Reading(self.directory)
        reads = reading.operations() | {
            "DescribeCreateAccountStatus": self._lifecycle.describe_creation,
            "ListCreateAccountStatus": self._lifecycle.list_creations,
        }
        self._policy = ResourcePolicy(self.directory)
        writes = Writing(cloud, self.directory, reading).operations() | self._lifecycle.operations()
        writes |= self._policy.operations()
        self._ours = {*reads, *writes}
        cloud.gateway.before.append(self._guard_motos)
        cloud.gateway.handle("organizations", **self._guarded(reads, self._read))
        cloud.gateway.handle("organizations", **self._guarded(writes, self._write))

    def create_organization(self) -> None:
        """Creates the organization, with the hub account as its one member."""
        now = self._cloud.clock.now()
        self.directory.create_organization(now)
        self.directory.join("quick-hub", now, account_id=self._cloud.topology.hub)

    @property
    def root_id(self) -> str:
        """The id of the one root."""
        root_id: str = self.directory.backend.org.root_id
        return root_id

    @property
    def organization_id(self) -> str:
        """The id of the organization."""
        organization_id: str = self.directory.backend.org.id
        return organization_id

    @property
    def management_account(self) -> str:
        """The account that owns the organization."""
        return self.directory.management

    @property
    def accounts(self) -> list[Member]:
        """Every account there is now, the management account first."""
        return list(self.directory.backend.accounts)

    def accounts_below(self, parent: str) -> list[str] | None:
        """The ids of all accounts under a root or OU, at any depth and in any state; None for an unknown parent."""
        if self.directory.unit(parent) is None:
            return None
        return [member.id for member in self.directory.members_below(parent)]

    def state_of(self, account: str) -> str | None:
        """An account's State; None outside the organization."""
        member = self.directory.find(account)
        return member.state if member else None

    def delegated_administrators(self, service_principal: str) -> list[str]:
        """The accounts that administrate the service for the organization."""
        admins = self.directory.backend.admins
        return [admin.account.id for admin in admins if service_principal in admin.services]

    def trust(self, service_principal: str) -> None:
        """Give a service trusted access to the organization."""
        self.directory.trust(service_principal, self._cloud.clock.now())

    def create_member(self, name: str, tags: Mapping[str, str] | None = None, parent: str | None = None) -> str:
        """An account that has been there before anybody looked: no event says so. Answers its id."""
        with self._cloud.gateway.lock:
            member = self.directory.join(name, self._cloud.clock.now())
            member.tags = dict(tags or {})
            member.parent_id = parent or self.root_id
            give_administrator_role(self.management_account, member.id, ADMINISTRATOR_ROLE)
            return member.id

    def create_unit(self, name: str, parent: str | None = None) -> str:
        """An OU, under the root or another OU, without an event. Answers its id."""
        with self._cloud.gateway.lock:
            unit_id: str = self.directory.add_unit(name, parent or self.root_id, {}).id
            return unit_id

    def accept_invitation(self, name: str, tags: Mapping[str, str] | None = None) -> str:
        """An invited account accepts: AccountJoinedOrganization is the only event about it."""
        with self._cloud.gateway.lock:
            member = self.directory.join(name, self._cloud.clock.now())
            member.tags, member.joined_method = dict(tags or {}), "INVITED"
            self._lifecycle.publish_joined(member, "Invited")
            return member.id

    def suspend(self, account_id: str) -> None:
        """An account suspended long ago: no event says so."""
        self.put_in_state(account_id, "SUSPENDED")

    def put_in_state(self, account_id: str, state: str) -> None:
        """An account that has been in one of AWS's states for long: no event says so."""
        member = self.directory.find(account_id)
        if member is None or state not in STATES:
            raise ValueError(f"{account_id} must be an account of this organization, {state} one of {STATES}")
        member.state = state

    def remove_closed_account(self, account_id: str) -> None:
        """What AWS does 90 days after an account was closed: it is gone for good."""
        member = self.directory.find(account_id)
        if member is None or member.state not in CLOSED:
            raise ValueError(f"{account_id} is no closed account of this organization")
        with self._cloud.gateway.lock:
            self._lifecycle.depart(member, "CLEANED")

    def _guarded(
        self, operations: Mapping[str, Handler], answer: Callable[[Handler, Call], dict[str, Any]]
    ) -> dict[str, Handler]:
        return {name: partial(answer, handler) for name, handler in operations.items()}

    def _guard_motos(self, call: Call) -> None:
        """Operations moto answers are not for everybody either."""
        if call.service == "organizations" and call.operation not in self._ours:
            reading = call.operation.startswith(READING)
            self._admit(call, allowed=reading and self._is_delegated(call.account))

    def _read(self, handler: Handler, call: Call) -> dict[str, Any]:
        self._admit(call, allowed=self._is_delegated(call.account))
        return handler(call)

    def _write(self, handler: Handler, call: Call) -> dict[str, Any]:
        tagging = call.operation in TAGGING and (call.account in self.taggers or self._policy.allows_tagging(call))
        try:
            self._admit(call, allowed=tagging)
            response = handler(call)
        except ServiceException as error:
            self.trail.record_call(call, {}, error)
            raise
        self.trail.record_call(call, response)
        return response

    def _admit(self, call: Call, *, allowed: bool) -> None:
        if call.account == self.directory.management:
            return
        if self.directory.find(call.account) is None:
            raise errors.not_in_use()
        if not allowed and call.operation not in FOR_EVERY_MEMBER:
            raise errors.access_denied()

    def _is_delegated(self, account: str) -> bool:
        return any(admin.account.id == account for admin in self.directory.backend.admins)
