"""The one door to the embedded AWS: every call of every client passes here, one at a time.

moto's `BaseResponse.call_action` serves in-process clients and HTTP clients alike (but S3's: see `s3_entrance`).
Wrapped once, it gives each call a lock (moto's conditional writes are not atomic between threads), an identity, a
permission check, a place in the call log, and, where moto differs from AWS, our own service instead of moto's.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model

from sandbox.aws.s3_gateway import S3Gateway

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.aws.identity import Identities, Session

Handler = Callable[["Call"], dict[str, Any]]
Hook = Callable[["Call"], None]
XML_SERVICES = {"iam", "sts", "cloudformation", "sns", "cloudwatch", "s3"}
XML_PROTOCOLS = {"query", "ec2", "rest-xml"}
FORBIDDEN = {"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidClientTokenId"}  # the XML services' 403


class AwsError(ServiceException):  # type: ignore[misc]  # moto ships no types
    """An error as the real service would answer it: AWS's code, and a message in AWS's words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)


def access_denied(service: str, message: str) -> AwsError:
    """The code for a missing permission: the XML services leave out the word Exception."""
    return AwsError("AccessDenied" if service in XML_SERVICES else "AccessDeniedException", message)


@dataclass(frozen=True)
class Call:
    """One API call, whoever makes it: parameters in botocore's shape."""

    service: str
    operation: str
    region: str
    session: Session
    parameters: dict[str, Any]

    @property
    def account(self) -> str:
        """The calling account."""
        return self.session.account


@dataclass
class LogEntry:
    """What the call log says of one call; `outcome` is OK or AWS's error code."""

    time: datetime
    account: str
    role: str
    service: str
    operation: str
    resource: str
    outcome: str = "OK"


@dataclass
class CallLog:
    """Every call made as somebody other than an administrator, and every administrator's, in order."""

    entries: list[LogEntry] = field(default_factory=list)

    def of(self, *operations: str) -> Iterable[LogEntry]:
        """The calls of these operations, in the order they were made."""
        return [entry for entry in self.entries if entry.operation in operations]


class Gateway:
    """Wraps moto's dispatch while installed. One per process: moto's backends are global."""

    def __init__(self, identities: Identities, now: Callable[[], datetime]) -> None:
        self.identities = identities
        self.now = now
        self.lock = threading.RLock()
        self.log = CallLog()
        self.before: list[Hook] = []  # in order: whoever raises AwsError here answers the call
        self.after: list[Callable[[Call, str], None]] = []  # in order, with the outcome
        self.resource_of: Callable[[Call], str] = lambda _call: "*"
        self.authorize: Hook = lambda _call: None  # permission alone: for what a service checks in its caller's name
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._unwrapped: tuple[Any, Any] | None = None
        self._s3 = S3Gateway(self._answer_locked)

    def handle(self, service: str, **handlers: Handler) -> None:
        """Answer these operations of a service ourselves, as in `handle("organizations", TagResource=self.tag)`."""
        self._handlers |= {(service, operation): handler for operation, handler in handlers.items()}

    def install(self) -> None:
        """Take moto's place at its door."""
        # AWS answers any service's call with common codes that no service's model lists.
        warnings.filterwarnings("ignore", message=".*does not match an error shape.*", category=UserWarning)
        gateway = self
        original = BaseResponse.call_action
        self._unwrapped = (original, BaseResponse.get_current_account)

        def call_action(response: BaseResponse) -> Any:
            return gateway._answer_locked(response, original)

        def get_current_account(response: BaseResponse) -> str:
            session = gateway.identities.of(response.get_access_key())
            return session.account if session else "000000000000"

        BaseResponse.call_action = call_action
        BaseResponse.get_current_account = get_current_account
        self._s3.install()

    def serve(self, call: Call, work: Callable[[], Any]) -> Any:
        """A call that is answered elsewhere: checked and logged here, done outside the lock."""
        with self.lock:
            entry = self._log(call)
            with _outcome_of_errors(entry):
                self._run_before_hooks(call)
        answer = work()
        with self.lock, _outcome_of_errors(entry):
            self._run_after_hooks(call, "OK")
        return answer

    def uninstall(self) -> None:
        """Give moto its door back."""
        self._s3.uninstall()
        if self._unwrapped:
            BaseResponse.call_action, BaseResponse.get_current_account = self._unwrapped

    def _answer_locked(self, response: BaseResponse, original: Callable[[BaseResponse], Any]) -> Any:
        with self.lock:
            return self._answer(response, original)

    def _answer(self, response: BaseResponse, original: Callable[[BaseResponse], Any]) -> Any:
        session = self.identities.of(response.get_access_key())
        if session is None:
            return _refusal(response, _unknown(response))
        if session.has_expired(self.now()):
            return _refusal(response, _expired(response))
        call = self._read(response, session)
        entry = self._log(call)
        with _outcome_of_errors(entry):
            try:
                self._run_before_hooks(call)
                handler = self._handlers.get((call.service, call.operation))
                answer = _serialized(response, handler(call)) if handler else original(response)
            except ServiceException as error:
                answer = _refusal(response, error)
            entry.outcome = _outcome(answer)
            self._run_after_hooks(call, entry.outcome)
        return answer

    def _run_before_hooks(self, call: Call) -> None:
        for hook in self.before:
            hook(call)

    def _run_after_hooks(self, call: Call, outcome: str) -> None:
        for watch in self.after:
            watch(call, outcome)

    def _read(self, response: BaseResponse, session: Session) -> Call:
        service, operation = response.boto3_service_name, response._get_action() or ""
        parameters: dict[str, Any] = {}
        if service == "s3":
            parameters = (
                dict(response.uri_match or {}) if operation else {}
            )  # Bucket and Key; the rest is moto's to read
        elif operation:
            if not response.automated_parameter_parsing:  # else it has done so
                response.parse_parameters(response.normalized_request)
            parameters = response.params or {}
        return Call(service, operation, response.region, session, parameters)

    def _log(self, call: Call) -> LogEntry:
        entry = LogEntry(
            self.now(), call.account, call.session.principal.arn, call.service, call.operation, self.resource_of(call)
        )
        self.log.entries.append(entry)
        return entry


