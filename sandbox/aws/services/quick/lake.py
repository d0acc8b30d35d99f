"""What a query meets in an account: workgroup, database, table, buckets and keys, as moto keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.athena.models import athena_backends
from moto.glue.models import glue_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

from sandbox.aws.services.quick.answer import SQL_FAILURE, Refused

if TYPE_CHECKING:
    from sandbox.aws.policy import Document

MANAGED_KEY = "alias/aws/s3"
OWN_CATALOG = "AwsDataCatalog"  # the name of an account's own Glue catalog in its Athena


@dataclass(frozen=True)
class Bucket:
    """A bucket: whose it is, its policy, and the customer's key its objects are encrypted with."""

    name: str
    owner: str
    region: str
    policy: Document | None
    key: str | None
    objects: tuple[str, ...]

    @property
    def arn(self) -> str:
        """The bucket's ARN: it names no account."""
        return f"arn:aws:s3:::{self.name}"


@dataclass(frozen=True)
class Location:
    """A place in S3."""

    bucket: Bucket
    prefix: str

    @property
    def arn(self) -> str:
        """As Lake Formation registers it."""
        return f"{self.bucket.arn}/{self.prefix}"

    @property
    def objects(self) -> list[str]:
        """The keys of the objects here."""
        return [key for key in self.bucket.objects if key.startswith(self.prefix)]

    @property
    def an_object(self) -> str:
        """The ARN of some object here."""
        return f"{self.bucket.arn}/{next(iter(self.objects), self.prefix + 'part-00000')}"


def results_configuration(account: str, region: str, work_group: str) -> dict[str, Any]:
    """Where a workgroup's results go, and how they are encrypted; raises Refused in Athena's words."""
    found = athena_backends[account][region].get_work_group(work_group)
    if found is None:
        raise Refused(SQL_FAILURE, f"WorkGroup {work_group} is not found.")
    results: dict[str, Any] = found["Configuration"].get("ResultConfiguration") or {}
    if not results.get("OutputLocation"):
        message = "No output location provided. An output location is required either through the Workgroup result"
        raise Refused(SQL_FAILURE, f"{message} configuration setting or as an API input.")
    return results


def catalog_owner(account: str, region: str, catalog: str) -> str:
    """Whose Glue catalog an Athena data catalog is; raises Refused in Athena's words."""
    if catalog == OWN_CATALOG:
        return account
    found = athena_backends[account][region].get_data_catalog(catalog)
    if found is None or found["Type"] != "GLUE":
        raise Refused(SQL_FAILURE, f"CATALOG_NOT_FOUND: line 1:15: Catalog '{catalog}' not found")
    return str(found["Parameters"]["catalog-id"])


def catalog_policy(account: str, region: str) -> Document | None:
    """The resource policy of an account's Glue catalog."""
    found = glue_backends[account][region].get_resource_policy()
    return json.loads(found["PolicyInJson"]) if found else None


def key_policy(arn: str) -> Document | None:
    """The policy of a key."""
    _, _, _, region, account, key = arn.split(":", 5)
    found = kms_backends[account][region].keys.get(key.removeprefix("key/"))
    return json.loads(found.policy) if found else None


def has_database(account: str, region: str, name: str) -> bool:
    """Whether the account's Glue catalog has the database."""
    return name in glue_backends[account][region].databases


def table(account: str, region: str, database: str, name: str) -> dict[str, Any]:
    """A Glue table; raises Refused in Athena's words."""
    found = glue_backends[account][region].databases.get(database)
    if found is None or name not in found.tables:
        missing = f"Table 'awsdatacatalog.{database}.{name}' does not exist"
        raise Refused(SQL_FAILURE, f"TABLE_NOT_FOUND: line 1:15: {missing}", "SQL_TABLE_NOT_FOUND")
    described: dict[str, Any] = found.tables[name].as_dict()
    return described


def location(url: str) -> Location | None:
    """The place an s3:// address names, if the bucket exists."""
    name, _, prefix = url.removeprefix("s3://").partition("/")
    bucket = find_bucket(name)
    return Location(bucket, prefix) if bucket else None


def find_bucket(name: str) -> Bucket | None:
    """A bucket of any account."""
    partition, owner = s3_backends.bucket_accounts.get(name, ("aws", ""))
    found = s3_backends[owner][partition].buckets.get(name) if owner else None
    if found is None:
        return None
    policy = json.loads(found.policy) if found.policy else None
    key = _default_key(found, owner)
    return Bucket(name, owner, found.region_name, policy, key, tuple(found.keys))


def key_arn(account: str, region: str, key: str) -> str:
    """The ARN of a key, by its ARN, id or alias."""
    if ":key/" in key:
        return key
    keys = kms_backends[account][region]
    return f"arn:aws:kms:{region}:{account}:key/{keys.any_id_to_key_id(key)}"


def key_aliases(arn: str) -> list[str]:
    """The aliases of a key (`kms:ResourceAliases`)."""
    _, _, _, region, account, key = arn.split(":", 5)
    found = kms_backends[account][region].keys.get(key.removeprefix("key/"))
    return list(found.aliases) if found else []


def _default_key(bucket: Any, owner: str) -> str | None:
    """The customer's own KMS key; AWS's key asks for no permission of the reader."""
    rules = (bucket.encryption or {}).get("Rule") or {}
    default = (rules[0] if isinstance(rules, list) else rules).get("ApplyServerSideEncryptionByDefault") or {}
    key = default.get("KMSMasterKeyID")
    if default.get("SSEAlgorithm") != "aws:kms" or not key or key.endswith(MANAGED_KEY):
        return None
    return key_arn(owner, bucket.region_name, key)
