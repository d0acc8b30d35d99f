"""The deploy guide, command by command: the real sam and aws, a served sandbox, and the guide's policies only."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.organization import PROJECT
from tests.commands import installed, program
from tests.integration.sandbox.served import start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.sandbox.served import Outside

GUIDE = (PROJECT / "docs/howto/deploy.md").read_text(encoding="utf-8")
DEPLOYER = "deploys-quick"
SOURCES = ("template.yaml", "samconfig.toml", "stacks", "statemachines", "functions", "layers", "docs")
LIMIT = 300  # seconds for one command


def commands(step: int) -> list[str]:
    """The commands of one step of the guide, as they stand there."""
    (section,) = re.findall(rf"^## {step}\. .*?(?=^## )", GUIDE, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^    (\S.*)$", section, flags=re.MULTILINE)


class Reader:
    """Somebody who follows the guide in a checkout of their own, and types what it says."""

    def __init__(self, outside: Outside, home: Path) -> None:
        self.outside, self.home = outside, home
        self.hub, self.management = outside.accounts["hub"], outside.accounts["management"]
        self.words = {
            "<hub>": self.hub,
            "<management>": self.management,
            "<region>": outside.said["region"],
            "<deployer>": DEPLOYER,
            "<control tower region>": "eu-central-1",
        }
        for name in SOURCES:
            copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
            copy(PROJECT / name, home / name)

    def type(self, keys: dict[str, str], command: str, answers: str = "", *, loaded: bool = True) -> str:
        """What a command prints; it must succeed."""
        for name, value in self.words.items():
            command = command.replace(name, value)
        assert "<" not in command, command
        path, *arguments = shlex.split(command)
        name = path.removeprefix(".venv/bin/")
        called = [str(program(name))] if loaded else installed(name)
        done = subprocess.run(
            [*called, *arguments], env=self._environment(keys),
            cwd=self.home, input=answers, check=False, capture_output=True, text=True, timeout=LIMIT,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout[-3_000:]}\n{done.stderr[-3_000:]}"
        return done.stdout

    def administrator(self, account: str) -> dict[str, str]:
        """An administrator of an account."""
        keys: dict[str, str] = self.outside.said["credentials"][account]
        return keys

    def deployer(self, account: str) -> dict[str, str]:
        """A session of the role that has the guide's policies of this account, and nothing else."""
        arn = f"arn:aws:iam::{account}:role/{DEPLOYER}"
        given = self.outside.client(account, "sts").assume_role(RoleArn=arn, RoleSessionName="deploying")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    def requested(self, parameter: str) -> str:
        """What the guide's own command says a parameter is."""
        if parameter == "ForwardingAccounts":
            return str(self.management)
        found = re.search(rf"^\| `{parameter}` \| `(aws [^`]+)`", GUIDE, flags=re.MULTILINE)
        return str(json.loads(self.type(self.administrator(self.management), str(found[1])))) if found else ""

    def _environment(self, keys: dict[str, str]) -> dict[str, str]:
        return {
            **{name.upper(): value for name, value in keys.items()},
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AWS_ENDPOINT_URL": self.outside.said["endpoint_url"],
            "AWS_DEFAULT_REGION": "us-east-1",  # not Quick's: where it matters the guide must say so
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
            "SAM_CLI_POLL_DELAY": "0.2",
            "SAM_CLI_TELEMETRY": "0",
        }


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    outside = start("--no-deploy", "--accounts", "1")
    yield Reader(outside, tmp_path_factory.mktemp("checkout"))
    stop(outside)


def guided_answers(reader: Reader) -> str:
    """The stack's name, the Region, each parameter, then Enter for what is left, and yes to the changes."""
    template = (PROJECT / "template.yaml").read_text(encoding="utf-8")
    section = template[template.index("\nParameters:") : template.index("\nConditions:")]
    parameters = re.findall(r"^  (\w+):$", section, flags=re.MULTILINE)
    assert {"ManagementAccountId", "NotificationEmail"} <= set(parameters)
    values = [reader.requested(parameter) for parameter in parameters]
    return "\n".join(["", reader.outside.said["region"], *values, "", "", "", "", "", "", "y", ""])


def test_the_guides_commands_deploy_both_stacks_with_the_guides_policies_only(reader: Reader) -> None:
    in_the_hub, in_management = reader.administrator(reader.hub), reader.administrator(reader.management)
    _make_deployers(reader)

    (boundaries,) = commands(2)
    for administrator in (in_the_hub, in_management):
        reader.type(administrator, boundaries)
    for command in commands(3):
        reader.type(in_management if "forwarding" in command else in_the_hub, command)
    assert commands(4)[-1] == "make build"  # what `make test` has run before; sam deploys the sources without it
    reader.outside.advance(60)

    guided, again, look = commands(5)
    reader.type(reader.deployer(reader.hub), guided, guided_answers(reader), loaded=False)
    kept = tomllib.loads((reader.home / "samconfig.toml").read_text(encoding="utf-8"))["default"]["deploy"][
        "parameters"
    ]
    assert kept["region"] == reader.outside.said["region"]
    assert reader.management in kept["parameter_overrides"]
    _change_something(reader)
    assert "UPDATE_COMPLETE" in reader.type(reader.deployer(reader.hub), again, "y\n")
    status, outputs = json.loads(reader.type(reader.deployer(reader.hub), look))
    assert status == "UPDATE_COMPLETE"
    reader.words |= {f"<{each['OutputKey']}>": each["OutputValue"] for each in outputs}

    for forward in commands(6):
        reader.type(reader.deployer(reader.management), forward, "y\n")
    assert _made_by_the_deployer(reader, "PutTargets") == {reader.hub, reader.management}
    _connects(reader)


def _make_deployers(reader: Reader) -> None:
    """A role without a permission, in both accounts."""
    for account in (reader.hub, reader.management):
        who = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [who]})
        reader.outside.client(account, "iam").create_role(RoleName=DEPLOYER, AssumeRolePolicyDocument=trust)


def _change_something(reader: Reader) -> None:
    """A role's policy and a role of its own, as a new version might: both by the boundary's leave."""
    path = reader.home / "template.yaml"
    text = path.read_text(encoding="utf-8").replace(
        "Lets one rule start ReconcileAccount", "Lets a rule start ReconcileAccount"
    )
    path.write_text(text.replace("GRACE_DAYS: !Ref", "CHANGED: 'yes'\n        GRACE_DAYS: !Ref"), encoding="utf-8")


def _made_by_the_deployer(reader: Reader, operation: str) -> set[str]:
    """The accounts in which CloudFormation did so with the deployer's permissions."""
    calls = [call for call in reader.outside.calls() if call["operation"] == operation]
    assert {call["role"].rsplit("/", 1)[-1] for call in calls} == {DEPLOYER}
    return {call["account"] for call in calls}


def _connects(reader: Reader) -> None:
    """What was deployed works, within its boundaries."""
    (account,) = reader.outside.accounts["members"]
    reader.words["<account>"] = account
    reader.outside.advance(60)  # the new roles' policies take a moment everywhere in AWS, and time stands still here
    (tag,) = commands(7)
    reader.type(reader.administrator(reader.management), tag)
    reader.outside.advance(600)
    (look,) = re.findall(r"`(aws dynamodb query [^`]+)`", GUIDE)
    items: list[Any] = json.loads(reader.type(reader.administrator(reader.hub), look))["Items"]
    assert [item["status"]["S"] for item in items if item["sk"]["S"] == "connection#default"] == ["connected"]
