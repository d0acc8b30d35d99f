"""The way of a botocore client's call to moto in the same process, and of the answer back, without the network's part.

Between a client's serializer and its parser botocore prepares, signs, encodes and sends a request. In one process all
that matters of it is who asks. The serializer, the parser, retries, and the events about calls and answers are
botocore's own. S3, streams, and whatever is signed in another way than most go the whole way.
"""

from __future__ import annotations

import weakref
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

import botocore.client
import botocore.endpoint
from botocore.awsrequest import AWSResponse
from botocore.endpoint import convert_to_response_dict
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber
from werkzeug.datastructures import ImmutableMultiDict

from sandbox.aws import in_process_requests

if TYPE_CHECKING:
    from moto.core.request import Request

    from sandbox.aws.in_process_requests import Method

WAY = "in_process_way"  # in botocore's dictionary of a request that goes directly
FORM = "application/x-www-form-urlencoded"
WHOLE_WAY = {"s3", "s3control"}  # their events and handlers change requests after they were serialized

_ask = botocore.client.BaseClient._make_request  # type: ignore[attr-defined]  # botocore's own
_create = botocore.endpoint.Endpoint.create_request
_exchange = botocore.endpoint.Endpoint._do_get_response  # type: ignore[attr-defined]
_signatures = weakref.WeakKeyDictionary[Any, dict[tuple[Any, ...], bool]]()


class Way(NamedTuple):
    """What a request needs to go directly: whoever knows who asks, and whatever answers."""

    signer: Any
    answers: Method


class Direct(NamedTuple):
    """A request as moto's own builder takes one."""

    method: str
    url: str
    headers: dict[str, Any]
    body: bytes
    answers: Method

    def reset_stream(self) -> None:
        """There is none."""


def take() -> None:
    """Let botocore's clients take this way."""
    client: Any = botocore.client.BaseClient
    endpoint: Any = botocore.endpoint.Endpoint
    client._make_request = _requested
    endpoint.create_request = _created
    endpoint._do_get_response = _answered


def _requested(client: Any, operation: Any, request: dict[str, Any], context: dict[str, Any]) -> Any:
    if _is_direct(client._request_signer, operation, request, context):
        answers = in_process_requests.method_for(request["url"].partition("?")[0])
        request[WAY] = Way(client._request_signer, answers) if answers else None
    return _ask(client, operation, request, context)


def _is_direct(signer: Any, operation: Any, request: dict[str, Any], context: dict[str, Any]) -> bool:
    return (
        botocore_stubber.enabled
        and operation.service_model.service_name not in WHOLE_WAY
        and isinstance(request["body"], bytes | str | dict)
        and not (operation.has_streaming_output or operation.has_event_stream_output)
        and signer._credentials is not None
        and _is_signed_as_most(signer, operation, context)
    )


def _is_signed_as_most(signer: Any, operation: Any, context: dict[str, Any]) -> bool:
    """Whether botocore would choose the signature that names the key and the Region, and nothing else."""
    signing = context.get("signing", {})
    if signing.get("request_credentials") or signing.get("identity_cache") is not None:
        return False
    key = (operation.name, context.get("auth_type"), signing.get("signing_name"), signing.get("region"))
    known = _signatures.setdefault(signer, {})
    if key not in known:
        known[key] = signer._choose_signer(operation.name, "standard", context) == "v4"
    return known[key]


def _created(endpoint: Any, request: dict[str, Any], operation: Any = None) -> Any:
    way: Way | None = request.get(WAY)
    if way is None:
        return _create(endpoint, request, operation)
    headers = {**request["headers"], **_identity(way.signer, request["context"].get("signing", {}))}
    return Direct(request["method"], request["url"], headers, _encoded(request["body"]), way.answers)


def _identity(signer: Any, signing: dict[str, Any]) -> dict[str, str]:
    """The headers that say who asks, in which Region and of which service."""
    credentials = signer._credentials.get_frozen_credentials()
    region, service = signing.get("region") or signer.region_name, signing.get("signing_name") or signer.signing_name
    now = datetime.now(UTC)
    scope = f"{credentials.access_key}/{now:%Y%m%d}/{region}/{service}/aws4_request"
    headers = {"X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}", "Authorization": in_process_requests.signature(scope)}
    return {**headers, "X-Amz-Security-Token": credentials.token} if credentials.token else headers


def _encoded(body: Any) -> bytes:
    if isinstance(body, dict):
        body = urlencode(body, doseq=True)
    return body.encode() if isinstance(body, str) else body


def _answered(endpoint: Any, request: Any, operation: Any, context: Any) -> Any:
    if not isinstance(request, Direct):
        return _exchange(endpoint, request, operation, context)
    try:
        status, headers, body = in_process_requests.ask(request.answers, _received(request))
        http = AWSResponse(request.url, status, headers, MockRawResponse(body))
    except Exception as error:  # noqa: BLE001 - it is raised where botocore has seen that trying again is of no use
        return None, error
    response = convert_to_response_dict(http, operation)
    customized: dict[str, Any] = {}
    service = operation.service_model
    endpoint._event_emitter.emit(
        f"before-parse.{service.service_id.hyphenize()}.{operation.name}",
        operation_model=operation,
        response_dict=response,
        customized_response_dict=customized,
    )
    parser = endpoint._response_parser_factory.create_parser(service.resolved_protocol)
    parsed = parser.parse(response, operation.output_shape)
    parsed.update(customized)
    if http.status_code >= 300:
        endpoint._add_modeled_error_fields(response, parsed, operation, parser)
    return (http, parsed), None


def _received(request: Direct) -> Request:
    """The request as moto gets it, with the form that werkzeug would read from its body."""
    received = in_process_requests.build(request)
    is_form = str(request.headers.get("Content-Type", "")).startswith(FORM)
    fields = parse_qsl(request.body.decode(), keep_blank_values=True) if is_form else []
    left = b"" if is_form else request.body  # werkzeug reads a form's body, and leaves nothing of it
    vars(received).update(
        form=ImmutableMultiDict(fields), files=ImmutableMultiDict(), stream=BytesIO(left), data=left, _cached_data=left
    )
    return received
