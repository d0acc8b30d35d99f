"""Are the schema and the page of profiles.yaml those that its models make?"""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from control_plane.errors import InvalidProfiles
from control_plane.profiles import Profile, parse
from tests.contract import profile_pages, project
from tests.contract.project import ROOT

SHIPPED = ROOT / "layers/consumer/profiles.yaml"
WRITE = "run PYTHONPATH=layers/control_plane python -m tests.contract.profile_pages"


def test_the_schema_is_the_models() -> None:
    assert profile_pages.SCHEMA.read_text(encoding="utf-8") == profile_pages.schema(), WRITE


def test_the_page_has_a_row_for_every_field_and_no_other() -> None:
    lines = [
        line for line in project.sections(project.reference("profiles"))["Fields"].splitlines() if line[:3] == "| `"
    ]
    assert lines == profile_pages.rows(), WRITE


def test_every_field_says_what_it_is_for() -> None:
    assert [name for name, field in Profile.model_fields.items() if not field.description] == []


def test_the_file_we_ship_names_its_schema_for_editors() -> None:
    first = SHIPPED.read_text(encoding="utf-8").splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (SHIPPED.parent / named).resolve() == profile_pages.SCHEMA


@pytest.mark.parametrize("name", ["profiles", "Profile"])
def test_the_schema_refuses_keys_nobody_knows(name: str) -> None:
    described = json.loads(profile_pages.schema())
    model = described if name == "profiles" else described["$defs"][name]
    assert model["additionalProperties"] is False


def test_the_file_we_ship_has_only_fields_that_the_schema_has() -> None:
    known = json.loads(profile_pages.schema())["$defs"]["Profile"]["properties"]
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["profiles"]
    assert {key for values in shipped.values() for key in values} <= set(known)


def _validator() -> Any:
    return jsonschema.Draft202012Validator(json.loads(profile_pages.schema()))


def test_an_editor_accepts_the_file_we_ship() -> None:
    assert not list(_validator().iter_errors(yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    "changes",
    [
        {"databases": ["*"]},
        {"databases": []},
        {"data_buckets": ["ab*"]},
        {"tables": ["orders"]},
        {"owners": "owners"},
        {"bytes_scanned_limit": 5},
        {"cost_tags": {"team": "a,b"}},
        {"folders": ["sales"]},
    ],
)
def test_an_editor_marks_what_the_build_refuses(changes: dict[str, Any]) -> None:
    profiles = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["profiles"]
    broken = {"profiles": {"default": {**profiles["default"], **changes}}}
    with pytest.raises(InvalidProfiles):
        parse(yaml.safe_dump(broken))
    assert list(_validator().iter_errors(broken))
