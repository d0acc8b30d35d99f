"""The served sandbox when things go wrong: what it answers, and that it goes on."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from sandbox.__main__ import app
from sandbox.aws.clock import ScaledClock
from sandbox.aws.server import Server
from sandbox.organization import PROJECT, Sandbox
from tests.integration.sandbox.served import command, start, stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENDPOINTS = [
    ("POST", "/sandbox/advance"),
    ("POST", "/sandbox/events"),
    ("GET", "/sandbox/accounts"),
    ("GET", "/sandbox/calls"),
    ("GET", "/sandbox/messages"),
    ("GET", "/sandbox/alarms"),
    ("POST", "/sandbox/faults"),
    ("DELETE", "/sandbox/faults"),
]
LISTED = sorted(map(list, ENDPOINTS))


@dataclass
class Inside:
    """A server in this process, nothing deployed: what it serves can be broken by hand."""

    world: Sandbox
    clock: ScaledClock
    url: str

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON and headers; no Content-Type is sent that says JSON."""
        request = urllib.request.Request(self.url + path, body, method=method)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
                return answer.status, json.loads(answer.read() or b"null"), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null"), dict(error.headers)

    def client(self, service: str) -> Any:
        """As the hub's administrator, over HTTP."""
        keys: Any = self.world.cloud.identities.administrator(self.world.cloud.topology.hub).credentials()
        session = boto3.Session(region_name="eu-west-1", **keys)
        config = Config(retries={"total_max_attempts": 1})
        return session.client(service, endpoint_url=self.url, config=config)  # type: ignore[call-overload]  # any service


@pytest.fixture
def inside() -> Iterator[Inside]:
    clock = ScaledClock(datetime(2026, 11, 24, 8, tzinfo=UTC), speed=0)
    with Sandbox(clock) as world, socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(world, clock, listener)
        thread = threading.Thread(target=server.run)
        thread.start()
        yield Inside(world, clock, server.endpoint_url)
        server.stop()
        thread.join()
    clock.close()


# --- bodies


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"text"', b"7", b"null", b'{"unheard_of": 1}', b"\xff", b"[" * 9999])
def test_a_body_no_endpoint_takes_is_refused_in_words_by_each(inside: Inside, body: bytes) -> None:
    for method, path in ENDPOINTS:
        status, answer, _ = inside.ask(method, path, body)
        assert (status, type(answer["error"])) == (400, str), (method, path)
        assert any(word in answer["error"] for word in ("no JSON", "must be a JSON object", "unheard_of"))
    assert inside.world.faults.active == []
    assert inside.clock.now() == datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("advance", {}, "seconds: Field required"),
        ("advance", {"seconds": -1}, "seconds: Input should be greater than or equal to 0"),
        ("advance", {"seconds": float("nan")}, "seconds: Input should be"),
        ("advance", {"seconds": "soon"}, "seconds: Input should be a valid number"),
        ("events", {"drop": 2}, "drop: Input should be less than or equal to 1"),
        ("events", {"delay_seconds": float("inf")}, "delay_seconds: Input should be"),
        ("faults", {"service": "sts"}, "operation: Field required"),
        ("faults", {"service": "iam", "operation": "GetRole", "effect": "burn"}, "effect: Input should be 'fail'"),
        ("faults", {"service": "iam", "operation": "GetRole", "times": 0}, "times: Input should be greater than"),
        ("faults", {"service": "iam", "operation": "GetRoll"}, "boto3 knows no operation GetRoll of a service iam"),
        ("faults", {"service": "iamb", "operation": "GetRole"}, "boto3 knows no operation GetRole of a service iamb"),
    ],
)
def test_a_field_that_cannot_be_is_named(inside: Inside, path: str, body: Any, words: str) -> None:
    status, answer, _ = inside.ask("POST", f"/sandbox/{path}", json.dumps(body).encode())
    assert (status, words in answer["error"]) == (400, True), answer
    assert inside.world.faults.active == []


