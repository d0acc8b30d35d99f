"""What a call needs: an IAM action on a resource, with the condition keys the service adds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.aws.gateway import Call


@dataclass(frozen=True)
class Need:
    """One action on one resource; `*` for an action without resource types."""

    action: str
    resource: str
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


Needs = Callable[[Call], Iterable[Need]]
Table = dict[tuple[str, str], Needs]


def simple(action: str, resource_of: Callable[[Call], str] = lambda _call: "*") -> Needs:
    """One action on one resource, with the tags the request carries."""
    return lambda call: [Need(action, resource_of(call), request_tags(call))]


def rows(service: str, prefix: str, operations: Mapping[str, Callable[[Call], str]]) -> Table:
    """Operations that need the action of their own name on the one resource they name."""
    return {
        (service, operation): simple(f"{prefix}:{operation}", resource_of)
        for operation, resource_of in operations.items()
    }


def anything(_call: Call) -> str:
    """The resource of actions without resource types."""
    return "*"


def request_tags(call: Call) -> dict[str, str | Sequence[str]]:
    """`aws:RequestTag/key` and `aws:TagKeys`, when the request carries tags or keys of tags."""
    given = call.parameters.get("Tags") or ()
    tags = dict(given) if isinstance(given, Mapping) else {tag["Key"]: tag.get("Value", "") for tag in given}
    keys = [*tags, *(call.parameters.get("TagKeys") or ())]
    listed: dict[str, str | Sequence[str]] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return {**listed, "aws:TagKeys": keys} if keys else listed


def resource_tags(tags: Mapping[str, str], *prefixes: str) -> dict[str, str]:
    """`aws:ResourceTag/key` (and a service's own key of the same meaning) of a resource's tags."""
    return {f"{prefix}:ResourceTag/{key}": value for prefix in ("aws", *prefixes) for key, value in tags.items()}
