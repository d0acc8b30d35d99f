"""DynamoDB, S3, Athena and KMS resources. moto has no work groups and bucket policies in a template."""

from typing import Any

from typing_extensions import override

from sandbox.services.cloudformation.resource import (
    Made,
    Properties,
    ReplacementNeededError,
    ResourceType,
    pick,
    tag_list,
)
from sandbox.services.cloudformation.site import Site


class Table(ResourceType):
    """AWS::DynamoDB::Table. moto's model leaves out expiry, encryption and point-in-time recovery."""

    name_property = "TableName"
    longest_name = 255
    tagged = True

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """The table, then what DynamoDB sets by calls of their own."""
        same = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        more = ("ProvisionedThroughput", "TableClass", "DeletionProtectionEnabled")
        table = site.call(
            "dynamodb",
            "create_table",
            TableName=name,
            Tags=tag_list(properties),
            **pick(properties, *same, *more),
            **self._encryption(properties),
            **self._stream(properties),
        )["TableDescription"]
        self._tune(site, name, properties)
        return Made(name, {"Arn": table["TableArn"], "StreamArn": table.get("LatestStreamArn")})

    @override
    def update(self, site: Site, made: Made, old: Properties, new: Properties) -> Made:
        """Expiry, recovery and protection in place; the rest is a new table."""
        movable = {"TimeToLiveSpecification", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "Tags"}
        if any(old.get(key) != new.get(key) for key in {*old, *new} - movable):
            raise ReplacementNeededError
        protection = pick(new, "DeletionProtectionEnabled")
        if protection:
            site.call("dynamodb", "update_table", TableName=made.physical_id, **protection)
        self._tune(site, made.physical_id, new)
        return made

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """With its items."""
        site.call("dynamodb", "delete_table", TableName=made.physical_id)

    @staticmethod
    def _encryption(properties: Properties) -> Properties:
        given = properties.get("SSESpecification")
        return {"SSESpecification": pick(given, "SSEType", "KMSMasterKeyId", Enabled="SSEEnabled")} if given else {}

    @staticmethod
    def _stream(properties: Properties) -> Properties:
        given = properties.get("StreamSpecification")
        return {"StreamSpecification": {**given, "StreamEnabled": True}} if given else {}

    @staticmethod
    def _tune(site: Site, name: str, properties: Properties) -> None:
        expiry = properties.get("TimeToLiveSpecification")
        if expiry:
            site.call("dynamodb", "update_time_to_live", TableName=name, TimeToLiveSpecification=expiry)
        recovery = properties.get("PointInTimeRecoverySpecification")
        if recovery:
            site.call(
                "dynamodb",
                "update_continuous_backups",
                TableName=name,
                PointInTimeRecoverySpecification=recovery,
            )


class Bucket(ResourceType):
    """AWS::S3::Bucket, without the properties nothing in the sandbox reads (life cycle, logging, ownership)."""

    name_property = "BucketName"
    longest_name = 63
    tagged = True

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """The bucket and its protection."""
        bucket = name.lower()
        place = None if site.region == "us-east-1" else {"LocationConstraint": site.region}
        site.call("s3", "create_bucket", Bucket=bucket, CreateBucketConfiguration=place)
        self._configure(site, bucket, properties)
        domain = f"{bucket}.s3.amazonaws.com"
        regional = f"{bucket}.s3.{site.region}.amazonaws.com"
        return Made(bucket, {"Arn": f"arn:aws:s3:::{bucket}", "DomainName": domain, "RegionalDomainName": regional})

    @override
    def update(self, site: Site, made: Made, old: Properties, new: Properties) -> Made:
        """Everything but the name in place."""
        if old.get("BucketName") != new.get("BucketName"):
            raise ReplacementNeededError
        self._configure(site, made.physical_id, new)
        return made

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """Only an empty one."""
        site.call("s3", "delete_bucket", Bucket=made.physical_id)

    def _configure(self, site: Site, bucket: str, properties: Properties) -> None:
        for name, operation, argument in (
            ("PublicAccessBlockConfiguration", "put_public_access_block", "PublicAccessBlockConfiguration"),
            ("VersioningConfiguration", "put_bucket_versioning", "VersioningConfiguration"),
        ):
            if name in properties:
                site.call("s3", operation, Bucket=bucket, **{argument: properties[name]})
        if tags := tag_list(properties):
            site.call("s3", "put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": tags})
        if "BucketEncryption" in properties:
            rules = [self._rule(rule) for rule in properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]]
            encryption = {"Rules": rules}
            site.call("s3", "put_bucket_encryption", Bucket=bucket, ServerSideEncryptionConfiguration=encryption)

    @staticmethod
    def _rule(rule: Properties) -> dict[str, Any]:
        return pick(rule, "BucketKeyEnabled", ApplyServerSideEncryptionByDefault="ServerSideEncryptionByDefault")