def _refusal(response: BaseResponse, error: ServiceException) -> Any:
    """An error as the caller gets it. moto says 400 to what no model lists; S3 does so to old tokens."""
    status, headers, body = response.serialized(ActionResult(error))
    is_s3s = (response.boto3_service_name, error.code) == ("s3", "ExpiredToken")
    return (403 if error.code in FORBIDDEN and not is_s3s else status), headers, body


def _unknown(response: BaseResponse) -> AwsError:
    """S3 has words of its own (Amazon S3 API reference, ErrorResponses)."""
    if response.boto3_service_name == "s3":
        return AwsError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    code = "InvalidClientTokenId" if _speaks_xml(response) else "UnrecognizedClientException"
    return AwsError(code, "The security token included in the request is invalid.")


def _expired(response: BaseResponse) -> AwsError:
    """Two spellings, as of AccessDenied: the services that speak XML leave out the word Exception."""
    if response.boto3_service_name == "s3":
        return AwsError("ExpiredToken", "The provided token has expired.")
    code = "ExpiredToken" if _speaks_xml(response) else "ExpiredTokenException"
    return AwsError(code, "The security token included in the request is expired")


def _speaks_xml(response: BaseResponse) -> bool:
    return response.determine_response_protocol(get_service_model(response.boto3_service_name)) in XML_PROTOCOLS


@contextmanager
def _outcome_of_errors(entry: LogEntry) -> Iterator[None]:
    """What the caller got instead of an answer goes into the log."""
    try:
        yield
    except BaseException as error:  # the caller's process may be gone
        entry.outcome = error.code if isinstance(error, AwsError) else type(error).__name__
        raise


def _serialized(response: BaseResponse, result: dict[str, Any]) -> Any:
    """Our results have botocore's shape; moto's transformers are for its own models."""
    response.RESPONSE_KEY_PATH_TO_TRANSFORMER = None
    return response.serialized(ActionResult(result))


def _outcome(answer: Any) -> str:
    status, headers, body = answer
    if int(status) < 400:
        return "OK"
    code = headers.get("x-amzn-errortype") or ""
    text = body.decode() if isinstance(body, bytes) else str(body)
    for start, end in (("<Code>", "</Code>"), ('"__type": "', '"')):
        if not code and start in text:
            code = text.split(start, 1)[1].split(end, 1)[0]
    return code.split("#")[-1] or str(status)
