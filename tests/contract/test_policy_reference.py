"""Does AWS know what our policies say? Every statement against the Service Authorization Reference."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from control_plane.profiles import Profile
from tests.contract import filled, project
from tests.contract.filled import Filled
from tests.contract.project import ROOT
from tests.contract.service_reference import faults, missing

OURS = Profile(
    description="any",
    databases=["quick_*"],
    data_buckets=["quick-data-{account}*", "shared-lake/public"],
    kms_key_aliases=["alias/quick-data"],
    lake_formation=True,
    owners=["owners"],
)
THEIRS = OURS.model_copy(
    update={
        "work_group": "primary",
        "results_location": "s3://results-{account}/quick/",
        "permissions_boundary": "company/limits",
    }
)
TEMPLATES: dict[str, Filled] = {
    "hub": filled.hub(),
    "forwarding": filled.forwarding(),
    "consumer": filled.consumer(OURS),
    "consumer-theirs": filled.consumer(THEIRS, "prefix"),
}
# Actions that stand on `*` though the reference knows resource types for them.
ON_ANYTHING = {
    "cloudformation:GetTemplateSummary": "a template that is not yet a stack's is no resource; both types are optional",
}
# Actions that need less than the reference says.
ON_LESS = {
    "dynamodb:Query": "on an index: it alone (DynamoDB Developer Guide, using-identity-based-policies)",
}


@dataclass(frozen=True)
class Written:
    """A policy document and where it stands. A boundary, or a denial, only limits: it may say `*` anywhere."""

    where: str
    document: Mapping[str, Any]
    limits: bool = False

    def statements(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The statements by name; of what only limits those parts that AWS may contradict."""
        for number, statement in enumerate(project.as_list(self.document["Statement"])):
            limits = self.limits or statement["Effect"] == "Deny"
            said = {key: part for key, part in statement.items() if key != "Resource" or not limits}
            yield f"{self.where}:{statement.get('Sid', number)}", said


def _written() -> Iterator[Written]:
    for name, template in TEMPLATES.items():
        boundaries = project.boundaries(template.name)
        for logical_id, resource in template.resources().items():
            for document in filled.documents(resource["Properties"]):
                yield Written(f"{name}:{logical_id}", document, logical_id in boundaries)
    for path in sorted((ROOT / "docs/howto/policies").glob("*.json")):
        yield Written(path.stem, json.loads(path.read_text(encoding="utf-8")))


WRITTEN = list(_written())
STATEMENTS = [pair for written in WRITTEN for pair in written.statements()]


@pytest.mark.parametrize("statement", [pytest.param(each, id=where) for where, each in STATEMENTS])
def test_a_statement_says_only_what_aws_knows(statement: Mapping[str, Any]) -> None:
    found = faults(statement, ON_ANYTHING)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("written", [pytest.param(each, id=each.where) for each in WRITTEN if not each.limits])
def test_an_action_is_allowed_on_every_kind_of_resource_it_needs(written: Written) -> None:
    found = missing(written.document, ON_LESS)
    assert not found, "\n".join(found)
