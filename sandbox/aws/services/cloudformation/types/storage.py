"""DynamoDB, Athena and KMS resources. moto has no work groups in a template."""

from moto.athena.models import athena_backends
from typing_extensions import override

from sandbox.aws.services.cloudformation.resource import (
    CheckedType,
    Created,
    Properties,
    ReplacementNeededError,
    ResourceType,
    pick,
    tag_list,
)
from sandbox.aws.services.cloudformation.scope import Scope


class Table(ResourceType):
    """AWS::DynamoDB::Table. moto's model leaves out expiry, encryption and point-in-time recovery."""

    name_property = "TableName"
    longest_name = 255
    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """The table, then what DynamoDB sets by calls of their own."""
        same = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        more = ("ProvisionedThroughput", "TableClass", "DeletionProtectionEnabled")
        table = scope.call(
            "dynamodb",
            "create_table",
            TableName=name,
            Tags=tag_list(properties),
            **pick(properties, *same, *more),
            **self._encryption(properties),
            **self._stream(properties),
        )["TableDescription"]
        self._apply_settings(scope, name, properties)
        return Created(name, {"Arn": table["TableArn"], "StreamArn": table.get("LatestStreamArn")})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Expiry, recovery and protection in place; the rest is a new table."""
        movable = {"TimeToLiveSpecification", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "Tags"}
        if any(old.get(key) != new.get(key) for key in {*old, *new} - movable):
            raise ReplacementNeededError
        protection = pick(new, "DeletionProtectionEnabled")
        if protection:
            scope.call("dynamodb", "update_table", TableName=made.physical_id, **protection)
        self._apply_settings(scope, made.physical_id, new)
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """With its items."""
        scope.call("dynamodb", "delete_table", TableName=made.physical_id)

    @staticmethod
    def _encryption(properties: Properties) -> Properties:
        given = properties.get("SSESpecification")
        return {"SSESpecification": pick(given, "SSEType", "KMSMasterKeyId", Enabled="SSEEnabled")} if given else {}

    @staticmethod
    def _stream(properties: Properties) -> Properties:
        given = properties.get("StreamSpecification")
        return {"StreamSpecification": {**given, "StreamEnabled": True}} if given else {}

    @staticmethod
    def _apply_settings(scope: Scope, name: str, properties: Properties) -> None:
        expiry = properties.get("TimeToLiveSpecification")
        if expiry:
            scope.call("dynamodb", "update_time_to_live", TableName=name, TimeToLiveSpecification=expiry)
        recovery = properties.get("PointInTimeRecoverySpecification")
        if recovery:
            scope.call(
                "dynamodb",
                "update_continuous_backups",
                TableName=name,
                PointInTimeRecoverySpecification=recovery,
            )


class WorkGroup(CheckedType):
    """AWS::Athena::WorkGroup. moto leaves it out with a warning, and cannot update one."""

    compared = ("Description", "State", "Tags", "WorkGroupConfiguration")
    name_property = "Name"
    longest_name = 128
    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """The work group's configuration has the same names in the API."""
        options = pick(properties, "Description", Configuration="WorkGroupConfiguration")
        scope.call("athena", "create_work_group", Name=name, Tags=tag_list(properties), **options)
        return Created(name, {"Arn": f"arn:aws:athena:{scope.region}:{scope.account}:workgroup/{name}"})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Everything but the name in place. moto has no UpdateWorkGroup, so its own record is changed."""
        if old.get("Name") != new.get("Name"):
            raise ReplacementNeededError
        found = athena_backends[scope.account][scope.region].work_groups[made.physical_id]
        found.description = new.get("Description", "")
        found.configuration = {**found.configuration, **new.get("WorkGroupConfiguration", {})}
        kept = {tag["Key"] for tag in tag_list(new) or []}
        gone = [tag["Key"] for tag in tag_list(old) or [] if tag["Key"] not in kept]
        arn = made.attributes["Arn"]
        if gone:
            scope.call("athena", "untag_resource", ResourceARN=arn, TagKeys=gone)
        scope.call("athena", "tag_resource", ResourceARN=arn, Tags=tag_list(new) or [])
        return made

    @override
    def read(self, scope: Scope, made: Created, wanted: Properties) -> Properties | None:
        """RecursiveDeleteOption is never shown: it is no part of the work group. moto says {} of one that is gone."""
        found = scope.call("athena", "get_work_group", WorkGroup=made.physical_id).get("WorkGroup")
        if found is None:
            return None
        live = pick(found, "Description", "State", WorkGroupConfiguration="Configuration")
        return {**live, **_athena_tags(scope, made.attributes["Arn"], wanted)}

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """With its saved queries only where the template says so."""
        recursive = properties.get("RecursiveDeleteOption")
        scope.call("athena", "delete_work_group", WorkGroup=made.physical_id, RecursiveDeleteOption=recursive)


def _athena_tags(scope: Scope, arn: str, wanted: Properties) -> Properties:
    """The tags, if the template says something of them."""
    return scope.call("athena", "list_tags_for_resource", ResourceARN=arn) if "Tags" in wanted else {}


class DataCatalog(CheckedType):
    """AWS::Athena::DataCatalog. moto has neither UpdateDataCatalog nor DeleteDataCatalog: its own record is changed."""

    compared = ("Description", "Parameters", "Tags", "Type")
    name_property = "Name"
    longest_name = 127  # fewer than a work group's: botocore's model of athena, CatalogNameString
    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the name."""
        options = pick(properties, "Description", "Parameters", "Type")
        scope.call("athena", "create_data_catalog", Name=name, Tags=tag_list(properties), **options)
        return Created(name)

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Everything but the name in place."""
        if old.get("Name") != new.get("Name"):
            raise ReplacementNeededError
        found = athena_backends[scope.account][scope.region].data_catalogs[made.physical_id]
        found.type, found.description = new["Type"], new.get("Description", "")
        found.parameters = new.get("Parameters", {})
        return made

    @override
    def read(self, scope: Scope, made: Created, wanted: Properties) -> Properties | None:
        """Its answer is {} when it is gone."""
        name = made.physical_id
        found = scope.call("athena", "get_data_catalog", Name=name).get("DataCatalog")
        if not found:
            return None
        arn = f"arn:aws:athena:{scope.region}:{scope.account}:datacatalog/{name}"
        return {**pick(found, "Description", "Parameters", "Type"), **_athena_tags(scope, arn, wanted)}

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """What it stands for stays: that is another account's."""
        athena_backends[scope.account][scope.region].data_catalogs.pop(made.physical_id, None)


