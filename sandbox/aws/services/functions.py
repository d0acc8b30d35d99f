"""Lambda, in this process: the deployed function's own handler, run as its execution role.

moto needs Docker to run a function. Here the handler, which whoever made this AWS finds by its name, is called on the
caller's thread, with the environment the template gave it. All functions of the template share one environment
(Globals), so it is set once: swapping os.environ between threads would race.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import traceback
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
from moto.awslambda.models import lambda_backends

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.identity import Session, acting_as, acting_boto3_session
from sandbox.aws.policy import Principal, Request, access_denied_message, assume_role
from sandbox.aws.services.function_log import Log, separate_metrics
from sandbox.aws.services.iam_documents import role_documents_of

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

LAMBDA = Principal(account="", arn="lambda.amazonaws.com")
Handler = Callable[[Any, Any], Any]
LoadHandler = Callable[[str], Handler]  # by its name in the template, as in `module.handler`
THROTTLED = {"TooManyRequestsException", "ThrottlingException"}


class Exited(BaseException):
    """The function's process has exited. Not even its clean-up runs: every later call of it ends in this as well."""


@dataclass
class Process:
    """What runs one invocation."""

    exited: bool = False


PROCESS: ContextVar[Process | None] = ContextVar("PROCESS", default=None)


class FunctionFailed(Exception):
    """The handler raised: `payload` is what the runtime would answer."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        request = str(uuid.uuid4())
        if isinstance(error, Exited):  # the runtime itself answers
            message = f"RequestId: {request} Error: Runtime exited with error: signal: killed"
            self.payload: dict[str, Any] = {"errorMessage": message, "errorType": "Runtime.ExitError"}
            return
        self.payload = {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "requestId": request,
            "stackTrace": traceback.format_tb(error.__traceback__),
        }


@dataclass(frozen=True)
class LambdaContext:
    """What Lambda passes to a handler about its invocation."""

    function_name: str
    memory_limit_in_mb: int
    invoked_function_arn: str
    aws_request_id: str
    function_version: str = "$LATEST"

    def get_remaining_time_in_millis(self) -> int:
        """Time limits are not claimed: there is always a minute left."""
        return 60_000


class Functions:
    """The functions of one deployment. `environment` is added to what the template gives (where /opt is).

    `watchers` are called with what is counted of each invocation: function ARN, CloudWatch's name for it, value.
    """

    def __init__(self, cloud: Cloud, load_handler: LoadHandler, environment: Mapping[str, str]) -> None:
        self._cloud, self._load_handler, self._extra = cloud, load_handler, dict(environment)
        self._lock = threading.Lock()
        self._given: dict[str, str] | None = None
        self._handlers: dict[str, Handler] = {}
        self._sessions: dict[str, Session] = {}
        self.log = Log()
        self.watchers: list[Callable[[str, str, float], None]] = []
        cloud.gateway.before.append(_refuse_killed_process)
        cloud.gateway.after.append(self._after)
        cloud.gateway.handle("lambda", Invoke=self.answer)

    def invoke(self, function_arn: str, payload: Any) -> Any:
        """Run the function; its answer as JSON would carry it. Raises FunctionFailed with what the handler raised."""
        function = self.find(function_arn)
        self._prepare(function.environment_vars or {}, function.region)
        handler, session = self._handler(function.handler), self._session(function)
        context = LambdaContext(function.function_name, function.memory_size, function.function_arn, str(uuid.uuid4()))
        self.count(function.function_arn, "Invocations")
        try:
            with acting_as(session), self.log.of(function.function_arn), _own_process():
                answer = json.loads(json.dumps(handler(json.loads(json.dumps(payload)), context)))
        except (Exception, Exited) as error:
            self.count(function.function_arn, "Errors")
            raise FunctionFailed(error) from error
        self.count(function.function_arn, "Errors", 0.0)
        return answer

    def load(self, account: str, region: str) -> None:
        """Load every function of an account before anything invokes it: the first invocations are as fast as later."""
        for function in lambda_backends[account][region].list_functions():
            self._prepare(function.environment_vars or {}, function.region)
            self._handler(function.handler)

    def answer(self, call: Call) -> dict[str, Any]:
        """Invoke over the API, waiting for the function."""
        payload = json.loads(call.parameters.get("Payload") or b"{}")
        try:
            return {"StatusCode": 200, "Payload": json.dumps(self.invoke(self.arn_of(call), payload))}
        except FunctionFailed as failed:
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": json.dumps(failed.payload)}

    def count(self, function_arn: str, name: str, value: float = 1.0) -> None:
        """Let the watchers know."""
        for watcher in self.watchers:
            watcher(function_arn, name, value)

    @staticmethod
    def exit() -> NoReturn:
        """Kill the function that runs, as running out of memory does; for whoever watches its calls."""
        process = PROCESS.get()
        if process is None:
            raise RuntimeError("no function runs here")
        process.exited = True
        raise Exited

    def refused(self, function_arn: str, code: str) -> None:
        """An invocation never reached the function; throttled ones are counted."""
        if code in THROTTLED:
            self.count(function_arn, "Throttles")

    @staticmethod
    def arn_of(call: Call) -> str:
        """The function a call names, by name or by ARN."""
        name = str(call.parameters["FunctionName"])
        return name if name.startswith("arn:") else f"arn:aws:lambda:{call.region}:{call.account}:function:{name}"

    @staticmethod
    def find(function_arn: str) -> Any:
        """Moto's own function; raises ResourceNotFoundException."""
        _, _, _, region, account, _, name = function_arn.split(":")[:7]
        functions = lambda_backends[account][region].list_functions()
        found = next((each for each in functions if each.function_name == name), None)
        if found is None:
            raise AwsError("ResourceNotFoundException", f"Function not found: {function_arn}")
        return found

    def session_of(self, function_arn: str) -> Session:
        """The session of the function's execution role."""
        return self._session(self.find(function_arn))

    def _after(self, call: Call, outcome: str) -> None:
        if (call.service, call.operation) == ("lambda", "Invoke"):
            self.refused(self.arn_of(call), outcome)

    def _prepare(self, environment: Mapping[str, str], region: str) -> None:
        """Set the one environment, once; a function with another one could not run in the same process."""
        with self._lock:
            if self._given is None:
                _start_cold()
                self._given = dict(environment)
                os.environ.update({**environment, **self._extra, "AWS_REGION": region})
                boto3.DEFAULT_SESSION = acting_boto3_session(region)
            elif self._given != environment:
                raise RuntimeError("the sandbox runs functions of one environment only: put it under Globals")

    def _handler(self, name: str) -> Handler:
        with self._lock:
            if name not in self._handlers:
                with contextlib.redirect_stdout(self.log):  # a Logger keeps the stream it is made with
                    self._handlers[name] = self._load_handler(name)
            return self._handlers[name]

    def _session(self, function: Any) -> Session:
        """The role's session of a warm function: assumed at its first invocation, as Lambda does."""
        with self._lock:
            if function.function_arn not in self._sessions:
                role = role_documents_of(function.role)
                request = Request(LAMBDA, "sts:AssumeRole", function.role)
                verdict = assume_role(request, trust=role.trust)
                if not verdict.allowed:
                    raise AwsError("InvalidParameterValueException", access_denied_message(request, verdict))
                self._sessions[function.function_arn] = self._cloud.identities.role_session(
                    replace(role.principal, session_arn=session_arn(function.role, function.function_name))
                )
            return self._sessions[function.function_arn]


@contextlib.contextmanager
def _own_process() -> Iterator[None]:
    """A process of its own for one invocation."""
    token = PROCESS.set(Process())
    try:
        yield
    finally:
        PROCESS.reset(token)


def _refuse_killed_process(_call: Call) -> None:
    """What a function's clean-up would still call after its process is gone never leaves it."""
    process = PROCESS.get()
    if process and process.exited:
        raise Exited


def session_arn(role_arn: str, session_name: str) -> str:
    """The ARN of a role's session."""
    account, role_name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    return f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}"


def _start_cold() -> None:
    """Forget the metrics that handlers of an earlier AWS in this process have left."""
    separate_metrics()
    warnings.filterwarnings("ignore", message="No application metrics to publish")  # a line in Lambda's log, no more