class BucketPolicy(ResourceType):
    """AWS::S3::BucketPolicy. moto leaves it out with a warning."""

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """Ref is the bucket's name."""
        bucket = properties["Bucket"]
        site.call("s3", "put_bucket_policy", Bucket=bucket, Policy=properties["PolicyDocument"])
        return Made(bucket)

    @override
    def update(self, site: Site, made: Made, old: Properties, new: Properties) -> Made:
        """Put again."""
        if old["Bucket"] != new["Bucket"]:
            raise ReplacementNeededError
        return self.create(site, made.physical_id, new)

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """The bucket stays."""
        site.call("s3", "delete_bucket_policy", Bucket=made.physical_id)


class WorkGroup(ResourceType):
    """AWS::Athena::WorkGroup. moto leaves it out with a warning, and cannot update one."""

    name_property = "Name"
    longest_name = 128
    tagged = True

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """The work group's configuration has the same names in the API."""
        options = pick(properties, "Description", Configuration="WorkGroupConfiguration")
        site.call("athena", "create_work_group", Name=name, Tags=tag_list(properties), **options)
        return Made(name, {"Arn": f"arn:aws:athena:{site.region}:{site.account}:workgroup/{name}"})

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """With its saved queries only where the template says so."""
        recursive = properties.get("RecursiveDeleteOption")
        site.call("athena", "delete_work_group", WorkGroup=made.physical_id, RecursiveDeleteOption=recursive)


class Key(ResourceType):
    """AWS::KMS::Key."""

    tagged = True

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """Ref is the id."""
        options = pick(properties, "Description", "KeySpec", "KeyUsage", "MultiRegion", Policy="KeyPolicy")
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tag_list(properties) or []]
        key = site.call("kms", "create_key", Tags=tags or None, **options)["KeyMetadata"]
        if properties.get("EnableKeyRotation") in {True, "true"}:
            site.call("kms", "enable_key_rotation", KeyId=key["KeyId"])
        return Made(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})

    @override
    def update(self, site: Site, made: Made, old: Properties, new: Properties) -> Made:
        """Its policy in place."""
        if pick(old, "KeySpec", "KeyUsage", "MultiRegion") != pick(new, "KeySpec", "KeyUsage", "MultiRegion"):
            raise ReplacementNeededError
        site.call("kms", "put_key_policy", KeyId=made.physical_id, PolicyName="default", Policy=new["KeyPolicy"])
        return made

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """A key is never deleted at once."""
        days = properties.get("PendingWindowInDays")
        site.call("kms", "schedule_key_deletion", KeyId=made.physical_id, PendingWindowInDays=days)


class KeyAlias(ResourceType):
    """AWS::KMS::Alias."""

    name_property = "AliasName"
    longest_name = 256

    @override
    def create(self, site: Site, name: str, properties: Properties) -> Made:
        """Ref is the alias."""
        site.call("kms", "create_alias", AliasName=name, TargetKeyId=properties["TargetKeyId"])
        return Made(name)

    @override
    def delete(self, site: Site, made: Made, properties: Properties) -> None:
        """The key stays."""
        site.call("kms", "delete_alias", AliasName=made.physical_id)
