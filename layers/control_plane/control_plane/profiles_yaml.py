"""Read the text of profiles.yaml. A module of its own, so that only whoever reads the file loads a YAML reader."""

from collections.abc import Hashable
from typing import Any

import yaml

from control_plane.errors import InvalidProfiles


class Loader(yaml.SafeLoader):
    """A YAML loader that finds duplicate keys: plain YAML would silently use the last one."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        """A mapping, and a fault for each of its keys that is there more than once."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            name, line = key.value, key.start_mark.line + 1
            if isinstance(name, str) and name in lines:
                self.duplicates.append(f"{name} is there twice, in line {lines[name]} and in line {line}")
            elif isinstance(name, str):
                lines[name] = line
        return super().construct_mapping(node, deep)


def read(text: str) -> tuple[Any, list[str]]:
    """The text's content, and its duplicate keys."""
    try:
        loader = Loader(text)
        content = loader.get_single_data()
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an invalid date
        raise InvalidProfiles(f"profiles.yaml is not YAML we can read: {' '.join(str(error).split())}") from error
    return content, loader.duplicates
