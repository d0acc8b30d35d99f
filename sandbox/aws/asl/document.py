"""A definition's text as data: placeholders replaced, YAML or JSON loaded, nothing silently dropped."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from sandbox.aws.yaml_loader import SafeLoader

PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_.:-]+)\}")


class _Loader(SafeLoader):  # type: ignore[misc]  # one of two
    """YAML as a definition means it: no duplicate keys, and times stay the strings they are."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if repeated := {str(key) for key in keys if keys.count(key) > 1}:
            raise ValueError(f"{', '.join(sorted(repeated))} stands there twice, line {node.start_mark.line + 1}")
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
}


def load(definition: str | Mapping[str, Any], substitutions: Mapping[str, str]) -> Any:
    """The definition as data; what no substitution answers stays as it is. Raises ValueError."""
    if not isinstance(definition, str):
        return _replaced(dict(definition), substitutions)
    try:
        return yaml.load(_replaced(definition, substitutions), _Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(f"neither YAML nor JSON: {error}") from error


def unresolved(value: Any) -> Iterator[str]:
    """The placeholders still in there."""
    if isinstance(value, str):
        yield from (found[0] for found in PLACEHOLDER.finditer(value))
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from unresolved(item)


def _replaced(value: Any, substitutions: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: str(substitutions.get(found[1], found[0])), value)
    if isinstance(value, dict):
        return {key: _replaced(item, substitutions) for key, item in value.items()}
    return [_replaced(item, substitutions) for item in value] if isinstance(value, list) else value
