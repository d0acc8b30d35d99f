"""What an AWS client gets when the sandbox itself fails: an error in its own protocol, no page of HTML.

Whoever calls in this process gets the exception; a client on the other side of HTTP would get nothing it can read.
"""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

JSON = "application/x-amz-json-1.1"
XML = (
    "<?xml version='1.0'?>\n<ErrorResponse><Error><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>"
)
S3_XML = "<?xml version='1.0'?>\n<Error><Code>{code}</Code><Message>{text}</Message></Error>"


def error_response(request: Request, error: Exception) -> Response:
    """The answer for an exception. 501 for an operation nobody implements: clients do not repeat it."""
    if isinstance(error, NotImplementedError):
        return _response(request, 501, "NotImplemented", f"neither the sandbox nor its engine has it: {error}")
    traceback.print_exception(error)
    text = f"the sandbox failed, its stderr has more: {type(error).__name__}: {error}"
    return _response(request, 500, "InternalFailure", text)


def _response(request: Request, status: int, code: str, text: str) -> Response:
    headers = {"x-amzn-errortype": code}
    template = _template(request)
    if template is None:
        body = json.dumps({"__type": code, "message": text})
        return Response(body, status=status, headers=headers, content_type=JSON)
    return Response(
        template.format(code=code, text=escape(text)), status=status, headers=headers, content_type="text/xml"
    )


def _template(request: Request) -> str | None:
    """The XML a request's service writes errors in; None when it writes JSON."""
    if "/s3/aws4_request" in request.headers.get("Authorization", ""):
        return S3_XML
    return XML if request.mimetype == "application/x-www-form-urlencoded" else None
