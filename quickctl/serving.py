"""A page for this computer's browsers: made anew while somebody looks, and not more often than it may be."""

from __future__ import annotations

import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import TYPE_CHECKING, Any

from quickctl.aws import problem_of
from quickctl.exits import ExitCode, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"
IDLE = 30  # seconds until a browser's connection that asks nothing is closed


def serve(make: Callable[[], str], port: int, every: float, announce: Callable[[str], object]) -> None:
    """Serve what `make` makes, until Ctrl+C. `every`: after so many seconds it is made anew, if somebody asks."""
    server = server_of(make, port, every)
    announce(f"http://{HOST}:{server.server_port}/")
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def server_of(make: Callable[[], str], port: int, every: float) -> ThreadingHTTPServer:
    """The server, listening. It has threads because browsers open connections that ask nothing for a while."""
    page = _Cached(make, every)

    class Handler(_Handler):
        text = staticmethod(page)

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise Problem(
            ExitCode.USAGE, f"port {port} can't be served: {error.strerror}", "choose another --port"
        ) from error


class _Cached:
    """What was made last, for a while."""

    def __init__(self, make: Callable[[], str], every: float) -> None:
        self._make, self._every = make, every
        self._lock, self._text, self._made = Lock(), "", float("-inf")

    def __call__(self) -> str:
        with self._lock:
            if time.monotonic() - self._made >= self._every:
                self._text, self._made = self._make(), time.monotonic()
            return self._text


class _Handler(BaseHTTPRequestHandler):
    """Answers for one page, and only under a name of this computer: other sites' names may lead here too."""

    text: Callable[[], str]
    timeout = IDLE
    server_version = "quickctl"
    sys_version = ""

    def do_GET(self) -> None:
        """The page."""
        _, port = self.connection.getsockname()
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "not served under this name")
        elif self.path != "/":
            self._answer(HTTPStatus.NOT_FOUND, "there is one page: /")
        else:
            self._answer(*self._page())

    def _page(self) -> tuple[HTTPStatus, str]:
        try:
            return HTTPStatus.OK, self.text()
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            return HTTPStatus.BAD_GATEWAY, f"{problem.message}\n{problem.remedy}"

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        kind = "text/html" if status is HTTPStatus.OK else "text/plain"
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the standard library
        """Nobody reads which requests there were."""
