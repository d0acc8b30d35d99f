"""The resources of one stack under one template: made in dependency order, changed, removed in reverse."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.cloudformation.models import cloudformation_backends
from moto.cloudformation.parsing import ResourceMap, clean_json
from moto.cloudformation.utils import random_suffix
from moto.core.exceptions import ServiceException

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.cloudformation.resource import (
    Created,
    Properties,
    ReplacementNeededError,
    Resource,
    ResourceType,
    tag_list,
)
from sandbox.aws.services.cloudformation.scope import Scope, is_gone
from sandbox.aws.services.cloudformation.types import TYPES

Report = Callable[[Resource, str, str | None], None]  # resource, status, reason


class ResourceFailedError(Exception):
    """One resource could not be made, changed or removed; the reason is AWS's."""

    def __init__(self, logical_id: str, resource_type: str, verb: str, reason: str) -> None:
        super().__init__(reason)
        self.logical_id, self.resource_type, self.verb, self.reason = logical_id, resource_type, verb, reason


class Resources(ResourceMap):  # type: ignore[misc]  # moto ships no types
    """Resolves references through moto's map, and makes each resource by its type's own API instead of moto's model."""

    def __init__(self, scope: Scope, before: Mapping[str, Resource], report: Report, **options: Any) -> None:
        super().__init__(account_id=scope.account, region_name=scope.region, **options)
        self.scope, self.before, self.report = scope, before, report
        self.made: dict[str, Resource] = {}
        self.replaced: list[Resource] = []
        self._making: list[str] = []
        self._needs: dict[str, set[str]] = {}

    def __getitem__(self, key: str) -> Any:
        if self._making and key in self._resource_json_map:
            self._needs.setdefault(self._making[-1], set()).add(key)
        if key not in self._parsed_resources:
            self._parsed_resources[key] = self._ensure(key)
        return self._parsed_resources[key]

    def validate_outputs(self) -> None:
        """Asked by moto of its models' classes; here Fn::GetAtt itself refuses what a resource does not have."""

    def make(self) -> None:
        """Make or change everything the template declares. Raises ResourceFailedError at the first that fails."""
        for logical_id in self._resource_json_map:
            _ = self[logical_id]

    def superseded(self) -> list[Resource]:
        """What is no longer wanted, in the order to remove it."""
        left_out = [resource for name, resource in self.before.items() if name not in self.made]
        return [*reversed(self.replaced), *reversed(left_out)]

    def _ensure(self, logical_id: str) -> Resource | None:
        declared = self._resource_json_map.get(logical_id)
        if declared is None or logical_id in self._making:
            problem = (
                "Unresolved resource dependencies" if declared is None else "Circular dependency between resources:"
            )
            raise AwsError("ValidationError", f"{problem} [{logical_id}] in the Resources block of the template")
        condition = declared.get("Condition")
        if condition and not self.lazy_condition_map[condition]:
            return None
        self._making.append(logical_id)
        with failing_as(logical_id, declared["Type"], "update" if logical_id in self.before else "create"):
            resource = self._settle(logical_id, declared)
        self._making.pop()
        self.made[logical_id] = resource
        return resource

    def _settle(self, logical_id: str, declared: Mapping[str, Any]) -> Resource:
        depends = declared.get("DependsOn", [])
        for dependency in [depends] if isinstance(depends, str) else depends:
            _ = self[dependency]
        kind = TYPES[declared["Type"]]
        properties = self._tagged(kind, finished(clean_json(declared.get("Properties") or {}, self)))
        before = self.before.get(logical_id)
        made = self._create_or_update(logical_id, kind, properties, before)
        resource = Resource(
            logical_id,
            declared["Type"],
            made,
            kind,
            properties,
            declared.get("DeletionPolicy", "Delete"),
            declared.get("UpdateReplacePolicy", "Delete"),
            self._needs.get(logical_id, ()),
        )
        if before is None or before.properties != properties:
            self.report(resource, "CREATE_COMPLETE" if before is None else "UPDATE_COMPLETE", None)
        return resource

    def _create_or_update(
        self, logical_id: str, kind: ResourceType, properties: Properties, before: Resource | None
    ) -> Created:
        if before and before.kind is kind:
            if before.properties == properties:
                return before.made
            try:
                return kind.update(self.scope, before.made, before.properties, properties)
            except ReplacementNeededError:
                self._refuse_same_name(kind, properties, before)
        if before:
            self.replaced.append(before)
        self._refuse_neighbours_name(kind, properties)
        return kind.create(self.scope, self._name(kind, logical_id, properties), properties)

    def _refuse_neighbours_name(self, kind: ResourceType, properties: Properties) -> None:
        """What another stack here already made under this name cannot be made again; AWS names that stack."""
        name = properties.get(kind.name_property)
        stacks = cloudformation_backends[self.scope.account][self.scope.region].stacks.values()
        for stack in [] if name is None else stacks:
            for other in stack.stack_resources:
                if other.kind is kind and other.physical_resource_id == name:
                    raise ValueError(f"{name} already exists in stack {stack.stack_id}")

    @staticmethod
    def _refuse_same_name(kind: ResourceType, properties: Properties, before: Resource) -> None:
        name = properties.get(kind.name_property)
        if name and name == before.properties.get(kind.name_property):
            raise ValueError(
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {name} and update the stack again."
            )

    def _name(self, kind: ResourceType, logical_id: str, properties: Properties) -> str:
        if name := properties.get(kind.name_property):
            return str(name)
        suffix = f"-{random_suffix()}"
        return f"{self._parsed_resources['AWS::StackName']}-{logical_id}"[: kind.longest_name - len(suffix)] + suffix

    def _tagged(self, kind: ResourceType, properties: Properties) -> Properties:
        own = {tag["Key"]: tag["Value"] for tag in tag_list(properties) or []}
        tags = {**self.tags, **own}
        if not kind.tagged or not tags:
            return properties
        return {**properties, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def finished(value: Any) -> Any:
    """Without AWS::NoValue, which moto takes out of objects only, not out of lists."""
    if isinstance(value, dict):
        return {key: finished(item) for key, item in value.items() if item is not None}
    return [finished(item) for item in value if item is not None] if isinstance(value, list) else value


@dataclass
class Removal:
    """What removing resources came to: which failed, and the names of all that are remaining."""

    failures: list[ResourceFailedError] = field(default_factory=list)
    remaining: set[str] = field(default_factory=set)

    def keep(self, resource: Resource) -> None:
        """It stays; and so does what it refers to: nothing is removed before what needs it."""
        self.remaining |= {resource.logical_resource_id, *resource.needs}


def remove(scope: Scope, resources: list[Resource], report: Report, *, replacing: bool = False) -> Removal:
    """Remove resources in this order, but not those to be retained; when one fails, the rest goes on."""
    removal = Removal()
    for resource in resources:
        policy = resource.update_replace_policy if replacing else resource.deletion_policy
        if policy.startswith("Retain"):
            report(resource, "DELETE_SKIPPED", None)
        elif resource.logical_resource_id in removal.remaining:
            removal.keep(resource)
        elif failure := _removed(scope, resource):
            removal.failures.append(failure)
            removal.keep(resource)
            report(resource, "DELETE_FAILED", failure.reason)
        else:
            report(resource, "DELETE_COMPLETE", None)
    return removal


def _removed(scope: Scope, resource: Resource) -> ResourceFailedError | None:
    """Why it could not be removed; what is gone already is removed."""
    try:
        with failing_as(resource.logical_resource_id, resource.cf_resource_type, "delete"):
            resource.kind.delete(scope, resource.made, resource.properties)
    except ResourceFailedError as failure:
        return None if is_gone(failure.reason) else failure
    return None


@contextmanager
def failing_as(logical_id: str, resource_type: str, verb: str) -> Iterator[None]:
    """What AWS or botocore refuses inside becomes the failure of this resource; anything else is our own bug."""
    try:
        yield
    except KeyError as missing:
        reason = f"Properties validation failed for resource {logical_id}: required key {missing} not found"
        raise ResourceFailedError(logical_id, resource_type, verb, reason) from missing
    except ClientError as error:
        said, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        reason = f"{said['Message']} (Status Code: {status}; Error Code: {said['Code']})"
        raise ResourceFailedError(logical_id, resource_type, verb, reason) from error
    except (BotoCoreError, ServiceException, ValueError) as error:
        reason = getattr(error, "message", None) or str(error)
        raise ResourceFailedError(logical_id, resource_type, verb, reason) from error
