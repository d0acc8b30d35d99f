"""Functions and state machines as a deployment leaves them, for tests."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from tests.integration.sandbox.roles import HUB, create_role, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.aws.cloud import Cloud
    from tests.integration.sandbox.roles import Statement

REGION = "eu-west-1"


def create_function(
    cloud: Cloud, folder: Path, name: str, body: str, *statements: Statement, trust: str = "", **environment: str
) -> str:
    """A function whose handler's body (it sees `event` and `context`) lies in the folder; answers its ARN."""
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    (folder / f"{name}.py").write_text(f"import os\nimport boto3\n\ndef handler(event, context):\n{indented}")
    role = create_role(cloud, f"{name}-role", statements, trust)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("unused.py", "")
    with cloud.administering(HUB):
        function = cloud.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler=f"{name}.handler",
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": environment},
        )
    return str(function["FunctionArn"])


def create_machine(cloud: Cloud, states: dict[str, Any], *statements: Statement, name: str = "machine") -> str:
    """A state machine that begins with its first state; answers its ARN."""
    role = create_role(cloud, f"{name}-role", statements, trusting({"Service": "states.amazonaws.com"}))
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    with cloud.administering(HUB):
        made = cloud.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=role
        )
    return str(made["stateMachineArn"])
