"""The sandbox as a server: AWS's own protocols for any client, and a few endpoints under /sandbox/."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ReadTimeoutError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox.clock import DidNotSettle, ScaledClock
from sandbox.services.events import Chaos

if TYPE_CHECKING:
    from sandbox.world import Sandbox

Endpoint = Callable[[Any], Any]


class Advance(BaseModel):
    """`POST /sandbox/advance`."""

    model_config = ConfigDict(extra="forbid")
    seconds: float = Field(ge=0, le=366 * 86_400)


class EventChaos(BaseModel):
    """`POST /sandbox/events`: what happens to organization events on their way, each with its probability."""

    model_config = ConfigDict(extra="forbid")
    drop: float = Field(0.0, ge=0, le=1)
    repeat: float = Field(0.0, ge=0, le=1)
    delay_seconds: float = Field(0.0, ge=0)
    seed: int = 0


class Server:
    """Serves one sandbox on a port of this machine."""

    def __init__(self, world: Sandbox, clock: ScaledClock, port: int) -> None:
        self._world, self._clock = world, clock
        self._aws = DomainDispatcherApplication(create_backend_app)
        self._advancing = threading.Lock()  # two at once would each see the other's work as never settling
        self._endpoints: dict[tuple[str, str], Endpoint] = {
            ("POST", "/sandbox/advance"): self._advance,
            ("POST", "/sandbox/events"): self._events,
            ("GET", "/sandbox/calls"): self._calls,
            ("POST", "/sandbox/faults"): self._order_fault,
            ("DELETE", "/sandbox/faults"): self._clear_faults,
        }
        self._server = make_server("127.0.0.1", port, self._serve, threaded=True, request_handler=QuietHandler)
        self.port = self._server.server_port

    @property
    def endpoint_url(self) -> str:
        """Where clients point their endpoint_url. By name: the engine knows S3's host by it."""
        return f"http://localhost:{self.port}"

    def run(self) -> None:
        """Serve until `stop`."""
        self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """Stop serving; safe from a signal handler's thread."""
        threading.Thread(target=self._server.shutdown, daemon=True).start()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/sandbox/"):
            return self._own(Request(environ))(environ, start_response)
        try:
            answer: Iterable[bytes] = self._aws.get_application(environ)(environ, start_response)
        except ReadTimeoutError as error:
            return _json(504, {"error": str(error)})(environ, start_response)
        return answer

    def _own(self, request: Request) -> Response:
        endpoint = self._endpoints.get((request.method, request.path))
        if endpoint is None:
            return _json(
                404, {"error": f"no {request.method} {request.path}", "endpoints": sorted(map(list, self._endpoints))}
            )
        try:
            return _json(200, endpoint(request.get_json(silent=True) or {}))
        except ValidationError as error:
            return _json(400, {"error": error.errors(include_url=False, include_context=False)})
        except DidNotSettle as error:
            return _json(409, {"error": str(error)})

    def _advance(self, body: Any) -> Any:
        with self._advancing:
            done = self._clock.advance(Advance.model_validate(body).seconds)
        return {"now": done.now.isoformat(), "fired": done.fired, "running": done.running}

    def _events(self, body: Any) -> Any:
        asked = EventChaos.model_validate(body)
        self._world.events.chaos = Chaos(
            seed=asked.seed, drop=asked.drop, repeat=asked.repeat, delay=asked.delay_seconds
        )
        return asked.model_dump()

    def _calls(self, _body: Any) -> Any:
        entries = list(self._world.cloud.gateway.log.entries)
        return {"calls": [{**asdict(entry), "time": entry.time.isoformat()} for entry in entries]}

    def _order_fault(self, body: Any) -> Any:
        return self._world.faults.order(**body).model_dump()

    def _clear_faults(self, _body: Any) -> Any:
        self._world.faults.clear()
        return {}


class QuietHandler(MotoRequestHandler):  # type: ignore[misc]  # moto ships no types
    """Says nothing of requests that went well; stdout belongs to the one line that is promised."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: `GET /sandbox/calls` has them all."""


def _json(status: int, body: Any) -> Response:
    return Response(json.dumps(body) + "\n", status=status, content_type="application/json")
