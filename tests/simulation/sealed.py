"""A profile that uses everything a profile can have, and an account that needs all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from sandbox.organization import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.organization import Sandbox

TABLE = ("quick_sales", "orders")
PROFILE = "sealed"  # with keys, Lake Formation, a bucket of the company and a table that a proof reads
SHARED_BUCKET = "company-lake-eu"  # not named after the account
ALIAS = "alias/quick-data"


def layer(folder: Path) -> Path:
    """A consumer layer that has the profile besides the default one."""
    consumer = PROJECT / "layers/consumer"
    profiles = yaml.safe_load((consumer / "profiles.yaml").read_text(encoding="utf-8"))
    everything = {"kms_key_aliases": [ALIAS], "lake_formation": True, "proof_table": ".".join(TABLE)}
    default = profiles["profiles"]["default"]
    buckets = [*default["data_buckets"], SHARED_BUCKET]
    profiles["profiles"][PROFILE] = {**default, **everything, "data_buckets": buckets}
    (folder / "profiles.yaml").write_text(yaml.safe_dump(profiles), encoding="utf-8")
    body = (consumer / "consumer_role.yaml").read_text(encoding="utf-8")
    (folder / "consumer_role.yaml").write_text(body, encoding="utf-8")
    return folder


def encrypt(world: Sandbox, account_id: str) -> None:
    """Encrypt what comes into an account's bucket with a key of its own."""
    session: Any = world.boto3_session(account_id)
    key = session.client("kms").create_key()["KeyMetadata"]
    session.client("kms").create_alias(AliasName=ALIAS, TargetKeyId=key["KeyId"])
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}}
    session.client("s3").put_bucket_encryption(
        Bucket=f"quick-data-{account_id}", ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
