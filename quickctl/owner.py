"""An account as the owner of its data sees it: the policies of its catalog, its buckets and its keys. Only read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.aws.calls import code_of
from quickctl.aws import CONFIG
from quickctl.resource_policy import statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    import boto3

ABSENT = ("EntityNotFoundException", "NoSuchBucketPolicy")  # there is no policy; a bucket or key must be there


class CannotReadError(Exception):
    """AWS refused to show a policy; its error code."""


@dataclass(frozen=True)
class OwnersPolicy:
    """A policy as it is. `put`: how the AWS CLI writes another one; `delete`: how it deletes it, empty: it can't."""

    document: Mapping[str, Any]
    put: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()

    @property
    def statements(self) -> list[dict[str, Any]]:
        """Its statements."""
        return statements(self.document)


class Owner:
    """Reads the policies that let others read what the account publishes."""

    def __init__(self, session: boto3.Session, region: str) -> None:
        self._session, self._region = session, region

    @property
    def account_id(self) -> str:
        """The account of these credentials."""
        return str(self._client("sts").get_caller_identity()["Account"])

    def policy(self, kind: str, name: str) -> OwnersPolicy:
        """The policy of the catalog, a bucket or a key (by its alias). Raises CannotReadError."""
        try:
            return self._policy(kind, name)
        except ClientError as error:
            if code_of(error) in ABSENT:
                return OwnersPolicy({})
            raise CannotReadError(code_of(error)) from error

    def _policy(self, kind: str, name: str) -> OwnersPolicy:
        match kind:
            case "bucket":
                bucket = ("--bucket", name)
                return OwnersPolicy(
                    document=json.loads(self._client("s3").get_bucket_policy(Bucket=name)["Policy"]),
                    put=("s3api", "put-bucket-policy", *bucket, "--policy"),
                    delete=("s3api", "delete-bucket-policy", *bucket),
                )
            case "key":
                key = self._client("kms").describe_key(KeyId=name)["KeyMetadata"]["KeyId"]
                return OwnersPolicy(
                    document=json.loads(self._client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]),
                    put=("kms", "put-key-policy", "--key-id", key, "--policy-name", "default", "--policy"),
                )
            case _:
                found = self._client("glue").get_resource_policy()
                unchanged = ("--policy-hash-condition", found.get("PolicyHash", ""))
                return OwnersPolicy(
                    document=json.loads(found.get("PolicyInJson", "") or "{}"),
                    put=("glue", "put-resource-policy", *unchanged, "--policy-in-json"),
                    delete=("glue", "delete-resource-policy", *unchanged),
                )

    def _client(self, service: str) -> Any:
        return self._session.client(service, region_name=self._region, config=CONFIG)  # type: ignore[call-overload]  # any service
