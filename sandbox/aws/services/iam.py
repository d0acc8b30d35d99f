"""IAM: its limits, its delays, and trust that does not outlive a role.

moto keeps roles and policies and enforces little. Its differences from AWS live here and in `iam_checks` (what is
refused) and `iam_history` (when a write takes effect).
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends

from sandbox.aws.services.iam_checks import QUOTAS, check, find_role, principals, trusted_roles
from sandbox.aws.services.iam_documents import RoleDocuments, read_document
from sandbox.aws.services.iam_history import History, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.gateway import Call
    from sandbox.aws.policy import Document

PROPAGATION_SECONDS = 8.0  # seconds as a rule, minutes at worst (pulumi-aws 2411, terraform-provider-aws 6566)
READS = ("Get", "List", "Simulate", "Generate")


class Iam:
    """IAM of every account. Writes take effect elsewhere `propagation_seconds` of virtual time later."""

    def __init__(self, cloud: Cloud, propagation_seconds: float = PROPAGATION_SECONDS) -> None:
        self._history = History(cloud.clock.now, timedelta(seconds=propagation_seconds))
        self._gone: dict[str, str] = {}  # of the role being deleted: its ARN and its unique id
        cloud.gateway.before += [check, self._before]
        cloud.gateway.after.append(self._after)
        cloud.gateway.handle("iam", AttachRolePolicy=_attach, GetAccountSummary=_summary)

    @property
    def propagation_seconds(self) -> float:
        """How long a write takes to be known outside IAM; may be changed at any time."""
        return self._history.delay.total_seconds()

    @propagation_seconds.setter
    def propagation_seconds(self, seconds: float) -> None:
        self._history.delay = timedelta(seconds=seconds)

    def documents_of(self, role_arn: str) -> RoleDocuments | None:
        """A role's policies as the rest of AWS knows them now; None when it knows no such role."""
        found = self._history.visible((role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]))
        return found if found and found.principal.arn == role_arn else None

    def settle(self) -> None:
        """As if everything written so far had been written long ago."""
        self._history.settle()

    def _before(self, call: Call) -> None:
        for role in _touched(call):
            self._history.begin(role)
        if (call.service, call.operation) == ("iam", "DeleteRole"):
            found = find_role(call.account, call.parameters["RoleName"])
            self._gone = {found.arn: found.id} if found else {}

    def _after(self, call: Call, outcome: str) -> None:
        if outcome != "OK":
            return
        if (call.service, call.operation) == ("iam", "DeleteRole"):
            self._orphan_trusts()
        for role in _touched(call):
            self._history.record(role)

    def _orphan_trusts(self) -> None:
        """Trust policies that named the deleted role now show its unique id, and trust nobody.

        Source: IAM User Guide, reference_policies_elements_principal ("IAM transforms the role ARN to the unique
        principal ID", which shows once the role is gone). While the role lives the two mean the same.
        """
        for account, backends in list(iam_backends.items()):
            for role in list(backends["aws"].roles.values()):
                trust = read_document(role.assume_role_policy_document)
                if any(arn in self._gone for arn in trusted_roles(trust)):
                    self._history.begin((account, role.name))
                    role.assume_role_policy_document = json.dumps(_renamed(trust, self._gone))
                    self._history.record((account, role.name))


def _touched(call: Call) -> Iterator[Role]:
    """The roles whose documents a call may change."""
    if call.service != "iam" or call.operation.startswith(READS):
        return
    if "RoleName" in call.parameters:
        yield call.account, call.parameters["RoleName"]
    elif "PolicyArn" in call.parameters:
        arn = call.parameters["PolicyArn"]
        for role in iam_backends[call.account]["aws"].roles.values():
            if arn in (*role.managed_policies, role.permissions_boundary_arn):
                yield call.account, role.name


def _renamed(trust: Document, names: Mapping[str, str]) -> dict[str, Any]:
    listed = trust["Statement"] if isinstance(trust["Statement"], list) else [trust["Statement"]]
    return {**trust, "Statement": [_renamed_principal(each, names) for each in listed]}


def _renamed_principal(statement: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    if not principals(statement):
        return dict(statement)
    named = [names.get(name, name) for name in principals(statement)]
    return {**statement, "Principal": {**statement["Principal"], "AWS": named}}


def _attach(call: Call) -> dict[str, Any]:
    """Attaching again changes nothing; moto counts one attachment more."""
    iam, role = iam_backends[call.account]["aws"], find_role(call.account, call.parameters["RoleName"])
    if role is None or call.parameters["PolicyArn"] not in role.managed_policies:
        iam.attach_role_policy(call.parameters["PolicyArn"], call.parameters["RoleName"])
    return {}


def _summary(call: Call) -> dict[str, Any]:
    """The quotas of today: moto still says 10 attached policies."""
    return {"SummaryMap": {**iam_backends[call.account]["aws"].get_account_summary().summary_map, **QUOTAS}}
