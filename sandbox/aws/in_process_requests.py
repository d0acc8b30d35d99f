"""The way of a client's request to moto in the same process, without what does not depend on the request.

Moto looks through the patterns of all its services for each request, and has werkzeug's test client build the request.
Both depend on the method and the URL; headers and body are put in here. Nothing that moto sees of a request differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl

import moto.core.responses
from moto import backend_index, backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.config import passthrough_service, passthrough_url, service_whitelisted
from moto.core.exceptions import HTTPException
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    Request,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.core.responses import BaseResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.awsrequest import AWSPreparedRequest


class Sent(Protocol):
    """What a request is built of."""

    @property
    def method(self) -> str:
        """GET, POST or another."""

    @property
    def url(self) -> str:
        """The whole of it."""

    @property
    def headers(self) -> Mapping[str, Any]:
        """By name."""

    @property
    def body(self) -> Any:
        """Bytes, text or None."""


Answer = tuple[int, Any, Any]
Method = Callable[[Request, str, Any], Answer]
LEFT_OUT = {"transfer-encoding", "content-length"}  # the body is there as a whole

# All of a request that its URL is made of.
PARTS_OF_URL = (
    "wsgi.url_scheme",
    "HTTP_HOST",
    "SERVER_NAME",
    "SERVER_PORT",
    "SCRIPT_NAME",
    "PATH_INFO",
    "RAW_URI",
    "QUERY_STRING",
)

_environ_key = lru_cache(1024)(environ_key_for_header)
_process_request = BotocoreStubber.process_request
_spell_raw_url = Request.raw_url.fget
_get_action = BaseResponse._get_action
_get_access_key = BaseResponse.get_access_key


def take() -> None:
    """Let moto take this way."""
    BotocoreStubber.process_request = _answer
    BaseResponse._get_action = _action
    Request.raw_url = property(_raw_url)
    BaseResponse.get_access_key = _access_key
    moto.core.responses.parse_qsl = _fields


def _answer(stubber: BotocoreStubber, request: AWSPreparedRequest) -> Answer | None:
    """What the service answers; moto itself is asked where nothing is known of the URL or the body is a stream."""
    method = method_for(request.url.partition("?")[0])
    if method is None or not isinstance(request.body, bytes | str | None):
        answer: Answer | None = _process_request(stubber, request)
        return answer
    return ask(method, build(request))


def ask(method: Method, received: Request) -> Answer:
    """What a service answers to a request, refusals included."""
    try:
        return method(received, received.raw_url, received.headers)
    except HTTPException as error:
        return error.code, error.get_headers(), error.get_body()


@lru_cache(4096)
def method_for(url: str) -> Method | None:
    """Whatever answers requests for a URL; None where moto has more to say."""
    if passthrough_url(url):
        return None
    for service, pattern in backend_index.backend_url_patterns:
        if pattern.match(url):
            if passthrough_service(service) or not service_whitelisted(service):
                return None
            methods: dict[str, Method] = _any_backend(service).urls
            method = next((each for expression, each in methods.items() if re.match(expression, url)), None)
            if method:
                return method
    return None


def _any_backend(service: str) -> Any:
    """A backend of that service: all of one service have the same URLs."""
    found: Any = backends.get_backend(service)
    if not isinstance(found, BackendDict):
        return found["global"]
    regions = found[DEFAULT_ACCOUNT_ID]
    return regions["us-east-1" if "us-east-1" in regions else "aws"]


def build(request: Sent | AWSPreparedRequest) -> Request:
    """The request as moto's `Request.from_primitives` builds it."""
    body: Any = request.body
    content = body.encode() if isinstance(body, str) else body or b""
    environ = {
        **_blank(request.method, request.url),
        "wsgi.input": BytesIO(content),
        "CONTENT_LENGTH": str(len(content)),
    }
    preserved: dict[str, str] = {}
    for name, raw in request.headers.items():
        if name.lower() in LEFT_OUT:
            continue
        key, value = _environ_key(name), raw.decode() if isinstance(raw, bytes) else str(raw)
        environ[key] = f"{environ[key]}, {value}" if key in environ and key != "HTTP_HOST" else value
        if should_preserve_original_header_name(name):
            preserved[key] = name
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
    return Request(environ)


@lru_cache(4096)
def _blank(method: str, url: str) -> dict[str, Any]:
    """What the URL alone makes of a request."""
    environ: dict[str, Any] = Request.from_primitives(method, url, {}).environ
    del environ["werkzeug.request"]
    return environ


def _raw_url(request: Request) -> str:
    """A request's URL as it arrived; it is asked for several times."""
    return _url_of(*map(request.environ.get, PARTS_OF_URL))


@lru_cache(4096)
def _url_of(*parts: str | None) -> str:
    present = {name: part for name, part in zip(PARTS_OF_URL, parts, strict=True) if part is not None}
    url: str = _spell_raw_url(Request(present))
    return url


def _action(response: Any) -> Any:
    """The operation, found once for each request; it is asked for five times."""
    about, action = vars(response).get("_found_action", (None, None))
    if about is not response.querystring:
        action = _get_action(response)
        response._found_action = response.querystring, action
    return action


def _access_key(response: Any) -> Any:
    header = response.headers.get("Authorization")
    return (header and _named(header)) or _get_access_key(response)


@lru_cache(4096)
def _named(header: str) -> str | None:
    """The access key that a header names."""
    found = BaseResponse.access_key_regex.search(header)
    return found.group(1) if found else None


def _fields(text: str, **options: Any) -> Any:
    """The fields of a form. Moto takes each body for one; of a JSON text it makes one name, and looks it up nowhere."""
    return [(text, "")] if text.startswith("{") else parse_qsl(text, **options)


def signature(scope: str) -> str:
    """The header that names the access key of a scope: key, day, Region, service. Nobody here verifies it."""
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"
