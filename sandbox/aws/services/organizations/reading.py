"""What Organizations reports: to the management account, and to delegated administrators."""

import base64
import binascii
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.services.organizations import errors
from sandbox.aws.services.organizations.directory import Directory, Member, unit_path

T = TypeVar("T")
PAGE = 20  # ListAccounts' largest and default page; moto's is 100 (Organizations User Guide, orgs_reference_limits)


class Reading:
    """The operations that change nothing."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def operations(self) -> dict[str, Callable[[Call], dict[str, Any]]]:
        """By name."""
        return {
            "DescribeOrganization": self.describe_organization,
            "DescribeAccount": self.describe_account,
            "DescribeOrganizationalUnit": self.describe_unit,
            "ListAccounts": self.list_accounts,
            "ListAccountsForParent": self.list_accounts_for_parent,
            "ListOrganizationalUnitsForParent": self.list_units_for_parent,
            "ListChildren": self.list_children,
            "ListParents": self.list_parents,
            "ListRoots": self.list_roots,
            "ListTagsForResource": self.list_tags,
            "ListDelegatedAdministrators": self.list_delegated_administrators,
        }

    def describe_organization(self, _call: Call) -> dict[str, Any]:
        """The organization of whoever asks."""
        described: dict[str, Any] = self._directory.backend.org.describe()
        return described

    def describe_account(self, call: Call) -> dict[str, Any]:
        """One account."""
        member = self._directory.find(call.parameters["AccountId"])
        if member is None:
            raise errors.account_not_found()
        return {"Account": self.shown_member(member)}

    def describe_unit(self, call: Call) -> dict[str, Any]:
        """One OU."""
        unit = self._directory.unit(call.parameters["OrganizationalUnitId"])
        if unit is None or unit.type != "ORGANIZATIONAL_UNIT":
            raise AwsError(
                "OrganizationalUnitNotFoundException",
                "You specified an organizational unit that doesn't exist.",
            )
        return {"OrganizationalUnit": self.shown_unit(unit)}

    def list_accounts(self, call: Call) -> dict[str, Any]:
        """Every account."""
        return page(call, "Accounts", _numbered(self._directory.members()), self.shown_member)

    def list_accounts_for_parent(self, call: Call) -> dict[str, Any]:
        """The accounts directly under a root or OU."""
        parent = self._parent(call)
        return page(call, "Accounts", _numbered(self._directory.members(parent.id)), self.shown_member)

    def list_units_for_parent(self, call: Call) -> dict[str, Any]:
        """The OUs directly under a root or OU."""
        return page(call, "OrganizationalUnits", enumerate(self._units(self._parent(call))), self.shown_unit)

    def list_children(self, call: Call) -> dict[str, Any]:
        """The ids directly under a root or OU."""
        parent, kind = self._parent(call), call.parameters["ChildType"]
        children: Iterable[tuple[int, Any]] = (
            _numbered(self._directory.members(parent.id)) if kind == "ACCOUNT" else enumerate(self._units(parent))
        )
        return page(call, "Children", children, lambda child: {"Id": child.id, "Type": kind})

    def list_parents(self, call: Call) -> dict[str, Any]:
        """The one parent of an account or OU."""
        child_id = call.parameters["ChildId"]
        child = self._directory.find(child_id) or self._directory.unit(child_id)
        parent = child and child.parent_id and self._directory.unit(child.parent_id)
        if not parent:
            raise AwsError("ChildNotFoundException", "You specified a child that doesn't exist.")
        return {"Parents": [{"Id": parent.id, "Type": parent.type}]}

    def list_roots(self, _call: Call) -> dict[str, Any]:
        """The one root."""
        return {"Roots": [unit.describe() for unit in self._directory.backend.ou if unit.type == "ROOT"]}

    def list_tags(self, call: Call) -> dict[str, Any]:
        """The tags of an account, root, OU or policy."""
        resource = self._directory.resource(call.parameters["ResourceId"])
        if resource is None:
            raise errors.target_not_found()
        return {"Tags": [{"Key": key, "Value": value} for key, value in resource.tags.items()]}

    def list_delegated_administrators(self, call: Call) -> dict[str, Any]:
        """The accounts that administrate a service (any service, if none is named)."""
        service = call.parameters.get("ServicePrincipal")
        admins = [each for each in self._directory.backend.admins if service in {None, *each.services}]
        return page(call, "DelegatedAdministrators", enumerate(admins), _shown_admin)

    def shown_member(self, member: Member) -> dict[str, Any]:
        """An account; every member of the shape is optional (botocore model, Account), its paths too."""
        described: dict[str, Any] = member.describe()
        return described if self._directory.shows_paths else {k: v for k, v in described.items() if k != "Paths"}

    def shown_unit(self, unit: Any) -> dict[str, Any]:
        """An OU; moto leaves out its Path (botocore model, OrganizationalUnit)."""
        path = unit_path(self._directory.backend, unit.id)
        return {"Id": unit.id, "Arn": unit.arn, "Name": unit.name, "Path": path}

    def _parent(self, call: Call) -> Any:
        parent = self._directory.unit(call.parameters["ParentId"])
        if parent is None:
            raise errors.parent_not_found()
        return parent

    def _units(self, parent: Any) -> list[Any]:
        return [unit for unit in self._directory.backend.ou if unit.parent_id == parent.id]


def page(
    call: Call, key: str, numbered: Iterable[tuple[int, T]], shown: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    """One page of what comes after the NextToken; numbers only grow, so that nothing is skipped or repeated."""
    last = _position(call.parameters.get("NextToken"))
    size = call.parameters.get("MaxResults") or PAGE
    if size > PAGE:
        raise errors.invalid_input("MAX_VALUE_EXCEEDED", f"MaxResults is {PAGE} at most.")
    found = list(islice((each for each in numbered if each[0] > last), size + 1))
    answer: dict[str, Any] = {key: [shown(item) for _, item in found[:size]]}
    if len(found) > size:
        answer["NextToken"] = base64.b64encode(f"after {found[size - 1][0]}".encode()).decode()
    return answer


def _position(token: str | None) -> int:
    if token is None:
        return -1
    try:
        return int(base64.b64decode(token, validate=True).decode().removeprefix("after "))
    except (binascii.Error, ValueError) as error:
        raise errors.invalid_input("INVALID_NEXT_TOKEN", "You specified an invalid value.") from error


def _numbered(members: Iterable[Member]) -> Iterable[tuple[int, Member]]:
    return ((member.number, member) for member in members)


def _shown_admin(admin: Any) -> dict[str, Any]:
    described: dict[str, Any] = admin.account.describe()
    del described["Paths"]  # botocore's DelegatedAdministrator has no such member
    return described | {"DelegationEnabledDate": admin.enabled_date.timestamp()}
