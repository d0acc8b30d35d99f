"""What a shell needs to call a served sandbox: exports for one account, or a file with a profile for each."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

Served = dict[str, Any]  # the answer of GET /sandbox/accounts
OF_OURS = "# Written by `python -m sandbox serve --aws-config`: profiles of a served sandbox.\n"
# Version 1 of the aws command has an endpoint of its own in mind for SQS, whatever the environment says.
AWS_FUNCTION = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }\n'


class NotServed(Exception):
    """There is no such sandbox, or no such account in it; the message says which there are."""


def announce(port: int) -> None:
    """Let shells of this user find a sandbox that is served from now on."""
    _ports().mkdir(mode=0o700, exist_ok=True)
    (_ports() / str(port)).touch()


def withdraw(port: int) -> None:
    """It is not served any more."""
    (_ports() / str(port)).unlink(missing_ok=True)


def find(port: int) -> Served:
    """The sandbox at a port, or with port 0 the only one there is. Raises NotServed."""
    ports = [port] if port else sorted(int(path.name) for path in _ports().glob("[0-9]*"))
    found = {each: answer for each in ports if (answer := _ask(each))}
    if len(found) == 1:
        return found.popitem()[1]
    if found:
        raise NotServed(f"several are served: choose one with --port {' or --port '.join(map(str, found))}")
    raise NotServed(f"nothing is served at --port {port}" if port else "nothing is served: start one first")


def exports(served: Served, who: str) -> str:
    """Lines for a shell to evaluate: as whom and where it calls from then on. Raises NotServed."""
    account = next((each for each in served["accounts"] if who in (each["id"], each["kind"])), None)
    if account is None or who == "member":
        known = ", ".join(map(_name, served["accounts"]))
        raise NotServed(f"--env {who}: no account of this organization; there are {known}")
    variables = {name.upper(): value for name, value in account["credentials"].items()} | {
        "AWS_ENDPOINT_URL": served["endpoint_url"],
        "AWS_REGION": served["region"],
        "AWS_DEFAULT_REGION": served["region"],
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    return "".join(["unset AWS_PROFILE\n", *lines, AWS_FUNCTION])


def write_profiles(served: Served, path: Path) -> None:
    """A file for AWS_CONFIG_FILE. Raises NotServed rather than replace a file of somebody else's."""
    if path.exists() and not path.read_text(encoding="utf-8").startswith(OF_OURS):
        raise NotServed(f"--aws-config {path}: it is there already, and not written by this command")
    path.touch(mode=0o600)
    path.write_text("\n".join([OF_OURS, *(_profile(served, each) for each in served["accounts"])]), encoding="utf-8")


def show(port: int, env: str | None, aws_config: Path | None) -> int:
    """What a shell needs for the sandbox that is served already; the exit code: 2 if there is no such thing."""
    try:
        served = find(port)
        if aws_config:
            write_profiles(served, aws_config)
        if env:
            sys.stdout.write(exports(served, env))
    except NotServed as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _profile(served: Served, account: dict[str, Any]) -> str:
    settings = {"region": served["region"], "endpoint_url": served["endpoint_url"], **account["credentials"]}
    return "".join([f"[profile {_name(account)}]\n", *(f"{name} = {value}\n" for name, value in settings.items())])


def _name(account: dict[str, Any]) -> str:
    """What an account is called here: the management account and the hub by what they are, the others by their ids."""
    return str(account["id"] if account["kind"] == "member" else account["kind"])


def _ask(port: int) -> Served | None:
    """The accounts of the sandbox at a port; None if there is none (one that was killed could not withdraw)."""
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/sandbox/accounts", timeout=60) as answer:
            found: Served = json.load(answer)
            return found
    except (OSError, ValueError):
        return None


def _ports() -> Path:
    """A folder of this user's with an empty file for each sandbox that is served, named by its port."""
    return Path(tempfile.gettempdir()) / f"quick-onboarding-served-{os.getuid()}"
