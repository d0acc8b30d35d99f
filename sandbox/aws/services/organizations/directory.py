"""Who is in the organization and where: moto's data, with ids that repeat and without its quadratic costs."""

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from moto.organizations.models import FakeAccount, FakeOrganizationalUnit, organizations_backends

from sandbox.aws.services.organizations import errors

ORGANIZATION_ID = "o-exampleorg"
ROOT_ID = "r-ab12"
STATES = ("PENDING_ACTIVATION", "ACTIVE", "SUSPENDED", "PENDING_CLOSURE", "CLOSED")
_STATUS = {"ACTIVE": "ACTIVE", "PENDING_CLOSURE": "PENDING_CLOSURE", "SUSPENDED": "SUSPENDED"}
_ID = re.compile(r"r-[0-9a-z]{4,32}|\d{12}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}|(p|rp|rt)-[0-9a-zA-Z_]{4,128}")


def organization_of(account: str) -> str | None:
    """The id of the organization an account is in (`aws:PrincipalOrgID`)."""
    management, partition = organizations_backends.master_accounts.get(account, (account, "aws"))
    organization = organizations_backends[management][partition].org
    return organization.id if organization else None


def organization_path(account: str) -> str | None:
    """The OUs down to an account's own, as in `aws:PrincipalOrgPaths`: `o-…/r-…/ou-…/`."""
    management, partition = organizations_backends.master_accounts.get(account, (account, "aws"))
    backend = organizations_backends[management][partition]
    member = next((each for each in backend.accounts if each.id == account), None)
    return member and unit_path(backend, member.parent_id)


def unit_path(backend: Any, unit_id: str) -> str:
    """From the organization down to a root or OU: `o-…/r-…/ou-…/`."""
    parents = {unit.id: unit.parent_id for unit in backend.ou}
    steps = [unit_id]
    while parents[steps[-1]]:
        steps.append(parents[steps[-1]])
    return "/".join([backend.org.id, *reversed(steps), ""])


class Member(FakeAccount):  # type: ignore[misc]  # moto ships no types
    """An account of the organization.

    Differs from moto's: ids repeat from run to run; no IAM role is made for it here; `State` may be
    PENDING_CLOSURE, and `Paths` is reported (botocore model, Account; awscli's example of describe-account).
    """

    def __init__(self, backend: Any, number: int, account_id: str, name: str, email: str, joined: datetime) -> None:
        # moto's own __init__ is skipped: it would draw random ids and create a role in a random account
        self._backend = backend
        self.number = number
        self.type = "ACCOUNT"
        self.region = backend.org.region
        self.organization_id = backend.org.id
        self.master_account_id = backend.org.master_account_id
        self.id, self.name, self.email = account_id, name, email
        self.create_account_status_id = ""
        self.create_time = joined
        self.state = "ACTIVE"
        self.joined_method = "CREATED"
        self.parent_id = backend.org.root_id
        self.attached_policies: list[Any] = []
        self.tags: dict[str, str] = {}

    @property
    def status(self) -> str | None:
        """The older member `Status`; it has no word for the newer states."""
        return _STATUS.get(self.state)

    def describe(self) -> dict[str, Any]:
        """The account as DescribeAccount shows it."""
        shown = {
            "Id": self.id,
            "Arn": self.arn,
            "Email": self.email,
            "Name": self.name,
            "Status": self.status,
            "State": self.state,
            "Paths": [f"{unit_path(self._backend, self.parent_id)}{self.id}/"],
            "JoinedMethod": self.joined_method,
            "JoinedTimestamp": self.create_time.timestamp(),
        }
        return {key: value for key, value in shown.items() if value is not None}