class Key(ResourceType):
    """AWS::KMS::Key."""

    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the id."""
        options = pick(properties, "Description", "KeySpec", "KeyUsage", "MultiRegion", Policy="KeyPolicy")
        tags = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tag_list(properties) or []]
        key = scope.call("kms", "create_key", Tags=tags or None, **options)["KeyMetadata"]
        if properties.get("EnableKeyRotation") in {True, "true"}:
            scope.call("kms", "enable_key_rotation", KeyId=key["KeyId"])
        return Created(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Its policy in place."""
        if pick(old, "KeySpec", "KeyUsage", "MultiRegion") != pick(new, "KeySpec", "KeyUsage", "MultiRegion"):
            raise ReplacementNeededError
        scope.call("kms", "put_key_policy", KeyId=made.physical_id, PolicyName="default", Policy=new["KeyPolicy"])
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """A key is never deleted at once."""
        days = properties.get("PendingWindowInDays")
        scope.call("kms", "schedule_key_deletion", KeyId=made.physical_id, PendingWindowInDays=days)


class KeyAlias(ResourceType):
    """AWS::KMS::Alias."""

    name_property = "AliasName"
    longest_name = 256

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the alias."""
        scope.call("kms", "create_alias", AliasName=name, TargetKeyId=properties["TargetKeyId"])
        return Created(name)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """The key stays."""
        scope.call("kms", "delete_alias", AliasName=made.physical_id)
