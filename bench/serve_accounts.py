"""A served sandbox, driven from outside: how long until all accounts are connected, and what it takes.

    .venv/bin/python -m bench.serve_accounts --accounts 300 --speed 100

Starts `python -m sandbox serve`, tags every account with boto3 and waits for as many data sources. At speed 0 it
advances the clock instead of waiting. Prints wall time, the server's CPU time and its peak memory; exits 1 when an
account is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3

STEP = 600  # sandbox seconds of one advance


class Served:
    """A served sandbox as a process of its own."""

    def __init__(self, accounts: int, speed: float) -> None:
        command = [sys.executable, "-m", "sandbox", "serve", "--accounts", str(accounts), "--speed", str(speed)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own server
        assert self.process.stdout
        self.said: dict[str, Any] = json.loads(self.process.stdout.readline())

    def client(self, account: str, service: str, region: str) -> Any:
        """As an administrator of an account."""
        keys: Any = self.said["credentials"][account]
        session = boto3.Session(region_name=region, **keys)
        return session.client(service, endpoint_url=self.said["endpoint_url"])  # type: ignore[call-overload]  # any service

    def tag_all(self) -> None:
        """Tag every member."""
        organizations = self.client(self.said["accounts"]["management"], "organizations", "us-east-1")
        for account in self.said["accounts"]["members"]:
            organizations.tag_resource(ResourceId=account, Tags=[{"Key": self.said["opt_in_tag"], "Value": "enabled"}])

    def connected(self) -> int:
        """How many data sources Quick has."""
        hub = self.said["accounts"]["hub"]
        pages = self.client(hub, "quicksight", self.said["region"]).get_paginator("list_data_sources")
        return sum(len(page["DataSources"]) for page in pages.paginate(AwsAccountId=hub))

    def advance(self, seconds: float) -> Any:
        """What the clock says of an advance."""
        url, body = self.said["endpoint_url"] + "/sandbox/advance", json.dumps({"seconds": seconds}).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:  # noqa: S310 - our own server
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return {"status": error.code, **json.load(error)}

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mebibytes(self) -> float:
        """The most memory it ever held."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def main() -> int:
    """Serve, tag, wait, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--speed", type=float, default=100.0)
    parser.add_argument("--patience", type=float, default=900.0, help="real seconds before it gives up")
    parser.add_argument("--days", type=float, default=0.0, help="sandbox days to advance when all are connected")
    parser.add_argument("--json", action="store_true", help="the figures of the tags once more, as one JSON object")
    options = parser.parse_args()
    served = Served(options.accounts, options.speed)
    try:
        return _drive(served, options)
    finally:
        served.stop()


def _drive(served: Served, options: argparse.Namespace) -> int:
    _say(served, "deployed", 0.0)
    began = time.monotonic()
    served.tag_all()
    _say(served, "tagged", began)
    while (connected := served.connected()) < options.accounts and time.monotonic() - began < options.patience:
        if options.speed:
            time.sleep(2)
        else:
            sys.stdout.write(f"advance: {json.dumps(served.advance(STEP))[:300]}\n")
    seconds = time.monotonic() - began
    _say(served, f"{connected} of {options.accounts} connected", began)
    if options.days:
        began, remaining = time.monotonic(), options.days * 86_400
        while remaining > 0:
            answer = served.advance(remaining)
            if "error" in answer:
                sys.stdout.write(f"advance: {json.dumps(answer)[:300]}\n")
            remaining = answer.get("remaining", remaining)
        _say(served, f"{options.days:g} days later", began)
    if options.json:
        figures = {"accounts": options.accounts, "connected": connected, "seconds": round(seconds, 1)}
        cost = {"cpu_seconds": round(served.cpu_seconds(), 1), "memory_mib": round(served.peak_mebibytes())}
        sys.stdout.write(json.dumps({**figures, **cost}) + "\n")
    return 0 if connected == options.accounts else 1


def _say(served: Served, what: str, began: float) -> None:
    wall = f"{time.monotonic() - began:.0f} s wall, " if began else ""
    sys.stdout.write(f"{what}: {wall}{served.cpu_seconds():.0f} s CPU so far, peak {served.peak_mebibytes():.0f} MiB\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
