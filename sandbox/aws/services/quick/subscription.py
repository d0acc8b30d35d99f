"""Whether the hub has Quick, in which edition, with identities in which Region; who asks for more is refused.

Sources: the botocore model's errors of each operation; hashicorp/terraform-provider-aws pull request 32323 (what
accounts without Quick answer); aws-samples and cloud-intelligence-dashboards-framework (the identity Region's words;
a Standard account answers ListDashboards with UnsupportedUserEditionException). Which of an operation's listed errors
an account without Quick gets is known for some only; the choice for the others is an assumption.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from moto.quicksight.models import quicksight_backends

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.quick.asset import answered

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud
    from sandbox.aws.gateway import Call, Handler

STANDARD, ENTERPRISE = "STANDARD", "ENTERPRISE"
OF_IDENTITIES = frozenset(
    {
        "CreateGroup",
        "CreateGroupMembership",
        "DeleteGroup",
        "DeleteGroupMembership",
        "DeleteUser",
        "DescribeAccountSettings",
        "DescribeAccountSubscription",
        "DescribeGroup",
        "DescribeGroupMembership",
        "DescribeUser",
        "ListGroupMemberships",
        "ListGroups",
        "ListUserGroups",
        "ListUsers",
        "RegisterUser",
        "SearchGroups",
        "UpdateAccountSettings",
        "UpdateGroup",
        "UpdateUser",
    }
)
ENTERPRISE_WORDS = ("Analys", "Dashboard", "Folder", "Group", "Permissions")  # in the names of operations
ENTERPRISE_MEMBERS = ("FolderArns", "Permissions")  # in requests
WORDS = {
    "UnsupportedUserEditionException": "Account {} is not subscribed for QuickSight",
    "ResourceNotFoundException": "Directory information for account {} is not found.",
    "AccessDeniedException": "Account {} is not authorized to use QuickSight",
}


class Subscription:
    """`edition`: ENTERPRISE, ENTERPRISE_AND_Q, STANDARD, or None for an account without Quick."""

    def __init__(self, cloud: Cloud) -> None:
        self._hub = cloud.topology.hub
        self.edition: str | None = ENTERPRISE
        self._identity_region = cloud.topology.region
        cloud.gateway.before.append(self.check)

    @property
    def identity_region(self) -> str:
        """Where users and groups live; set anew, they move along."""
        return self._identity_region

    @identity_region.setter
    def identity_region(self, region: str) -> None:
        old, new = (quicksight_backends[self._hub][name] for name in (self._identity_region, region))
        for identities in (old.groups, old.users):
            for each in identities.values():
                each.arn = each.arn.replace(f":{self._identity_region}:", f":{region}:")
        groups, users = dict(old.groups), dict(old.users)
        old.groups.clear()
        old.users.clear()
        new.groups.update(groups)
        new.users.update(users)
        self._identity_region = region

    def operations(self) -> dict[str, Handler]:
        """What is answered here."""
        return {"DescribeAccountSubscription": self._subscription, "DescribeAccountSettings": self._settings}

    def check(self, call: Call) -> None:
        """Refuses what this account, edition or Region does not have."""
        if call.service != "quicksight":
            return
        if call.parameters.get("AwsAccountId", call.account) != call.account:
            raise AwsError("AccessDeniedException", f"{call.account} is not account {call.parameters['AwsAccountId']}")
        if call.account != self._hub or self.edition is None:
            code = _first_listed(call.operation, *WORDS)
            raise AwsError(code, WORDS[code].format(call.account))
        self._check_region(call)
        if self.edition == STANDARD and _is_for_enterprise(call):
            code = _first_listed(call.operation, "UnsupportedUserEditionException", "AccessDeniedException")
            raise AwsError(code, f"{call.operation} is not supported for the edition of account {call.account}")

    def _check_region(self, call: Call) -> None:
        here, home = call.region, self._identity_region
        if call.operation in OF_IDENTITIES and here != home:
            message = f"Operation is being called from endpoint {here}, but your identity region is {home}."
            raise AwsError("AccessDeniedException", f"{message} Please use the {home} endpoint.")

    def _subscription(self, _call: Call) -> dict[str, Any]:
        account = {
            "AccountName": "sandbox",
            "Edition": self.edition,
            "NotificationEmail": "quick@example.com",
            "AuthenticationType": "IAM_AND_QUICKSIGHT",
            "AccountSubscriptionStatus": "ACCOUNT_CREATED",
        }
        return answered({"AccountInfo": account})

    def _settings(self, _call: Call) -> dict[str, Any]:
        settings = {
            "AccountName": "sandbox",
            "Edition": self.edition,
            "DefaultNamespace": "default",
            "NotificationEmail": "quick@example.com",
            "PublicSharingEnabled": False,
            "TerminationProtectionEnabled": True,
        }
        return answered({"AccountSettings": settings})


def _is_for_enterprise(call: Call) -> bool:
    """By the User Guide's "Applies to: Enterprise Edition": roles, groups, folders, permissions, embedded assets."""
    parameters = call.parameters.get("DataSourceParameters") or {}
    return (
        any(word in call.operation for word in ENTERPRISE_WORDS)
        or any(member in call.parameters for member in ENTERPRISE_MEMBERS)
        or "RoleArn" in (parameters.get("AthenaParameters") or {})
    )


def _first_listed(operation: str, *codes: str) -> str:
    listed = _errors(operation)
    return next((code for code in codes if code in listed), codes[-1])


@cache
def _errors(operation: str) -> frozenset[str]:
    model = botocore.session.get_session().get_service_model("quicksight").operation_model(operation)
    return frozenset(shape.name for shape in model.error_shapes)
