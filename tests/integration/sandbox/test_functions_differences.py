"""Where the sandbox's Lambda differs from moto's: functions run, in this process, each as its own role."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.services.functions import FunctionFailed, Functions
from sandbox.services.iam import Iam
from sandbox.services.sts import Sts
from tests.integration.sandbox.world_of_roles import HUB, code, create_role, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.cloud import Cloud

HANDLERS = """
import os
import boto3

def who(event, context):
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    return {"arn": arn, "name": context.function_name, "greeting": os.environ["GREETING"]}

def pair(event, context):
    event.clear()
    return (1, 2)

def fail(event, context):
    raise LookupError("no such thing")
"""


@pytest.fixture
def functions(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """Lambda with the handlers of one file; what it changes of the process is put back."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    Sts(cloud, Iam(cloud))
    (tmp_path / "index.py").write_text(HANDLERS, encoding="utf-8")
    return Functions(cloud, tmp_path, {})


def create(cloud: Cloud, handler: str, trusted: str = "lambda.amazonaws.com", greeting: str = "hello") -> str:
    """A deployed function with a role of its own; its ARN."""
    role = create_role(cloud, f"{handler}-role", trust=trusting({"Service": trusted}))
    code_of_nobody = io.BytesIO()
    with zipfile.ZipFile(code_of_nobody, "w") as archive:
        archive.writestr("index.py", "")
    with cloud.administering(HUB):
        made = cloud.client("lambda").create_function(
            FunctionName=handler,
            Handler=f"index.{handler}",
            Role=role,
            Runtime="python3.13",
            Code={"ZipFile": code_of_nobody.getvalue()},
            Environment={"Variables": {"GREETING": greeting}},
        )
    return str(made["FunctionArn"])


def invoke(cloud: Cloud, function: str, payload: Any = None) -> Any:
    """Invoke, as an administrator of the hub."""
    with cloud.administering(HUB):
        return cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload))


def test_a_function_runs_as_its_own_role_with_the_environment_of_its_template(
    cloud: Cloud, functions: Functions
) -> None:
    assert functions.invoke(create(cloud, "who"), {}) == {
        "arn": f"arn:aws:sts::{HUB}:assumed-role/who-role/who",
        "name": "who",
        "greeting": "hello",
    }


def test_a_function_is_invoked_by_name_too(cloud: Cloud, functions: Functions) -> None:
    assert functions.log
    create(cloud, "pair")
    assert json.loads(invoke(cloud, "pair", {})["Payload"].read()) == [1, 2]


def test_what_goes_in_and_comes_out_is_json_and_nobody_elses(cloud: Cloud, functions: Functions) -> None:
    payload = {"account": "1"}
    assert functions.invoke(create(cloud, "pair"), payload) == [1, 2]
    assert payload == {"account": "1"}


def test_an_exception_is_an_unhandled_error_named_by_its_type(cloud: Cloud, functions: Functions) -> None:
    arn = create(cloud, "fail")
    with pytest.raises(FunctionFailed, match="no such thing"):
        functions.invoke(arn, {})
    answer = invoke(cloud, arn)
    payload = json.loads(answer["Payload"].read())
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (payload["errorType"], payload["errorMessage"]) == ("LookupError", "no such thing")


def test_a_function_whose_role_does_not_trust_lambda_does_not_run(cloud: Cloud, functions: Functions) -> None:
    assert functions.log
    arn = create(cloud, "pair", trusted="states.amazonaws.com")
    with pytest.raises(ClientError) as caught:
        invoke(cloud, arn)
    assert code(caught) == "InvalidParameterValueException"


def test_a_function_there_is_none_of_is_not_found(cloud: Cloud, functions: Functions) -> None:
    assert functions.log
    with pytest.raises(ClientError) as caught:
        invoke(cloud, "nobody")
    assert code(caught) == "ResourceNotFoundException"


def test_a_second_environment_is_refused_as_the_process_has_one(cloud: Cloud, functions: Functions) -> None:
    functions.invoke(create(cloud, "who"), {})
    other = create(cloud, "pair", greeting="good morning")
    with pytest.raises(RuntimeError, match="one environment only"):
        functions.invoke(other, {})
