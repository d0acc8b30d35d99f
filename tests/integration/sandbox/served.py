"""A served sandbox as a process of its own, for the tests that know it from outside only."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.error
import urllib.request
from typing import Any

import boto3
from botocore.config import Config

from sandbox.organization import PROJECT
from tests.commands import installed, program


class Outside:
    """A served sandbox as its clients know it: by the one line it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.line = process.stdout.readline()
        self.said: dict[str, Any] = json.loads(self.line)
        self.accounts = self.said["accounts"]

    def client(self, account: str, service: str, credentials: dict[str, str] | None = None) -> Any:
        """A client as an administrator of an account, or with other credentials."""
        region = "us-east-1" if service == "organizations" else self.said["region"]
        keys: Any = credentials or self.said["credentials"][account]
        session = boto3.Session(region_name=region, **keys)
        config = Config(retries={"total_max_attempts": 1})
        return session.client(service, endpoint_url=self.said["endpoint_url"], config=config)  # type: ignore[call-overload]  # any service

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One of the /sandbox endpoints."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own server on this machine
            self.said["endpoint_url"] + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        status, answer = self.ask("POST", "/sandbox/advance", {"seconds": seconds})
        assert status == 200, answer
        assert not answer["running"]

    def calls(self) -> list[dict[str, str]]:
        """Every call so far."""
        _, answer = self.ask("GET", "/sandbox/calls")
        found: list[dict[str, str]] = answer["calls"]
        return found

    @property
    def organizations(self) -> Any:
        """Organizations as the management account's administrator."""
        return self.client(self.accounts["management"], "organizations")

    def tag(self, account_id: str, value: str = "enabled") -> None:
        """Tag an account."""
        self.organizations.tag_resource(ResourceId=account_id, Tags=[{"Key": self.said["opt_in_tag"], "Value": value}])


def command(*options: str, loaded: bool = True) -> list[str]:
    """`python -m sandbox serve`, with time that moves only when asked to."""
    sandbox = [str(program("sandbox"))] if loaded else installed("sandbox")
    return [*sandbox, "serve", "--speed", "0", *options]


def start(*options: str, loaded: bool = True) -> Outside:
    """A served sandbox; it is deployed when this returns."""
    return Outside(
        subprocess.Popen(
            command(*options, loaded=loaded), cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    )


def stop(outside: Outside) -> tuple[int, str]:
    """The exit code, and what else it printed on stdout; also what it printed on stderr, if it failed."""
    outside.process.send_signal(signal.SIGTERM)
    rest, errors = outside.process.communicate(timeout=30)
    return outside.process.returncode, rest + errors if outside.process.returncode else rest
