"""Lambda resources. moto's models lose layers, architectures, tracing and logging."""

import io
import zipfile
from typing import Any

from typing_extensions import override

from sandbox.aws.services.cloudformation.resource import (
    Created,
    Properties,
    ReplacementNeededError,
    ResourceType,
    pick,
    tag_map,
)
from sandbox.aws.services.cloudformation.scope import Scope

CONFIGURATION = (
    *(
        "DeadLetterConfig",
        "Description",
        "Environment",
        "EphemeralStorage",
        "FileSystemConfigs",
        "Handler",
        "ImageConfig",
    ),
    *("KMSKeyArn", "Layers", "LoggingConfig", "MemorySize", "Role", "Runtime", "SnapStart", "Timeout", "TracingConfig"),
    "VpcConfig",
)


class Function(ResourceType):
    """AWS::Lambda::Function. moto's model leaves out layers, architectures, tracing and logging."""

    name_property = "FunctionName"
    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """The function as its API takes it."""
        options = pick(properties, *CONFIGURATION, "Architectures", "PackageType")
        answer = scope.call(
            "lambda", "create_function", FunctionName=name, Code=_code(properties), Tags=tag_map(properties), **options
        )
        self._reserve(scope, name, properties)
        return Created(name, {"Arn": answer["FunctionArn"]})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Code and configuration in place."""
        if old.get("FunctionName") != new.get("FunctionName"):
            raise ReplacementNeededError
        name = made.physical_id
        changed = {key for key in CONFIGURATION if old.get(key) != new.get(key)}
        if changed:
            scope.call("lambda", "update_function_configuration", FunctionName=name, **pick(new, *CONFIGURATION))
        if old["Code"] != new["Code"]:
            scope.call("lambda", "update_function_code", FunctionName=name, **_code(new), **pick(new, "Architectures"))
        if old.get("ReservedConcurrentExecutions") != new.get("ReservedConcurrentExecutions"):
            self._reserve(scope, name, new)
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """With its versions."""
        scope.call("lambda", "delete_function", FunctionName=made.physical_id)

    @staticmethod
    def _reserve(scope: Scope, name: str, properties: Properties) -> None:
        reserved = properties.get("ReservedConcurrentExecutions")
        if reserved is not None:
            scope.call("lambda", "put_function_concurrency", FunctionName=name, ReservedConcurrentExecutions=reserved)


def _code(properties: Properties) -> dict[str, Any]:
    code = properties["Code"]
    if "ZipFile" not in code:
        return pick(code, "S3Bucket", "S3Key", "S3ObjectVersion")
    file = "index.js" if str(properties.get("Runtime", "")).startswith("nodejs") else "index.py"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(file, code["ZipFile"])
    return {"ZipFile": buffer.getvalue()}


class LayerVersion(ResourceType):
    """AWS::Lambda::LayerVersion. Every change is a new version."""

    name_property = "LayerName"
    longest_name = 140

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the version's ARN."""
        options = pick(
            properties, "Content", "Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"
        )
        answer = scope.call("lambda", "publish_layer_version", LayerName=name, **options)
        arn = answer["LayerVersionArn"]
        return Created(arn, {"LayerVersionArn": arn})

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """This version only."""
        name, version = made.physical_id.split(":")[-2:]
        scope.call("lambda", "delete_layer_version", LayerName=name, VersionNumber=version)


class Permission(ResourceType):
    """AWS::Lambda::Permission: one statement of a function's policy."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """The physical id is the statement's."""
        scope.call("lambda", "add_permission", StatementId=name, **properties)
        return Created(name, {"Id": name})

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Only this statement."""
        function = properties["FunctionName"]
        scope.call("lambda", "remove_permission", FunctionName=function, StatementId=made.physical_id)


class EventSourceMapping(ResourceType):
    """AWS::Lambda::EventSourceMapping."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the UUID."""
        options = {key: value for key, value in properties.items() if key != "Tags"}
        answer = scope.call("lambda", "create_event_source_mapping", **options)
        return Created(answer["UUID"], {"Id": answer["UUID"]})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """In place but for the source."""
        if old.get("EventSourceArn") != new.get("EventSourceArn"):
            raise ReplacementNeededError
        options = {
            key: value for key, value in new.items() if key not in {"Tags", "EventSourceArn", "StartingPosition"}
        }
        scope.call("lambda", "update_event_source_mapping", UUID=made.physical_id, **options)
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """By its UUID."""
        scope.call("lambda", "delete_event_source_mapping", UUID=made.physical_id)


class EventInvokeConfig(ResourceType):
    """AWS::Lambda::EventInvokeConfig. moto leaves it out with a warning."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """What happens to asynchronous invocations."""
        scope.call("lambda", "put_function_event_invoke_config", **properties)
        return Created(name)

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Put again."""
        if pick(old, "FunctionName", "Qualifier") != pick(new, "FunctionName", "Qualifier"):
            raise ReplacementNeededError
        return self.create(scope, made.physical_id, new)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Back to Lambda's own values."""
        scope.call("lambda", "delete_function_event_invoke_config", **pick(properties, "FunctionName", "Qualifier"))


class FunctionVersion(ResourceType):
    """AWS::Lambda::Version."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the version's ARN."""
        answer = scope.call("lambda", "publish_version", **pick(properties, "FunctionName", "Description"))
        return Created(answer["FunctionArn"], {"Version": answer["Version"], "FunctionArn": answer["FunctionArn"]})

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """This version only."""
        version = made.physical_id.rsplit(":", 1)[-1]
        scope.call("lambda", "delete_function", FunctionName=properties["FunctionName"], Qualifier=version)


class FunctionAlias(ResourceType):
    """AWS::Lambda::Alias. moto leaves it out with a warning."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the alias's ARN."""
        arn = scope.call("lambda", "create_alias", **self._arguments(properties))["AliasArn"]
        return Created(arn, {"AliasArn": arn})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Another version in place."""
        if pick(old, "FunctionName", "Name") != pick(new, "FunctionName", "Name"):
            raise ReplacementNeededError
        scope.call("lambda", "update_alias", **self._arguments(new))
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """The function stays."""
        scope.call("lambda", "delete_alias", **pick(properties, "FunctionName", "Name"))

    @staticmethod
    def _arguments(properties: Properties) -> Properties:
        return pick(properties, "FunctionName", "Name", "FunctionVersion", "Description")