class Directory:
    """The organization of one management account. `shows_paths`: whether accounts are shown with their `Paths`."""

    def __init__(self, management: str, seed: str = "quick") -> None:
        self.management = management
        self.shows_paths = True
        self._seed = seed
        self._members: dict[str, Member] = {}
        self._numbers = itertools.count()

    @property
    def backend(self) -> Any:
        """Moto's own data, which whatever we don't serve works on."""
        return organizations_backends[self.management]["aws"]

    def create_organization(self, now: datetime) -> None:
        """Creates the organization with all features, its root and its management account."""
        organizations_backends.master_accounts.clear()  # moto's reset forgets to
        self.backend.create_organization("us-east-1", FeatureSet="ALL")
        self.backend.org.id = ORGANIZATION_ID
        root = self.backend.ou[0]
        root.id = self.backend.org.root_id = ROOT_ID
        for each in (root, *self.backend.policies):
            each.organization_id = ORGANIZATION_ID
        self.backend.accounts.clear()
        self.join("management", now, account_id=self.management, email=self.backend.org.master_account_email)
        organizations_backends.master_accounts.clear()  # which, in moto, does not list the management account

    def join(self, name: str, now: datetime, *, account_id: str | None = None, email: str | None = None) -> Member:
        """Adds an account under the root."""
        number = next(self._numbers)
        chosen = account_id or self._free_id()
        member = Member(self.backend, number, chosen, name, email or f"{chosen}@example.com", now)
        self._members[member.id] = member
        self.backend.accounts.append(member)
        organizations_backends.master_accounts[member.id] = (self.management, "aws")
        return member

    def leave(self, member: Member) -> None:
        """Takes an account out; its tags are gone with it."""
        del self._members[member.id]
        self.backend.accounts.remove(member)
        organizations_backends.master_accounts.pop(member.id, None)

    def find(self, account_id: str) -> Member | None:
        """The account, if it is in the organization."""
        return self._members.get(account_id)

    def members(self, parent_id: str | None = None) -> Iterator[Member]:
        """The accounts (directly under a parent), in the order they joined."""
        return (each for each in self._members.values() if parent_id in {None, each.parent_id})

    def members_below(self, parent_id: str) -> list[Member]:
        """The accounts under a root or OU, at any depth."""
        inside = {parent_id}
        while more := {unit.id for unit in self.backend.ou if unit.parent_id in inside} - inside:
            inside |= more
        return [each for each in self._members.values() if each.parent_id in inside]

    def add_unit(self, name: str, parent_id: str, tags: Mapping[str, str]) -> FakeOrganizationalUnit:
        """Adds an OU; moto would give it another id in every run."""
        unit = FakeOrganizationalUnit(self.backend.org, Name=name, ParentId=parent_id)
        unit.id = f"ou-{ROOT_ID[2:]}-{self._digest(f'unit {next(self._numbers)}')[:8]}"
        unit.tags = dict(tags)
        self.backend.ou.append(unit)
        return unit

    def unit(self, unit_id: str) -> Any | None:
        """A root or an OU."""
        return next((each for each in self.backend.ou if each.id == unit_id), None)

    def depth(self, unit_id: str) -> int:
        """How many OUs lie between the root and what is below this one: 0 for the root itself."""
        return len(unit_path(self.backend, unit_id).split("/")) - 3  # the organization, the root, the empty end

    def trust(self, service_principal: str, now: datetime) -> None:
        """Give a service trusted access, once."""
        trusted = self.backend.services
        if all(each["ServicePrincipal"] != service_principal for each in trusted):
            trusted.append({"ServicePrincipal": service_principal, "DateEnabled": now.timestamp()})

    def resource(self, resource_id: str) -> Any | None:
        """Whatever can have tags: an account, a root, an OU or a policy. Raises AwsError for what is no id."""
        if not _ID.fullmatch(resource_id):
            raise errors.invalid_pattern()
        policy = next((each for each in self.backend.policies if each.id == resource_id), None)
        return self.find(resource_id) or self.unit(resource_id) or policy

    def new_id(self, prefix: str) -> str:
        """An id like `car-…`, the same in every run."""
        return f"{prefix}-{self._digest(f'{prefix} {next(self._numbers)}')[:32]}"

    def _free_id(self) -> str:
        """Twelve digits, a leading zero now and then, as AWS gives them."""
        while (drawn := f"{int(self._digest(f'account {next(self._numbers)}'), 16) % 10**12:012}") in self._members:
            pass
        return drawn

    def _digest(self, text: str) -> str:
        return hashlib.sha256(f"{self._seed} {text}".encode()).hexdigest()