def test_a_good_body_needs_no_content_type_and_an_empty_one_means_all_defaults(inside: Inside) -> None:
    assert inside.ask("POST", "/sandbox/advance", b' {"seconds": 60} ')[1]["now"] == "2026-11-24T08:01:00+00:00"
    assert inside.ask("POST", "/sandbox/events")[1] == {"drop": 0, "repeat": 0, "delay_seconds": 0, "seed": 0}
    status, ordered, _ = inside.ask("POST", "/sandbox/faults", b'{"service": "iam", "operation": "GetRole"}')
    assert (status, ordered["times"], len(inside.world.faults.active)) == (200, 1, 1)
    assert inside.ask("DELETE", "/sandbox/faults")[:2] == (200, {})
    assert inside.world.faults.active == []


# --- paths and methods


@pytest.mark.parametrize("path", ["/sandbox/nowhere", "/sandbox/", "/sandbox/calls/", "/sandbox/calls/1"])
def test_an_unknown_path_is_answered_with_those_there_are(inside: Inside, path: str) -> None:
    status, answer, _ = inside.ask("GET", path)
    assert (status, answer["endpoints"]) == (404, LISTED)
    assert path in answer["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/sandbox/advance", "POST"),
        ("HEAD", "/sandbox/calls", "GET"),
        ("POST", "/sandbox/calls", "GET"),
        ("PUT", "/sandbox/faults", "POST, DELETE"),
    ],
)
def test_a_wrong_method_is_answered_with_the_right_ones(inside: Inside, method: str, path: str, allowed: str) -> None:
    status, answer, headers = inside.ask(method, path)
    assert (status, headers["Allow"]) == (405, allowed)
    assert answer is None if method == "HEAD" else answer["endpoints"] == LISTED


# --- advancing


def test_what_fails_during_an_advance_is_named_once_and_the_sandbox_goes_on(inside: Inside) -> None:
    def fail() -> None:
        raise LookupError("no such bus")

    fired: list[datetime] = []
    inside.clock.call_later(5, fail, "EventBridge delivers 42")
    inside.clock.call_later(9, lambda: fired.append(inside.clock.now()), "later")
    status, answer, _ = inside.ask("POST", "/sandbox/advance", b'{"seconds": 60}')
    failures = [{"action": "EventBridge delivers 42", "error": "LookupError('no such bus')"}]
    assert (status, answer) == (500, {"error": "actions failed", "failures": failures})
    assert fired == [datetime(2026, 11, 24, 8, 0, 9, tzinfo=UTC)]
    status, answer, _ = inside.ask("POST", "/sandbox/advance", b'{"seconds": 1}')
    assert (status, answer["now"]) == (200, "2026-11-24T08:01:01+00:00")


def test_an_advance_says_how_far_it_came_and_lists_what_runs(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside.clock, "advance", partial(inside.clock.advance, patience=0.1))
    go_on = threading.Event()
    inside.clock.call_later(4, bool, "quick")
    inside.clock.call_later(4, lambda: go_on.wait(10), "slow, one")
    inside.clock.call_later(4, lambda: go_on.wait(10), "slow, two")
    status, answer, _ = inside.ask("POST", "/sandbox/advance", b'{"seconds": 60}')
    expected = {
        "now": "2026-11-24T08:00:04+00:00",
        "fired": 3,
        "running": ["slow, one", "slow, two"],
        "remaining": 56.0,
    }
    assert (status, answer) == (200, expected)
    status, answer, _ = inside.ask("POST", "/sandbox/advance", b'{"seconds": 56}')
    assert (status, answer["running"]) == (409, ["slow, one", "slow, two"])
    go_on.set()
    status, answer, _ = inside.ask("POST", "/sandbox/advance", b'{"seconds": 56}')
    assert (answer["now"], answer["running"], answer["remaining"]) == ("2026-11-24T08:01:00+00:00", [], 0)


def test_two_advances_at_once_follow_each_other(inside: Inside) -> None:
    def work() -> None:
        time.sleep(0.2)
        inside.clock.call_later(10, lambda: None, "what came of it")

    begin = inside.clock.now()
    inside.clock.call_later(1, work, "work")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: inside.ask("POST", "/sandbox/advance", b'{"seconds": 300}'), range(2)))
    assert [status for status, _, _ in answers] == [200, 200]
    assert sorted(answer["now"] for _, answer, _ in answers) == [
        (begin + timedelta(seconds=seconds)).isoformat() for seconds in (300, 600)
    ]
    assert sorted(answer["fired"] for _, answer, _ in answers) == [0, 2]


