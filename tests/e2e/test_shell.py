"""A served sandbox from a shell: what `serve --env` and `serve --aws-config` give, used by the real aws command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from sandbox import shell
from sandbox.organization import PROJECT
from tests.commands import program
from tests.integration.sandbox.served import start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.sandbox.served import Outside


class Shell:
    """A shell of a user with nothing in the environment but where things are."""

    def __init__(self, outside: Outside, home: Path) -> None:
        self.outside, self.home = outside, home

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """A script, in which `serve` is the command and `aws` is the real one."""
        serve = f'serve() {{ (cd {PROJECT} && {program("sandbox")} serve "$@"); }}\n'
        environment = {
            "PATH": f"{program('aws').parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PROFILE": "of-something-else",
        }
        command = [str(shutil.which("sh")), "-c", f"{serve}{script}"]
        return subprocess.run(
            command, env=environment, cwd=self.home, check=False, capture_output=True, text=True, timeout=120
        )

    def json(self, script: str) -> Any:
        """What it prints; it must succeed."""
        done = self.run(script)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A user with one sandbox, whose control plane is not deployed."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(home))
        outside = start("--empty", "--accounts", "1")
    yield Shell(outside, home)
    stop(outside)


@pytest.mark.parametrize("who", ["hub", "management", "member"])
def test_the_exports_make_a_shell_an_administrator_of_the_account(user: Shell, who: str) -> None:
    account_id = user.outside.accounts[who] if who != "member" else user.outside.accounts["members"][0]
    word = account_id if who == "member" else who
    said = user.json(f'eval "$(serve --env {word})"; aws sts get-caller-identity')
    assert said["Account"] == account_id


def test_after_the_exports_the_aws_command_finds_queues_as_well(user: Shell) -> None:
    said = user.json('eval "$(serve --env hub)"; aws sqs create-queue --queue-name mine')
    assert said["QueueUrl"].endswith(f"/{user.outside.accounts['hub']}/mine")


def test_the_trail_the_guide_looks_for_is_there(user: Shell) -> None:
    said = user.json('eval "$(serve --env management)"; aws cloudtrail describe-trails --region us-east-1')
    (trail,) = said["trailList"]
    assert trail["IsOrganizationTrail"]
    assert trail["IsMultiRegionTrail"]


def test_the_file_has_a_profile_for_each_account_also_for_one_that_came_later(user: Shell) -> None:
    arguments = "--email later@example.com --account-name later"
    created = user.json(f'eval "$(serve --env management)"; aws organizations create-account {arguments}')
    user.outside.advance(60)
    asked = f"describe-create-account-status --create-account-request-id {created['CreateAccountStatus']['Id']}"
    status = user.json(f'eval "$(serve --env management)"; aws organizations {asked}')["CreateAccountStatus"]
    accounts = user.outside.accounts
    profiles = {each: each for each in (*accounts["members"], *accounts["suspended"], status["AccountId"])}
    profiles |= {"hub": accounts["hub"], "management": accounts["management"]}
    for profile, account_id in profiles.items():
        calling = f"serve --aws-config {user.home}/config && AWS_CONFIG_FILE={user.home}/config"
        assert user.json(f"{calling} aws --profile {profile} sts get-caller-identity")["Account"] == account_id
    assert (user.home / "config").read_text(encoding="utf-8").count("[profile ") == len(profiles)


def test_a_file_of_somebody_elses_is_not_replaced(user: Shell) -> None:
    (user.home / "theirs").write_text("[default]\nregion = us-east-1\n", encoding="utf-8")
    done = user.run(f"serve --aws-config {user.home}/theirs")
    assert (done.returncode, done.stdout) == (2, "")
    assert "it is there already" in done.stderr
    assert (user.home / "theirs").read_text(encoding="utf-8").startswith("[default]")


def test_an_account_there_is_not_is_said_to_be_none(user: Shell) -> None:
    done = user.run("serve --env member")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--env member: no account of this organization; there are management, hub, ")


def test_an_empty_organization_has_boundaries_and_no_control_plane(user: Shell) -> None:
    said = user.json('eval "$(serve --env hub)"; aws cloudformation describe-stacks')
    assert [stack["StackName"] for stack in said["Stacks"]] == ["quick-onboarding-boundaries"]
    assert user.outside.said["registry_table"] is None


def test_a_sandbox_that_is_not_served_any_more_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(shell.NotServed, match="nothing is served: start one first"):
        shell.find(0)
    shell.announce(1)  # nothing listens there
    with pytest.raises(shell.NotServed, match="nothing is served: start one first"):
        shell.find(0)
    with pytest.raises(shell.NotServed, match="nothing is served at --port 1"):
        shell.find(1)


def test_of_several_one_must_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(shell, "_ask", lambda port: {"endpoint_url": f"http://localhost:{port}"})
    shell.announce(5001)
    shell.announce(5000)
    with pytest.raises(shell.NotServed, match="choose one with --port 5000 or --port 5001"):
        shell.find(0)
    assert shell.find(5001) == {"endpoint_url": "http://localhost:5001"}
    shell.withdraw(5000)
    assert shell.find(0) == {"endpoint_url": "http://localhost:5001"}
