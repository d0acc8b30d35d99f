"""An account as the owner of its data sees it: the policies of its catalog, its buckets and its keys. Only read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.aws.calls import code_of
from quickctl.aws import CONFIG
from quickctl.resource_policy import statements

if TYPE_CHECKING:
    import boto3

ABSENT = ("EntityNotFoundException", "NoSuchBucketPolicy")  # there is no policy; a bucket or key must be there


class CannotReadError(Exception):
    """AWS refused to show a policy; its error code."""


class Owner:
    """Reads the policies that let others read what the account publishes."""

    def __init__(self, session: boto3.Session, region: str) -> None:
        self._session, self._region = session, region

    @property
    def account_id(self) -> str:
        """The account of these credentials."""
        return str(self._client("sts").get_caller_identity()["Account"])

    def statements(self, kind: str, name: str) -> list[dict[str, Any]]:
        """The statements in the policy of the catalog, a bucket or a key (by its alias). Raises CannotReadError."""
        try:
            text = self._policy(kind, name)
        except ClientError as error:
            if code_of(error) in ABSENT:
                return []
            raise CannotReadError(code_of(error)) from error
        return statements(json.loads(text)) if text else []

    def _policy(self, kind: str, name: str) -> str:
        match kind:
            case "bucket":
                return str(self._client("s3").get_bucket_policy(Bucket=name)["Policy"])
            case "key":
                key = self._client("kms").describe_key(KeyId=name)["KeyMetadata"]["KeyId"]
                return str(self._client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])
            case _:
                return str(self._client("glue").get_resource_policy().get("PolicyInJson", ""))

    def _client(self, service: str) -> Any:
        return self._session.client(service, region_name=self._region, config=CONFIG)  # type: ignore[call-overload]  # any service
