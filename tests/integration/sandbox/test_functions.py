"""Lambda in this process: the handler that was deployed, run as its execution role."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import pytest

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.functions import FunctionFailed, Functions
from sandbox.aws.services.iam import Iam
from sandbox.aws.services.sts import Sts
from sandbox.handlers import FolderHandlers
from tests.integration.sandbox.deployed import REGION, create_function
from tests.integration.sandbox.roles import HUB, trusting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.aws.cloud import Cloud


@pytest.fixture
def functions(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    Sts(cloud, Iam(cloud))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with mock.patch.dict(os.environ):
        yield Functions(cloud, FolderHandlers(tmp_path), {"CONSUMER_DIRECTORY": "/somewhere"})


def test_the_handler_gets_the_payload_and_its_answer_comes_back(
    cloud: Cloud, functions: Functions, tmp_path: Path
) -> None:
    arn = create_function(cloud, tmp_path, "echo", "return {'got': event, 'name': context.function_name}")
    assert functions.invoke(arn, {"a": [1]}) == {"got": {"a": [1]}, "name": "echo"}


def test_the_quota_of_functions_at_once_is_shown(cloud: Cloud, functions: Functions) -> None:
    with cloud.administering(HUB):
        shown = [cloud.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]]
        functions.at_once = 10
        shown.append(cloud.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    assert shown == [1000, 10]


def test_a_handlers_clients_sign_as_its_execution_role(cloud: Cloud, functions: Functions, tmp_path: Path) -> None:
    arns = [
        create_function(cloud, tmp_path, name, "return boto3.client('sts').get_caller_identity()['Arn']")
        for name in ("one", "two")
    ]
    assert [functions.invoke(arn, {}).split("/")[1] for arn in arns] == ["one-role", "two-role"]


def test_a_role_that_does_not_trust_lambda_runs_nothing(cloud: Cloud, functions: Functions, tmp_path: Path) -> None:
    trust = trusting({"Service": "states.amazonaws.com"})
    arn = create_function(cloud, tmp_path, "echo", "return event", trust=trust)
    with pytest.raises(AwsError, match=r"lambda\.amazonaws\.com is not authorized to perform: sts:AssumeRole"):
        functions.invoke(arn, {})


def test_an_answer_that_is_no_json_is_an_error(cloud: Cloud, functions: Functions, tmp_path: Path) -> None:
    arn = create_function(cloud, tmp_path, "bad", "return {1, 2}")
    with pytest.raises(FunctionFailed) as caught:
        functions.invoke(arn, {})
    assert caught.value.payload["errorType"] == "TypeError"


def test_the_api_answers_an_exception_as_the_runtime_does(cloud: Cloud, functions: Functions, tmp_path: Path) -> None:
    assert functions
    create_function(cloud, tmp_path, "bad", "raise LookupError('nobody')")
    with cloud.administering(HUB):
        answer = cloud.client("lambda").invoke(FunctionName="bad", Payload=b"{}")
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("LookupError", "nobody")
    assert any("bad.py" in line for line in payload["stackTrace"])


def test_the_environment_is_the_templates_and_the_sandboxs(cloud: Cloud, functions: Functions, tmp_path: Path) -> None:
    names = "['TABLE', 'CONSUMER_DIRECTORY', 'AWS_REGION']"
    body = f"return [os.environ[name] for name in {names}]"
    arn = create_function(cloud, tmp_path, "env", body, TABLE="registry")
    assert functions.invoke(arn, {}) == ["registry", "/somewhere", REGION]


def test_each_function_has_its_own_environment(cloud: Cloud, functions: Functions, tmp_path: Path) -> None:
    body = "return [os.environ.get('TABLE'), os.environ.get('ONLY_TWO')]"
    one = create_function(cloud, tmp_path, "one", body, TABLE="registry")
    two = create_function(cloud, tmp_path, "two", body, TABLE="another", ONLY_TWO="yes")
    assert [functions.invoke(each, {}) for each in (one, two, one)] == [
        ["registry", None],
        ["another", "yes"],
        ["registry", None],
    ]
    assert "TABLE" not in os.environ


def test_a_changed_environment_counts_from_the_next_invocation_and_nothing_read_before_is_kept(
    cloud: Cloud, functions: Functions, tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/__init__.py").touch()
    (tmp_path / "kept/table.py").write_text("import os\nNAME = os.environ['TABLE']", encoding="utf-8")
    arn = create_function(cloud, tmp_path, "reads", "import kept.table\nreturn kept.table.NAME", TABLE="first")
    sys.path.insert(0, str(tmp_path))
    found = []
    for name in ("first", "second", "third", "first"):
        with cloud.administering(HUB):
            cloud.client("lambda").update_function_configuration(
                FunctionName="reads", Environment={"Variables": {"TABLE": name}}
            )
        found.append(functions.invoke(arn, {}))
    assert found == ["first", "second", "third", "first"]


def test_a_function_that_does_not_exist_is_not_found(functions: Functions) -> None:
    with pytest.raises(AwsError, match="Function not found"):
        functions.invoke(f"arn:aws:lambda:{REGION}:{HUB}:function:nobody", {})
