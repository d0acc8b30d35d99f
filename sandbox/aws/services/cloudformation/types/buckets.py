"""S3 resources. moto has no bucket policies in a template, and forgets ownership and life cycles."""

import json
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from sandbox.aws.services.cloudformation.resource import (
    CheckedType,
    Created,
    Properties,
    ReplacementNeededError,
    pick,
    tag_list,
)
from sandbox.aws.services.cloudformation.scope import Scope

Settings = list[tuple[str, dict[str, Any]]]  # calls of S3, with what they set
RULE = {"Id", "Status", "Prefix", "ExpirationInDays", "AbortIncompleteMultipartUpload"}  # of a life cycle


class Bucket(CheckedType):
    """AWS::S3::Bucket, without the properties nothing in the sandbox reads (logging and the like)."""

    name_property = "BucketName"
    longest_name = 63
    tagged = True
    compared = (
        "BucketEncryption",
        "LifecycleConfiguration",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
        "Tags",
        "VersioningConfiguration",
    )

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """The bucket and its protection."""
        bucket, settings = name.lower(), self._settings(properties)
        place = None if scope.region == "us-east-1" else {"LocationConstraint": scope.region}
        scope.call("s3", "create_bucket", Bucket=bucket, CreateBucketConfiguration=place)
        self._configure(scope, bucket, settings)
        domain = f"{bucket}.s3.amazonaws.com"
        regional = f"{bucket}.s3.{scope.region}.amazonaws.com"
        return Created(bucket, {"Arn": f"arn:aws:s3:::{bucket}", "DomainName": domain, "RegionalDomainName": regional})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Everything but the name in place."""
        if old.get("BucketName") != new.get("BucketName"):
            raise ReplacementNeededError
        self._configure(scope, made.physical_id, self._settings(new))
        return made

    @override
    def read(self, scope: Scope, made: Created, wanted: Properties) -> Properties | None:
        """Versioning is answered for every bucket there is; the rest only where it is set."""
        bucket = {"Bucket": made.physical_id}
        versioning = scope.find("s3", "get_bucket_versioning", **bucket)
        if versioning is None:
            return None
        live: Properties = {"VersioningConfiguration": pick(versioning, "Status")}
        for operation, name in (
            ("get_public_access_block", "PublicAccessBlockConfiguration"),
            ("get_bucket_ownership_controls", "OwnershipControls"),
        ):
            live |= pick(scope.find("s3", operation, **bucket) or {}, name)
        live["Tags"] = (scope.find("s3", "get_bucket_tagging", **bucket) or {}).get("TagSet", [])
        if encryption := scope.find("s3", "get_bucket_encryption", **bucket):
            rules = [_rule_property(rule) for rule in encryption["ServerSideEncryptionConfiguration"]["Rules"]]
            live["BucketEncryption"] = {"ServerSideEncryptionConfiguration": rules}
        if cycle := scope.find("s3", "get_bucket_lifecycle_configuration", **bucket):
            live["LifecycleConfiguration"] = {"Rules": [_stage_property(rule) for rule in cycle["Rules"]]}
        return live

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Only an empty one."""
        scope.call("s3", "delete_bucket", Bucket=made.physical_id)

    @staticmethod
    def _configure(scope: Scope, bucket: str, settings: Settings) -> None:
        for operation, arguments in settings:
            scope.call("s3", operation, Bucket=bucket, **arguments)

    @staticmethod
    def _settings(properties: Properties) -> Settings:
        given: Settings = [
            (operation, {name: properties[name]})
            for operation, name in (
                ("put_public_access_block", "PublicAccessBlockConfiguration"),
                ("put_bucket_versioning", "VersioningConfiguration"),
                ("put_bucket_ownership_controls", "OwnershipControls"),
            )
            if name in properties
        ]
        if tags := tag_list(properties):
            given.append(("put_bucket_tagging", {"Tagging": {"TagSet": tags}}))
        if encryption := properties.get("BucketEncryption"):
            rules = {"Rules": [_rule(rule) for rule in encryption["ServerSideEncryptionConfiguration"]]}
            given.append(("put_bucket_encryption", {"ServerSideEncryptionConfiguration": rules}))
        if cycle := properties.get("LifecycleConfiguration"):
            stages = {"Rules": [_stage(rule) for rule in cycle["Rules"]]}
            given.append(("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": stages}))
        return given


def _rule(rule: Properties) -> dict[str, Any]:
    return pick(rule, "BucketKeyEnabled", ApplyServerSideEncryptionByDefault="ServerSideEncryptionByDefault")


def _rule_property(rule: Mapping[str, Any]) -> Properties:
    return pick(rule, "BucketKeyEnabled", ServerSideEncryptionByDefault="ApplyServerSideEncryptionByDefault")


def _stage(rule: Properties) -> dict[str, Any]:
    """A rule of a life cycle in S3's words. Raises ValueError for what the sandbox would have to leave out."""
    if unknown := sorted(set(rule) - RULE):
        raise ValueError(f"The sandbox does not know {', '.join(unknown)} of a lifecycle rule")
    days = {"Expiration": {"Days": int(rule["ExpirationInDays"])}} if "ExpirationInDays" in rule else {}
    scope = {"Filter": {"Prefix": rule.get("Prefix", "")}}
    return {**pick(rule, "Status", "AbortIncompleteMultipartUpload", ID="Id"), **scope, **days}


def _stage_property(rule: Mapping[str, Any]) -> Properties:
    return {
        **pick(rule, "Status", "AbortIncompleteMultipartUpload", Id="ID"),
        **pick(rule.get("Expiration", {}), ExpirationInDays="Days"),
        **pick(rule.get("Filter", {}), "Prefix"),
    }


class BucketPolicy(CheckedType):
    """AWS::S3::BucketPolicy. moto leaves it out with a warning."""

    compared = ("PolicyDocument",)

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the bucket's name."""
        bucket = properties["Bucket"]
        scope.call("s3", "put_bucket_policy", Bucket=bucket, Policy=properties["PolicyDocument"])
        return Created(bucket)

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Put again."""
        if old["Bucket"] != new["Bucket"]:
            raise ReplacementNeededError
        return self.create(scope, made.physical_id, new)

    @override
    def read(self, scope: Scope, made: Created, wanted: Properties) -> Properties | None:
        """Gone with its bucket, too."""
        found = scope.find("s3", "get_bucket_policy", Bucket=made.physical_id)
        return None if found is None else {"PolicyDocument": json.loads(found["Policy"])}

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """The bucket stays."""
        scope.call("s3", "delete_bucket_policy", Bucket=made.physical_id)
