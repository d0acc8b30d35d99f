"""The access policy's shards: customer managed policies attached to the run-as roles."""

import itertools
import json
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from control_plane.access_policy import SHARD_NAME, Quota, Shard, document
from control_plane.account import Hub
from control_plane.aws.calls import named_errors, tolerating, unless_missing
from control_plane.errors import NotOurs
from control_plane.ports.access import NO_VERSION

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import AttachedPolicyTypeDef, PolicyTypeDef

PATH = "/quick-athena/"
MISSING = "NoSuchEntity"
SHARD = re.compile(SHARD_NAME.format(number=r"(\d+)") + "$")


class AwsAccessPolicies:
    """Port `AccessPolicies` over IAM."""

    def __init__(self, client: "IAMClient", hub: Hub, external_ids: str) -> None:
        self._client, self._hub, self._external_ids = client, hub, external_ids
        self._versions: dict[str, str] = {}
        self._others = 0
        self._most_versions = 0  # of a policy, as of the last call of `quota`

    def quota(self) -> Quota:
        """IAM's quotas for this account, less the policies of others on a role as of the last call of `shards`.

        If others attached policies to several run-as roles, the role with most of them counts for all.
        """
        with named_errors():
            summary: Any = self._client.get_account_summary()["SummaryMap"]
        self._most_versions = summary["VersionsPerPolicyQuota"]
        return Quota(
            policy_size=summary["PolicySizeQuota"],
            policies_per_role=summary["AttachedPoliciesPerRoleQuota"] - self._others,
            versions_per_policy=self._most_versions,
        )

    def shards(self) -> list[Shard]:
        """The shards in force: the policies under our path that are attached to the run-as roles."""
        self._versions, self._others = {}, 0
        with named_errors():
            found = [
                self._read(name, run_as_role)
                for run_as_role in range(1, self._hub.run_as_roles + 1)
                for name in self._attached(run_as_role)
            ]
        return sorted((shard for shard in found if shard), key=lambda shard: shard.number)

    def _attached(self, run_as_role: int) -> list[str]:
        """The names of the shards that are attached to a run-as role."""
        pages = self._client.get_paginator("list_attached_role_policies").paginate(RoleName=self._role(run_as_role))
        attached = [policy for page in pages for policy in page["AttachedPolicies"]]
        names = [policy["PolicyName"] for policy in attached if self._is_shard(policy)]
        self._others = max(self._others, len(attached) - len(names))
        return names

    def versions(self) -> Mapping[str, str]:
        """Version in force (policy id and number) by shard name, as of the last call of `shards`."""
        return self._versions

    def write(self, shard: Shard) -> str:
        """Put one shard in force, or delete it when it has no entries. Returns the version now in force, or GONE."""
        with named_errors():
            found = self._find(shard.name)
            if not shard.entries:
                self._remove(shard)
                return NO_VERSION
            text = json.dumps(document(shard.entries, self._external_ids))
            version = self._add_version(found, text) if found else self._create(shard.name, text)
            self._client.attach_role_policy(RoleName=self._role(shard.run_as_role), PolicyArn=self._arn(shard.name))
        return version

    def tidy(self, keep: Collection[int]) -> None:
        """Delete the remains of emptied shards, if a writer died before it deleted them."""
        with named_errors():
            for number in itertools.count(1):
                if number in keep:
                    continue
                name = SHARD_NAME.format(number=number)
                if self._is_detached(name):
                    with tolerating("DeleteConflict"):  # it is still attached somewhere
                        self._delete(name)
                elif number > max(keep, default=0):
                    return

    def _role(self, run_as_role: int) -> str:
        return self._hub.run_as_role(run_as_role).rsplit("/", 1)[-1]

    def _arn(self, name: str) -> str:
        return f"arn:{self._hub.partition}:iam::{self._hub.account_id}:policy{PATH}{name}"

    def _is_shard(self, policy: "AttachedPolicyTypeDef") -> bool:
        name = policy["PolicyName"]
        return SHARD.match(name) is not None and policy["PolicyArn"] == self._arn(name)

    def _read(self, name: str, run_as_role: int) -> Shard | None:
        """One shard; None when it was deleted since it was listed."""
        policy = self._policy(name)
        if policy is None:
            return None
        arn, version_id = self._arn(name), policy["DefaultVersionId"]
        found = unless_missing(MISSING, self._client.get_policy_version, PolicyArn=arn, VersionId=version_id)
        if found is None:
            return None
        self._versions[name] = _version(policy["PolicyId"], version_id)
        return Shard(_number(name), _entries(found["PolicyVersion"]["Document"]), run_as_role)

    def _find(self, name: str) -> "PolicyTypeDef | None":
        """The policy of that name, attached or not; raises NotOurs when it does not have our ownership tags."""
        found = self._policy(name)
        if found and (
            difference := self._hub.ownership_mismatch({tag["Key"]: tag["Value"] for tag in found.get("Tags", [])})
        ):
            raise NotOurs(f"the policy {PATH}{name} exists already: {difference}")
        return found

    def _policy(self, name: str) -> "PolicyTypeDef | None":
        found = unless_missing(MISSING, self._client.get_policy, PolicyArn=self._arn(name))
        return found and found["Policy"]

    def _add_version(self, found: "PolicyTypeDef", text: str) -> str:
        self._make_room(found["PolicyName"])
        added = self._client.create_policy_version(PolicyArn=found["Arn"], PolicyDocument=text, SetAsDefault=True)
        return _version(found["PolicyId"], added["PolicyVersion"]["VersionId"])

    def _create(self, name: str, text: str) -> str:
        made = self._client.create_policy(
            PolicyName=name,
            Path=PATH,
            PolicyDocument=text,
            Description="Consumer roles Amazon Quick may assume. Written by Quick Onboarding: edits are undone.",
            Tags=[{"Key": key, "Value": value} for key, value in self._hub.ownership_tags.items()],
        )["Policy"]
        return _version(made["PolicyId"], made["DefaultVersionId"])

    def _make_room(self, name: str) -> None:
        """IAM keeps five versions of a policy and refuses a sixth: delete the oldest one that is not in force.

        Every call here is one between the last look at the lease and the write, so what is known is not asked again.
        """
        versions = self._client.list_policy_versions(PolicyArn=self._arn(name))["Versions"]
        if len(versions) < (self._most_versions or self.quota().versions_per_policy):
            return
        oldest = min((v for v in versions if not v["IsDefaultVersion"]), key=lambda v: int(v["VersionId"][1:]))
        with tolerating(MISSING):
            self._client.delete_policy_version(PolicyArn=self._arn(name), VersionId=oldest["VersionId"])

    def _is_detached(self, name: str) -> bool:
        """Whether a policy of that name exists, is ours and is not attached."""
        try:
            found = self._find(name)
        except NotOurs:
            return False
        return found is not None and found.get("AttachmentCount") == 0

    def _remove(self, shard: Shard) -> None:
        with tolerating(MISSING):
            self._client.detach_role_policy(RoleName=self._role(shard.run_as_role), PolicyArn=self._arn(shard.name))
        self._delete(shard.name)

    def _delete(self, name: str) -> None:
        arn = self._arn(name)
        with tolerating(MISSING):
            for version in self._client.list_policy_versions(PolicyArn=arn)["Versions"]:
                if not version["IsDefaultVersion"]:
                    self._client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
            self._client.delete_policy(PolicyArn=arn)


def _version(policy_id: str, version_id: str) -> str:
    return f"{policy_id}/{version_id}"


def _number(name: str) -> int:
    match = SHARD.match(name)
    assert match
    return int(match[1])


def _entries(policy: Mapping[str, Any]) -> tuple[str, ...]:
    """Every role that a shard allows, whatever its statements look like: somebody may have edited it."""
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    resources = [statement.get("Resource", []) for statement in statements if statement["Effect"] == "Allow"]
    return tuple(sorted({r for listed in resources for r in ([listed] if isinstance(listed, str) else listed)}))
