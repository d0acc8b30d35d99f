"""IAM's limits, and its delay: what was written just now is not yet what decides.

moto enforces no size or count limits, keeps a trust policy's role ARN as it is written, and every change of it
holds at once. Sources: IAM User Guide, reference_iam-quotas (sizes without white space),
reference_policies_elements_principal (a role becomes its unique id), troubleshoot ("changes are not
immediately visible").
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.gateway import AwsError, Call
from sandbox.policy import Document, MalformedPolicyDocument, validate
from sandbox.services.iam_documents import NoSuchRole, RoleDocuments, read_document, role_documents

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

MANAGED_POLICY, INLINE_POLICIES, TRUST_POLICY = 6144, 10_240, 2048  # characters without white space
QUOTAS = {
    "AttachedPoliciesPerRoleQuota": 20,
    "AssumeRolePolicySizeQuota": TRUST_POLICY,
    "PoliciesQuota": 1500,
    "PolicySizeQuota": MANAGED_POLICY,
    "RolePolicySizeQuota": INLINE_POLICIES,
    "RolesQuota": 1000,
    "VersionsPerPolicyQuota": 5,
}
READS = ("Get", "List", "Simulate", "Generate")
PROPAGATION_SECONDS = (
    8.0  # a few seconds as a rule, minutes at worst (aws-facts: pulumi-aws 2411, stratus-red-team 358)
)


@dataclass(frozen=True)
class Change:
    """A role as it was written at a time; None: deleted."""

    at: datetime
    documents: RoleDocuments | None


class Iam:
    """Limits at the door, and for each role the documents that are in force by now."""

    def __init__(self, cloud: Cloud, propagation_seconds: float = PROPAGATION_SECONDS) -> None:
        self._cloud = cloud
        self.propagation_seconds = propagation_seconds
        self._changes: dict[str, list[Change]] = defaultdict(list)
        self._trusts: dict[str, Document] = {}  # with principals as unique ids
        cloud.gateway.before.append(self._check)
        cloud.gateway.after.append(self._watch)
        cloud.gateway.handle("iam", GetAccountSummary=lambda _call: {"SummaryMap": QUOTAS})

    def documents_of(self, role_arn: str) -> RoleDocuments | None:
        """A role's policies as they decide now; None for a role that does not exist, or not yet."""
        now = self._cloud.clock.now() - timedelta(seconds=self.propagation_seconds)
        changes = self._changes.get(role_arn)
        if changes is None:
            return self._read(role_arn)
        settled = [change for change in changes if change.at <= now]
        return settled[-1].documents if settled else None

    def settle(self) -> None:
        """As if everything written so far had been written long ago."""
        self._changes.clear()

    def _check(self, call: Call) -> None:
        if call.service == "iam":
            for parameter, kind, limit in (
                ("PolicyDocument", "identity", MANAGED_POLICY),
                ("AssumeRolePolicyDocument", "trust", TRUST_POLICY),
            ):
                if parameter in call.parameters:
                    trust = kind == "trust" or call.operation == "UpdateAssumeRolePolicy"
                    self._check_document(
                        call, call.parameters[parameter], TRUST_POLICY if trust else limit, trust=trust
                    )
            if call.operation == "AttachRolePolicy":
                self._check_count(call)

    def _check_document(self, call: Call, text: str, limit: int, *, trust: bool) -> None:
        try:
            validate(json.loads(text), kind="trust" if trust else "identity")
        except ValueError as error:
            raise AwsError("MalformedPolicyDocument", "This policy contains invalid Json") from error
        except MalformedPolicyDocument as error:
            raise AwsError("MalformedPolicyDocument", str(error)) from error
        if call.operation == "PutRolePolicy":
            self._check_inline(call, text)
        elif size(text) > limit:
            what = "Cannot exceed quota for ACLSizePerRole" if trust else "Cannot exceed quota for PolicySize"
            raise AwsError("LimitExceeded", f"{what}: {limit}")

    def _check_inline(self, call: Call, text: str) -> None:
        name, policy = call.parameters["RoleName"], call.parameters["PolicyName"]
        role = self._role(call.account, name)
        others = {key: kept for key, kept in (role.policies if role else {}).items() if key != policy}
        total = size(text) + sum(size(json.dumps(read_document(kept))) for kept in others.values())
        if total > INLINE_POLICIES:
            raise AwsError("LimitExceeded", f"Maximum policy size of {INLINE_POLICIES} bytes exceeded for role {name}")

    def _check_count(self, call: Call) -> None:
        role, quota = self._role(call.account, call.parameters["RoleName"]), QUOTAS["AttachedPoliciesPerRoleQuota"]
        attached = role.managed_policies if role else {}
        if call.parameters["PolicyArn"] not in attached and len(attached) >= quota:
            raise AwsError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {quota}")

    def _watch(self, call: Call, outcome: str) -> None:
        if call.service != "iam" or outcome != "OK" or call.operation.startswith(READS):
            return
        if call.operation in ("CreateRole", "UpdateAssumeRolePolicy"):
            self._keep_trust(call)
        for name in self._touched(call):
            arn = _arn_of(call.account, name)
            self._changes[arn].append(Change(self._cloud.clock.now(), self._read(arn)))

    def _touched(self, call: Call) -> list[str]:
        if "RoleName" in call.parameters:
            return [call.parameters["RoleName"]]
        policy = call.parameters.get("PolicyArn")
        roles = iam_roles(call.account)
        return [
            r.name for r in roles if policy and (policy in r.managed_policies or r.permissions_boundary_arn == policy)
        ]

    def _keep_trust(self, call: Call) -> None:
        text = call.parameters.get("AssumeRolePolicyDocument") or call.parameters["PolicyDocument"]
        self._trusts[_arn_of(call.account, call.parameters["RoleName"])] = _with_unique_ids(json.loads(text))

    def _read(self, role_arn: str) -> RoleDocuments | None:
        try:
            found = role_documents(role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1])
        except NoSuchRole:
            return None
        return replace(found, trust=self._trusts.get(role_arn, found.trust))

    def _role(self, account: str, name: str) -> Any:
        return next((role for role in iam_roles(account) if role.name == name), None)


def iam_roles(account: str) -> list[Any]:
    """Moto's roles of an account."""
    from moto.iam.models import iam_backends

    return list(iam_backends[account]["aws"].roles.values())


def size(text: str) -> int:
    """A document's size as IAM counts it."""
    return len("".join(text.split()))


def _arn_of(account: str, role_name: str) -> str:
    role = next((each for each in iam_roles(account) if each.name == role_name), None)
    return str(role.arn) if role else f"arn:aws:iam::{account}:role/{role_name}"


def _with_unique_ids(trust: Any) -> Document:
    """The policy as IAM keeps it: roles named as principals have become their unique ids."""
    for statement in trust["Statement"] if isinstance(trust["Statement"], list) else [trust["Statement"]]:
        principal = statement.get("Principal")
        if isinstance(principal, dict) and "AWS" in principal:
            listed = principal["AWS"] if isinstance(principal["AWS"], list) else [principal["AWS"]]
            principal["AWS"] = [_unique_id(each) for each in listed]
    kept: Document = trust
    return kept


def _unique_id(principal: str) -> str:
    if ":role/" not in principal:
        return principal
    account, name = principal.split(":")[4], principal.rsplit("/", 1)[-1]
    role = next((each for each in iam_roles(account) if each.name == name), None)
    if role is None:
        raise AwsError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{principal}"')
    return str(role.id)
