"""The sandbox as a server: AWS's own protocols for any client, and a few endpoints under /sandbox/."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ReadTimeoutError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox.aws import error_responses
from sandbox.aws.clock import ActionFailed, DidNotSettle, ScaledClock
from sandbox.aws.faults import LONGEST_SECONDS, Fault
from sandbox.aws.services.events import DeliveryFaults

if TYPE_CHECKING:
    from socket import socket

    from sandbox.aws.embedded import EmbeddedAws

Endpoint = Callable[[Any], Any]
SUBSCRIBE = (
    "Nobody is subscribed by e-mail to the topics in `unread`, so nobody gets what is published to them. Subscribe: "
    "aws sns subscribe --topic-arn <topic> --protocol email --notification-endpoint you@example.com"
)


class BadRequest(Exception):
    """The body is not what the endpoint takes; the message says why."""


class Advance(BaseModel):
    """`POST /sandbox/advance`."""

    model_config = ConfigDict(extra="forbid")
    seconds: float = Field(ge=0, le=LONGEST_SECONDS)


class EventFaults(BaseModel):
    """`POST /sandbox/events`: what happens to organization events on their way, each with its probability."""

    model_config = ConfigDict(extra="forbid")
    drop: float = Field(0.0, ge=0, le=1)
    repeat: float = Field(0.0, ge=0, le=1)
    delay_seconds: float = Field(0.0, ge=0, le=LONGEST_SECONDS)
    seed: int = 0


class Server:
    """Serves one sandbox to whoever connects to a listening socket of this machine."""

    def __init__(self, aws: EmbeddedAws, clock: ScaledClock, listener: socket) -> None:
        self._aws, self._clock = aws, clock
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._advancing = threading.Lock()  # two at once would each see the other's work as never settling
        self._endpoints: dict[tuple[str, str], Endpoint] = {
            ("POST", "/sandbox/advance"): self._advance,
            ("POST", "/sandbox/events"): self._events,
            ("GET", "/sandbox/accounts"): self._accounts,
            ("GET", "/sandbox/calls"): self._calls,
            ("GET", "/sandbox/messages"): self._messages,
            ("GET", "/sandbox/alarms"): self._alarms,
            ("POST", "/sandbox/faults"): self._order_fault,
            ("DELETE", "/sandbox/faults"): self._clear_faults,
        }
        address, port = listener.getsockname()
        self._server = make_server(
            address, port, self._serve, threaded=True, request_handler=QuietHandler, fd=listener.fileno()
        )
        self.port = port

    @property
    def endpoint_url(self) -> str:
        """Where clients point their endpoint_url. By name: the engine knows S3's host by it."""
        return f"http://localhost:{self.port}"

    def run(self) -> None:
        """Serve until `stop`."""
        with self._server:
            self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """Stop serving; safe from a signal handler's thread."""
        threading.Thread(target=self._server.shutdown, daemon=True).start()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/sandbox/"):
            return self._own(Request(environ))(environ, start_response)
        try:
            answer: Iterable[bytes] = self._moto.get_application(environ)(environ, start_response)
        except ReadTimeoutError as error:
            return _json(504, {"error": str(error)})(environ, start_response)
        except Exception as error:  # noqa: BLE001 - reported to the client in its own protocol, and on stderr
            return error_responses.error_response(Request(environ), error)(environ, start_response)
        return answer

    def _own(self, request: Request) -> Response:
        methods = [method for method, path in self._endpoints if path == request.path]
        if not methods:
            return _json(404, {"error": f"no {request.method} {request.path}", "endpoints": self._list()})
        if request.method not in methods:
            message = f"{request.path} takes {' and '.join(methods)}, not {request.method}"
            return _json(405, {"error": message, "endpoints": self._list()}, {"Allow": ", ".join(methods)})
        return self._answered(self._endpoints[request.method, request.path], request)

    def _list(self) -> list[list[str]]:
        return sorted(map(list, self._endpoints))

    def _answered(self, endpoint: Endpoint, request: Request) -> Response:
        try:
            return _json(200, endpoint(_body(request)))
        except (BadRequest, ValidationError) as error:
            return _json(400, {"error": _words(error)})
        except DidNotSettle as error:
            return _json(409, {"error": "nothing that runs has ended", "running": list(error.running)})
        except ActionFailed as error:  # time went on, and so does the sandbox
            failures = [{"action": name, "error": repr(failure)} for name, failure in error.failed]
            return _json(500, {"error": "actions failed", "failures": failures})
        except Exception as error:  # noqa: BLE001 - a defect of ours: in words to the client, in full on stderr
            traceback.print_exception(error)
            return _json(500, {"error": f"the sandbox failed: {error!r}"})

    def _advance(self, body: Any) -> Any:
        asked = Advance.model_validate(body)
        with self._advancing:
            done = self._clock.advance(asked.seconds)
        return {
            "now": done.now.isoformat(),
            "fired": done.fired,
            "running": done.running,
            "remaining": done.remaining,
        }

    def _events(self, body: Any) -> Any:
        asked = EventFaults.model_validate(body)
        self._aws.events.delivery_faults = DeliveryFaults(
            seed=asked.seed, drop=asked.drop, repeat=asked.repeat, delay=asked.delay_seconds
        )
        return asked.model_dump()

    def _calls(self, _body: Any) -> Any:
        entries = list(self._aws.cloud.gateway.log.entries)
        return {"calls": [{**asdict(entry), "time": entry.time.isoformat()} for entry in entries]}

    def _accounts(self, _body: Any) -> Any:
        """Every account there is now, with an administrator's credentials."""
        cloud = self._aws.cloud
        with cloud.gateway.lock:
            members = self._aws.organizations.accounts
        kinds = {cloud.topology.management: "management", cloud.topology.hub: "hub"}
        accounts = [
            {
                "id": member.id,
                "name": member.name,
                "state": member.state,
                "kind": kinds.get(member.id, "member"),
                "credentials": cloud.identities.administrator(member.id).credentials(),
            }
            for member in members
        ]
        return {"endpoint_url": self.endpoint_url, "region": cloud.topology.region, "accounts": accounts}

    def _messages(self, _body: Any) -> Any:
        """Every e-mail, and each topic of which nobody would get one."""
        sns = self._aws.sns
        messages = [{**asdict(mail), "time": mail.time.isoformat()} for mail in list(sns.outbox)]
        with self._aws.cloud.gateway.lock:
            unread = [{"topic": topic, "published": number} for topic, number in sorted(sns.unread().items())]
        return {"messages": messages, "unread": unread} | ({"note": SUBSCRIBE} if unread else {})

    def _alarms(self, _body: Any) -> Any:
        return {"alarms": [{**alarm, "since": alarm["since"].isoformat()} for alarm in self._aws.alarms.states()]}

    def _order_fault(self, body: Any) -> Any:
        asked = Fault.model_validate(body)
        return self._aws.faults.order(**asked.model_dump()).model_dump()

    def _clear_faults(self, _body: Any) -> Any:
        self._aws.faults.clear()
        return {}


class QuietHandler(MotoRequestHandler):  # type: ignore[misc]  # moto ships no types
    """Says nothing of requests that went well; stdout belongs to the one line that is promised."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: `GET /sandbox/calls` has them all."""


def _body(request: Request) -> dict[str, Any]:
    """A request's JSON object, whatever its Content-Type says; no body is an empty one."""
    data = request.get_data()
    if not data.strip():
        return {}
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest(f"the body must be a JSON object, not {json.dumps(body)[:80]}")
    if body and request.method != "POST":
        raise BadRequest(f"{request.method} {request.path} takes no fields: {', '.join(body)}")
    return body


def _words(error: BadRequest | ValidationError) -> str:
    if isinstance(error, BadRequest):
        return str(error)
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(": ".join(filter(None, (".".join(map(str, fault["loc"])), fault["msg"]))) for fault in faults)


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(body) + "\n", status=status, headers=headers, content_type="application/json")
