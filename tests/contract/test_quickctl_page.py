"""Does docs/reference/quickctl.md say what the commands are, and does quickctl read what the template writes?"""

import json
import re
from typing import Any

import pytest
from typer.main import get_command

from control_plane.settings import FIELDS
from quickctl import deployment, reference
from quickctl.app import app
from tests import recordings
from tests.contract import project
from tests.contract.project import HUB, ROOT

POLICIES = ("operator", "operator-act", "doctor-management")
ROOT_COMMANDS = {name.partition(" ")[0] for name in reference.RESULTS}


def test_the_page_is_what_the_commands_say() -> None:
    _, _, generated = reference.PAGE.read_text(encoding="utf-8").partition(reference.MARKER)
    assert generated.lstrip() == reference.text(), "write it anew: python -m quickctl.reference"


def test_every_command_has_a_documented_result() -> None:
    assert {name for name, _ in reference.commands(get_command(app))} == set(reference.RESULTS)


def test_every_command_has_a_recording_in_the_documents() -> None:
    typed = [
        words.removeprefix("quickctl ")
        for page in recordings.pages()
        for block in recordings.BLOCK.findall(page.read_text(encoding="utf-8"))
        for words in recordings.COMMAND.findall(block[1])
    ]
    names = {name for name, _ in reference.commands(get_command(app))}
    assert {name for name in names if not any(f"{words} ".startswith(f"{name} ") for words in typed)} == set()


def test_the_page_says_of_every_command_whether_it_changes_something() -> None:
    rows = project.tables(project.reference("quickctl"))["Install it"]
    named = {code.partition(" ")[0] for row in rows for cell in row for code in project.codes(cell)}
    assert named == ROOT_COMMANDS


def test_every_field_of_a_result_is_described() -> None:
    models = {model for result in reference.RESULTS.values() for model in reference._models(result)}
    assert [(m.__name__, name) for m in models for name, field in m.model_fields.items() if not field.description] == []


def test_settings_are_made_of_the_parameters_that_the_template_makes_them_of() -> None:
    variables = project.template(HUB)["Globals"]["Function"]["Environment"]["Variables"]
    made = {
        name.lower(): value["Ref"] for name, value in variables.items() if isinstance(value, dict) and "Ref" in value
    }
    parameters = set(project.template(HUB)["Parameters"])
    wanted = {name: key for name, key in made.items() if key in parameters and name in FIELDS}
    assert {name: wanted[name] for name in deployment.PARAMETERS} == deployment.PARAMETERS
    assert set(wanted) - set(deployment.PARAMETERS) == {"max_batch_size"}, "of the operator of a stack set alone"


def test_the_outputs_that_quickctl_reads_are_the_stacks() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "quickctl").rglob("*.py")]
    endings = "Arn|Url|TableName|FunctionName"
    named = {name for text in texts for name in re.findall(rf'"([A-Z]\w+(?:{endings}))"', text)}
    assert named >= {"RegistryTableName", "RunAsRoleArn", "ReconcileConnectionArn", "ControlRolloutFunctionName"}
    named -= {"SubscriptionArn", "PolicyArn", "PermissionsBoundaryArn", "RoleArn"}  # of answers of SNS and IAM
    assert named <= set(project.template(HUB)["Outputs"])


@pytest.mark.parametrize("name", POLICIES)
def test_an_operators_policy_fits_and_names_the_hubs_resources(name: str) -> None:
    text = (ROOT / f"docs/howto/policies/{name}.json").read_text(encoding="utf-8")
    assert len("".join(text.split())) <= 6_144
    for statement in json.loads(text)["Statement"]:
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert not [each for each in project.as_list(statement["Action"]) if "*" in each]


@pytest.mark.parametrize("template", [HUB, project.FORWARDING])
def test_every_alarm_names_a_command_to_run(template: str) -> None:
    for name, alarm in project.resources(template, "Alarm").items():
        command = re.search(r"\brun (quickctl .+)\.$", alarm["Properties"]["AlarmDescription"], re.IGNORECASE)
        assert command, name
        words = command[1].split()[1:]
        found = dict(reference.commands(get_command(app)))[words[0]]
        options = {option for parameter in found.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, name


@pytest.mark.parametrize("name", ["operator", "doctor-management"])
def test_what_only_shows_needs_no_permission_to_write(name: str) -> None:
    found: Any = json.loads((ROOT / f"docs/howto/policies/{name}.json").read_text(encoding="utf-8"))
    verbs = {action.partition(":")[2] for action in project.actions(*found["Statement"])}
    assert all(verb.startswith(("Describe", "List", "Lookup", "Get", "Query", "Scan")) for verb in verbs)
