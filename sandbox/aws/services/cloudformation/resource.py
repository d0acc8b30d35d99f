"""One resource of a stack, and what a resource type must know to make, change and remove it."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.cloudformation.scope import Scope

Properties = dict[str, Any]


class ReplacementNeededError(Exception):
    """This change cannot be made in place: make a new resource, then remove the old one."""


@dataclass(frozen=True)
class Created:
    """What making a resource gave: what Ref answers, and what Fn::GetAtt answers."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class ResourceType(ABC):
    """How CloudFormation makes, changes and removes resources of one type, through the service's own API."""

    name_property: ClassVar[str] = ""  # where a template may fix the physical name
    longest_name: ClassVar[int] = 64
    tagged: ClassVar[bool] = False  # whether the stack's tags reach it

    @abstractmethod
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Make it; `name` is the physical name, given or generated."""

    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:  # noqa: ARG002
        """Change it in place. Raises ReplacementNeededError."""
        raise ReplacementNeededError

    @abstractmethod
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Remove it."""


class CheckedType(ResourceType):
    """A type drift detection supports: what there is can be described in the words of its properties."""

    compared: ClassVar[Collection[str]] = ()  # the properties `read` answers

    @abstractmethod
    def read(self, scope: Scope, made: Created, wanted: Properties) -> Properties | None:
        """The resource as it is now; None when it is gone. `wanted` is what the template says of it."""


@dataclass(frozen=True)
class Resource:
    """One resource of a stack. The first three names are those by which moto's answers read it."""

    logical_resource_id: str
    cf_resource_type: str
    made: Created
    kind: ResourceType
    properties: Properties
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    needs: Collection[str] = ()  # logical ids of the resources it refers to

    @property
    def physical_resource_id(self) -> str:
        """What Ref answers."""
        return self.made.physical_id

    def get_cfn_attribute(self, name: str) -> Any:
        """What Fn::GetAtt answers; moto calls it by this name. Raises ValidationError."""
        if name not in self.made.attributes:
            raise AwsError(
                "ValidationError",
                f"Template error: resource {self.logical_resource_id} does not support attribute type {name} "
                "in Fn::GetAtt",
            )
        return self.made.attributes[name]

    def is_created(self) -> bool:
        """Asked by moto; nothing here is made in the background."""
        return True


def pick(properties: Mapping[str, Any], *names: str, **renamed: str) -> dict[str, Any]:
    """The named properties that are there; renamed ones as api_name="PropertyName"."""
    pairs = {**{name: name for name in names}, **renamed}
    return {api: properties[name] for api, name in pairs.items() if name in properties}


def lower_first(value: Any) -> Any:
    """The same value with keys as camelCase APIs spell them."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: lower_first(item) for key, item in value.items()}
    return [lower_first(item) for item in value] if isinstance(value, list) else value


def tag_map(properties: Mapping[str, Any]) -> dict[str, str] | None:
    """The Tags property as a map, None without tags."""
    tags = properties.get("Tags")
    pairs = tags if isinstance(tags, dict) else {tag["Key"]: str(tag["Value"]) for tag in tags or []}
    return pairs or None


def tag_list(properties: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """The Tags property as a list, None without tags."""
    return [{"Key": key, "Value": value} for key, value in (tag_map(properties) or {}).items()] or None
