"""Lambda, in this process: the deployed function's own handler, run as its execution role.

moto needs Docker to run a function. Here the handler, which whoever made this AWS finds in what was deployed, is called
on the caller's thread. Code, layers and environment together are a version: each has a handler and an environment of
its own, and what runs goes on with those it began with.
"""

from __future__ import annotations

import contextlib
import json
import threading
import traceback
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
from moto.awslambda.models import lambda_backends
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.urls import url_paths

from sandbox.aws import environment
from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.identity import Session, acting_as, acting_boto3_session
from sandbox.aws.policy import Principal, Request, access_denied_message, assume_role
from sandbox.aws.services.function_log import Log, lead_loggers, separate_metrics
from sandbox.aws.services.iam_documents import NoSuchRole, role_documents_of

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud

FUNCTIONS_AT_ONCE = 1000  # Lambda's default quota; new accounts have less (Lambda Developer Guide)
# moto has no address for it; with one, the call reaches the gateway. moto reads the addresses when it is first used.
url_paths[r"{0}/(?P<api_version>[^/]+)/account-settings/?$"] = LambdaResponse.dispatch
LAMBDA = Principal(account="", arn="lambda.amazonaws.com")
Handler = Callable[[Any, Any], Any]
Key = tuple[Any, ...]
THROTTLED = {"TooManyRequestsException", "ThrottlingException"}


class Exited(BaseException):
    """The function's process has exited. Not even its clean-up runs: every later call of it ends in this as well."""


@dataclass
class Process:
    """What runs one invocation. `calls`: how many calls it has made that have a limited rate."""

    exited: bool = False
    calls: int = 0


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


@dataclass(frozen=True)
class Version:
    """What was deployed last of a function: its handler as in `module.handler`, and all that decides how it runs.

    Versions with the same `key` may share what is loaded of them. `environment` is the function's, and what this AWS
    adds; whoever loads the version may add to it, too.
    """

    handler: str
    key: Key
    code: bytes = field(repr=False)
    layers: tuple[bytes, ...] = field(repr=False)
    environment: dict[str, str] = field(repr=False)


LoadHandler = Callable[[Version], Handler]


@dataclass(frozen=True)
class Loaded:
    """A version that can run."""

    version: Version
    handler: Handler


class Functions:
    """The functions that are deployed. `extra` is added to each one's environment.

    `at_once` is the quota of concurrent executions, as it is shown. `watchers` are called with what is counted of each
    invocation: function ARN, CloudWatch's name for it, value.
    """

    def __init__(self, cloud: Cloud, load_handler: LoadHandler, extra: Mapping[str, str]) -> None:
        self._cloud, self._load_handler, self._extra = cloud, load_handler, dict(extra)
        self._lock = threading.Lock()
        self._is_warm = False
        self._loaded: dict[str, Loaded] = {}  # by ARN: nothing but what was deployed last
        self._sessions: dict[str, Session] = {}
        self.log = Log()
        self.watchers: list[Callable[[str, str, float], None]] = []
        cloud.gateway.before.append(_refuse_killed_process)
        cloud.gateway.after.append(self._after)
        self.at_once = FUNCTIONS_AT_ONCE
        cloud.gateway.handle("lambda", Invoke=self.answer, GetAccountSettings=self._settings)

    def _settings(self, _call: Call) -> dict[str, Any]:
        """What the account may do: of its quotas, how many functions at once. Nobody is refused for it."""
        return {"AccountLimit": {"ConcurrentExecutions": self.at_once}}

    def invoke(self, function_arn: str, payload: Any) -> Any:
        """Run the function; its answer as JSON would carry it. Raises FunctionFailed with what the handler raised."""
        function = self.find(function_arn)
        loaded, session = self._load(function), self._session(function)
        context = LambdaContext(function.function_name, function.memory_size, function.function_arn, str(uuid.uuid4()))
        self.count(function.function_arn, "Invocations")
        try:
            with self._running(loaded, session, function.function_arn):
                answer = json.loads(json.dumps(loaded.handler(json.loads(json.dumps(payload)), context)))
        except (Exception, Exited) as error:
            self.count(function.function_arn, "Errors")
            raise FunctionFailed(error) from error
        self.count(function.function_arn, "Errors", 0.0)
        return answer

    def load(self, account: str, region: str) -> None:
        """Load every function of an account before anything invokes it: the first invocations are as fast as later."""
        for function in lambda_backends[account][region].list_functions():
            self._load(function)

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

    @contextlib.contextmanager
    def _running(self, loaded: Loaded, session: Session, function_arn: str) -> Iterator[None]:
        with (
            environment.of(loaded.version.environment),
            acting_as(session),
            self.log.of(function_arn),
            _own_process(),
        ):
            yield

    def _load(self, function: Any) -> Loaded:
        """What was deployed last of a function, loaded unless it is already."""
        arn = function.function_arn
        with self._lock:
            self._warm_up(function.region)
            key = _key(function)
            known = self._loaded.get(arn)
            if known is None or (known.version.handler, known.version.key) != (function.handler, key):
                version = Version(
                    function.handler, key, function.code_bytes, self._layers_of(function), self._environment(function)
                )
                with self.log.of(arn), environment.of(version.environment):
                    known = Loaded(version, self._load_handler(version))  # a Logger keeps the stream it is made with
                self._loaded[arn] = known
            return known

    def _environment(self, function: Any) -> dict[str, str]:
        return {**(function.environment_vars or {}), **self._extra, "AWS_REGION": function.region}

    @staticmethod
    def _layers_of(function: Any) -> tuple[bytes, ...]:
        """The layers' archives, in their order."""
        backend = lambda_backends[function.account_id][function.region]
        found = [backend.layers_versions_by_arn(layer["Arn"]) for layer in function.layers]
        return tuple(layer.code_bytes for layer in found if layer)

    def _warm_up(self, region: str) -> None:
        """Once, before anything is loaded."""
        if not self._is_warm:
            self._is_warm = True
            environment.separate()
            _start_cold()
            boto3.DEFAULT_SESSION = acting_boto3_session(region)

    def _session(self, function: Any) -> Session:
        """The role's session of a warm function: assumed at its first invocation with this role, as Lambda does."""
        known = self._sessions.get(function.function_arn)
        with self._cloud.gateway.lock:  # nobody changes roles meanwhile
            try:
                role = role_documents_of(function.role)
            except NoSuchRole:
                if known is None:
                    raise
                return known  # warm, and allowed nothing any more
        if known is None or known.principal.unique_id != role.principal.unique_id:
            request = Request(LAMBDA, "sts:AssumeRole", function.role)
            verdict = assume_role(request, trust=role.trust)
            if not verdict.allowed:
                raise AwsError("InvalidParameterValueException", access_denied_message(request, verdict))
            known = self._sessions[function.function_arn] = self._cloud.identities.role_session(
                replace(role.principal, session_arn=session_arn(function.role, function.function_name))
            )
        return known


def _key(function: Any) -> Key:
    variables = tuple(sorted((function.environment_vars or {}).items()))
    return function.code_sha_256, tuple(layer["Arn"] for layer in function.layers), variables, function.region


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
    """Forget the metrics that handlers of an earlier AWS in this process have left, and where they logged."""
    separate_metrics()
    lead_loggers()
    warnings.filterwarnings("ignore", message="No application metrics to publish")  # a line in Lambda's log, no more
