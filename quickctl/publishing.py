"""What an account's owner must allow, so that others read what the account publishes: the statements. Pure.

Quick Onboarding never writes a policy of somebody else's catalog, bucket or key. It prints what must be in there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from control_plane.account import NAME_PREFIX
from control_plane.contradictions import ACCOUNT
from control_plane.profiles import glue_arns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from control_plane.account import Hub
    from control_plane.profiles import Profile

CATALOG = "the Glue catalog"
GLUE_READS = (
    "glue:GetDatabase",
    "glue:GetDatabases",
    "glue:GetTable",
    "glue:GetTables",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:BatchGetPartition",
)
Statement = dict[str, Any]


class Needed(NamedTuple):
    """A statement, and whose policy must have it: the Glue catalog's, or that of a bucket or key."""

    place: str
    statement: Statement


def needed(account_id: str, name: str, profile: Profile, hub: Hub) -> list[Needed]:
    """Every statement that the owner of this account adds. The profile is as the account's tags fit it."""
    return [
        Needed(place, {"Sid": f"{sid}{name.replace('-', 'X')}", "Effect": "Allow", **who, **what})
        for place, what in _reads(account_id, profile, hub)
        for sid, who in _readers(profile.publishes_to, what.pop("Condition", {}), hub)
    ]


def _reads(account_id: str, profile: Profile, hub: Hub) -> Iterator[tuple[str, Statement]]:
    """What is to be read, by place. Athena asks for the default database, too; it shows no table."""
    glue = f"arn:{hub.partition}:glue:{hub.region}:{account_id}"
    databases = [arn for each in profile.published for arn in glue_arns(profile, each, hub, account_id)]
    yield CATALOG, {"Action": list(GLUE_READS), "Resource": [f"{glue}:catalog", f"{glue}:database/default", *databases]}
    for bucket in dict.fromkeys(each.replace(ACCOUNT, account_id) for each in profile.data_buckets):
        arn = f"arn:{hub.partition}:s3:::{bucket}"
        actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"]
        yield f"the bucket {bucket.split('/')[0]}", {"Action": actions, "Resource": [arn.split("/")[0], f"{arn}/*"]}
    for alias in profile.kms_key_aliases:
        via = {"StringEquals": {"kms:ViaService": f"s3.{hub.region}.{_suffix(hub)}"}}
        yield f"the key {alias}", {"Action": ["kms:Decrypt"], "Resource": ["*"], "Condition": via}


def _readers(targets: Sequence[str], condition: Mapping[str, Any], hub: Hub) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Who may read: consumer roles of these accounts, or of the accounts below these OUs. And a start of the Sid."""
    roles = {"ArnLike": {"aws:PrincipalArn": f"arn:{hub.partition}:iam::*:role/{NAME_PREFIX}*"}}
    organization = {"StringEquals": {**condition.get("StringEquals", {}), "aws:PrincipalOrgID": hub.organization_id}}
    accounts = [each for each in targets if each.isdigit()]
    if accounts:
        principals = [f"arn:{hub.partition}:iam::{each}:root" for each in accounts]
        yield "QuickReads", {"Principal": {"AWS": principals}, "Condition": {**roles, **organization}}
    units = [each for each in targets if not each.isdigit()]
    if units:
        root = f"{hub.organization_id}/{hub.root_id}/"
        paths = [f"{root}*" if each == hub.root_id else f"{root}*{each}/*" for each in units]
        below = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": paths}}
        yield "QuickReadsBelow", {"Principal": {"AWS": "*"}, "Condition": {**roles, **organization, **below}}


def _suffix(hub: Hub) -> str:
    return "amazonaws.com.cn" if hub.partition == "aws-cn" else "amazonaws.com"
