"""What an account's owner must allow, so that others read what the account publishes: the statements. Pure.

Quick Onboarding never writes a policy of somebody else's catalog, bucket or key. It prints what must be in there.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from control_plane.account import NAME_PREFIX
from control_plane.contradictions import ACCOUNT
from control_plane.profiles import glue_arns
from quickctl.resource_policy import statements
from quickctl.same import same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from control_plane.account import Hub
    from control_plane.profiles import Profile

GLUE_READS = (
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:GetTable",
    "glue:GetTables",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:BatchGetPartition",
)
S3_READS = ("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation")
ROOT_OF_ACCOUNT = re.compile(r"^arn:[\w-]+:iam::(\d{12}):root$")
Statement = dict[str, Any]
OURS = "QuickReads"  # how the Sids of our statements begin


class Needed(NamedTuple):
    """A statement, and whose policy must have it. `kind`: catalog, bucket or key; `name`: which one."""

    kind: str
    name: str
    statement: Statement


def needed(account_id: str, name: str, profile: Profile, hub: Hub) -> list[Needed]:
    """Every statement that the owner of this account adds. The profile is as the account's tags fit it."""
    return [
        Needed(kind, place, {"Sid": f"{sid}{name.replace('-', 'X')}", "Effect": "Allow", **what, **who})
        for kind, place, what in _reads(account_id, profile, hub)
        for sid, who in _readers(profile.publishes_to, what.get("Condition", {}), hub)
    ]


def leftovers(wanted: Sequence[Statement], found: Iterable[Statement]) -> list[Statement]:
    """The statements of ours that nobody needs any more: for a reader, a database or a profile that is gone."""
    return [each for each in found if str(each.get("Sid", "")).startswith(OURS) and not is_there(each, wanted)]


def removal(policy: Mapping[str, Any], unwanted: Sequence[Statement], put: Sequence[str], delete: Sequence[str]) -> str:
    """The command of the AWS CLI that takes these statements out of the policy and keeps all others.

    `put` writes a policy, `delete` deletes it; a policy without statements can't be written.
    """
    kept = [each for each in statements(policy) if each not in unwanted]
    document = json.dumps({**policy, "Statement": kept}, separators=(",", ":"))
    return shlex.join(("aws", *put, document) if kept or not delete else ("aws", *delete))


def is_there(wanted: Statement, statements: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the statements says the same: in whichever order, and whatever its Sid is."""
    return any(same(_with_short_ids(each), _with_short_ids(wanted)) for each in statements)


def _with_short_ids(value: Any) -> Any:
    """Without Sids, and with an account's id for its root: AWS may write either."""
    if isinstance(value, dict):
        return {key: _with_short_ids(each) for key, each in value.items() if key != "Sid"}
    if isinstance(value, list):
        return [_with_short_ids(each) for each in value]
    return ROOT_OF_ACCOUNT.sub(r"\1", value)


def _reads(account_id: str, profile: Profile, hub: Hub) -> Iterator[tuple[str, str, Statement]]:
    """What is to be read, by place. Athena asks for the default database, too; it shows no table."""
    glue = f"arn:{hub.partition}:glue:{hub.region}:{account_id}"
    databases = [arn for each in profile.published for arn in glue_arns(profile, each, hub, account_id)]
    resources = [f"{glue}:catalog", f"{glue}:database/default", *databases]
    yield "catalog", account_id, {"Action": list(GLUE_READS), "Resource": resources}
    buckets: dict[str, list[str]] = {}  # a policy takes each Sid once, so one statement has all paths of its bucket
    for path in (each.replace(ACCOUNT, account_id) for each in profile.data_buckets):
        buckets.setdefault(path.partition("/")[0], []).append(f"{path}/*")
    for bucket, paths in buckets.items():
        resources = [f"arn:{hub.partition}:s3:::{each}" for each in (bucket, *dict.fromkeys(paths))]
        yield "bucket", bucket, {"Action": list(S3_READS), "Resource": resources}
    for alias in profile.kms_key_aliases:
        suffix = "amazonaws.com.cn" if hub.partition == "aws-cn" else "amazonaws.com"
        via = {"StringEquals": {"kms:ViaService": f"s3.{hub.region}.{suffix}"}}
        yield "key", alias, {"Action": ["kms:Decrypt"], "Resource": ["*"], "Condition": via}


def _readers(targets: Sequence[str], condition: Mapping[str, Any], hub: Hub) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Who may read: consumer roles of these accounts, or of the accounts below these OUs. And a start of the Sid."""
    roles = {"ArnLike": {"aws:PrincipalArn": f"arn:{hub.partition}:iam::*:role/{NAME_PREFIX}*"}}
    organization = {"StringEquals": {**condition.get("StringEquals", {}), "aws:PrincipalOrgID": hub.organization_id}}
    accounts = [each for each in targets if each.isdigit()]
    if accounts:
        principals = [f"arn:{hub.partition}:iam::{each}:root" for each in accounts]
        yield OURS, {"Principal": {"AWS": principals}, "Condition": {**roles, **organization}}
    units = [each for each in targets if not each.isdigit()]
    if units:
        root = f"{hub.organization_id}/{hub.root_id}/"
        paths = [f"{root}*" if each == hub.root_id else f"{root}*{each}/*" for each in units]
        below = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": paths}}
        yield f"{OURS}Below", {"Principal": {"AWS": "*"}, "Condition": {**roles, **organization, **below}}
