"""What the models of profiles.yaml say, as a JSON schema for editors and as rows of docs/reference/profiles.md.

`PYTHONPATH=layers/control_plane python -m tests.contract.profile_pages` writes the schema and prints the rows.
"""

import json
import sys
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from control_plane.profiles import Profile, Profiles
from tests.contract.project import ROOT

SCHEMA = ROOT / "docs/reference/profiles.schema.json"
KINDS = {
    "array": "list",
    "string": "text",
    "integer": "number",
    "boolean": "true or false",
    "object": "keys with values",
}


def schema() -> str:
    """The file as a JSON schema."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "layers/consumer/profiles.yaml of Quick Onboarding",
        "$comment": "Made from the models by tests/contract/profile_pages.py. `make build` checks more than this can.",
    }
    return json.dumps({**Profiles.model_json_schema(), **described}, indent=2, ensure_ascii=False) + "\n"


def rows() -> list[str]:
    """One row for each field of a profile."""
    properties = Profile.model_json_schema()["properties"]
    return [
        f"| `{name}` | {_kind(properties[name])} | {_default(field)} | {field.description} |"
        for name, field in Profile.model_fields.items()
    ]


def _kind(described: Any) -> str:
    """The kind of value in words; of a value that may be missing, without saying so."""
    kinds = described.get("anyOf", [described])
    return KINDS[kinds[0]["type"]]


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None or field.default in ([], {}):
        return "none"
    return f"`{json.dumps(field.default).strip(chr(34))}`"


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
    sys.stdout.write("\n".join(rows()) + "\n")