def test_a_defect_of_an_endpoint_is_reported_as_such(inside: Inside, capsys: pytest.CaptureFixture[str]) -> None:
    inside.world.cloud.gateway.log.entries.append(None)  # type: ignore[arg-type]  # a broken log
    status, answer, _ = inside.ask("GET", "/sandbox/calls")
    assert (status, answer["error"].startswith("the sandbox failed: ")) == (500, True)
    assert "Traceback" in capsys.readouterr().err
    inside.world.cloud.gateway.log.entries.clear()
    assert inside.ask("GET", "/sandbox/calls")[:2] == (200, {"calls": []})


# --- AWS's protocols


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("dynamodb", "list_tables", {}),  # JSON
        ("iam", "list_roles", {}),  # query
        ("s3", "list_objects_v2", {"Bucket": "any"}),  # XML
        ("quicksight", "list_data_sources", {"AwsAccountId": "444455556666"}),  # REST and JSON
    ],
)
def test_a_defect_reaches_an_aws_client_as_an_error_it_can_read(
    inside: Inside, capsys: pytest.CaptureFixture[str], service: str, operation: str, request_: dict[str, str]
) -> None:
    def break_down(_call: object) -> None:
        raise LookupError("no <such> thing")

    inside.world.cloud.gateway.before.append(break_down)
    with pytest.raises(ClientError) as caught:
        getattr(inside.client(service), operation)(**request_)
    error: Any = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("InternalFailure", 500)
    assert "LookupError: no <such> thing" in error["Error"]["Message"]
    assert "Traceback" in capsys.readouterr().err


def test_an_operation_nobody_implements_is_named_and_not_asked_again(inside: Inside) -> None:
    with pytest.raises(ClientError) as caught:
        inside.client("cloudformation").describe_type(Type="RESOURCE", TypeName="AWS::S3::Bucket")
    error: Any = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("NotImplemented", 501)
    assert "describe_type" in error["Error"]["Message"]
    with pytest.raises(ClientError, match="NotImplemented"):
        inside.client("cloudtrail").list_channels()


# --- beginning and ending


def refused(*options: str) -> str:
    """What it says of options it can't serve; it must end by itself, with 2, before it deploys anything."""
    done = subprocess.run(command(*options), cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_profiles_file_with_a_fault_is_refused_with_its_fault(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("profiles:\n  sales: {description: x, databases: ['*'], data_buckets: [b-x], owners: [o]}\n")
    words = refused("--profiles", str(file))
    assert words.startswith(f"Cannot serve: --profiles {file}: ")
    assert "profiles.sales.databases.0" in words
    assert words.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--profiles", "/nowhere/profiles.yaml"), "does not exist"),
        (("--port", "70000"), "--port"),
        (("--speed", "inf"), "--speed"),
        (("--accounts", "-1"), "--accounts"),
    ],
)
def test_options_that_cannot_be_are_refused(options: tuple[str, str], words: str) -> None:
    done = CliRunner().invoke(app, ["serve", *options])
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_busy_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused("--port", str(port)).startswith(f"Cannot serve: --port {port}: Address already in use")


def test_sigterm_ends_it_though_an_advance_is_under_way(tmp_path: Path) -> None:
    profiles = tmp_path / "mine.yaml"
    shown = (PROJECT / "layers/consumer/profiles.yaml").read_text(encoding="utf-8")
    profiles.write_text(shown.replace("quick-athena-owners", "owners-of-another-name"))
    outside = start("--profiles", str(profiles), "--accounts", "12")
    groups = outside.client(outside.accounts["hub"], "quicksight").list_groups(
        AwsAccountId=outside.accounts["hub"], Namespace="default"
    )["GroupList"]
    assert "owners-of-another-name" in {group["GroupName"] for group in groups}
    for account_id in outside.accounts["members"]:
        outside.tag(account_id)
    with ThreadPoolExecutor(1) as pool:
        advance = pool.submit(outside.advance, 600)
        while not any(each["operation"] == "CreateStackInstances" for each in outside.calls()):
            assert not advance.done()
            time.sleep(0.1)  # or whoever asks takes the time of what is asked about
        ended = stop(outside)
        assert ended == (0, "")
        assert isinstance(advance.exception(), (OSError, urllib.error.URLError))
