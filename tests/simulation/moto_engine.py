"""moto's own ASL engine as a second opinion on our reader, mended where it differs from Step Functions.

Every mend names what moto 5.2.5 does; a mend that is no longer needed can go.
"""

import copy
import hashlib
import json
import re
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import boto3
import moto.stepfunctions.parser.asl.component.common.retry.retrier_decl as moto_retrier
import moto.stepfunctions.parser.asl.eval.states as moto_states
import moto.stepfunctions.parser.asl.eval.variable_store as moto_variables
import moto.stepfunctions.parser.asl.jsonata.jsonata as moto_jsonata
from antlr4.RuleContext import RuleContext
from jsonata.jsonata import Jsonata
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_dynamodb import (
    StateTaskServiceDynamoDB,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    HeartbeatTimeoutError,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.responses import get_backend

from sandbox.aws.asl.effects import TaskFailed
from sandbox.aws.asl.functions import parse
from tests.simulation.outcome import EXECUTION, MACHINE, ROLE, Outcome, Script, Silence, WithToken

_parse = AmazonStateLanguageParser.parse
REGION = "us-east-1"
PATIENCE = 30.0  # real seconds for one execution
LITERAL = re.compile(r"\$(literal_[0-9a-f]+)")
_evaluating = threading.Lock()
_literals: dict[str, str] = {}  # by the name of the variable


@contextmanager
def moto_engine() -> Iterator[Callable[[str, Any, Script], Outcome]]:
    """A function (definition as JSON, input, script) -> outcome, on moto's engine; tasks are answered by the script."""
    with ExitStack() as stack:
        for target, name, mended in _mends():
            stack.enter_context(patch.object(target, name, mended))
        stack.enter_context(mock_aws(config={"stepfunctions": {"execute_state_machine": True}}))
        client = boto3.client("stepfunctions", REGION, aws_access_key_id="none", aws_secret_access_key="none")
        yield lambda definition, data, script: _run(stack, client, definition, data, script)


def _run(stack: ExitStack, client: Any, definition: str, data: Any, script: Script) -> Outcome:
    stack.enter_context(patch.object(StateTaskService, "_eval_execution", _scripted(script)))
    machine = client.create_state_machine(name=MACHINE, definition=definition, roleArn=ROLE)["stateMachineArn"]
    started = client.start_execution(stateMachineArn=machine, name=EXECUTION, input=json.dumps(data))
    deadline = time.monotonic() + PATIENCE
    execution = get_backend(DEFAULT_ACCOUNT_ID, REGION).describe_execution(started["executionArn"])
    while execution.status == "RUNNING":  # asked where it is kept: a call of the API costs more than most executions
        assert time.monotonic() < deadline, "moto's engine does not come to an end"
        time.sleep(0.002)
    found = client.describe_execution(executionArn=started["executionArn"])
    history = client.get_execution_history(executionArn=started["executionArn"], maxResults=1000)["events"]
    return Outcome(
        status=found["status"],
        output=_output(found.get("output")),
        error=found.get("error"),
        cause=found.get("cause"),
        path=[event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event],
        requested=script.requested,
    )


def _output(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except json.JSONDecodeError:
        return text  # an output that is a string comes without its quotes


def _scripted(script: Script) -> Callable[[Any, Any], None]:
    """Replaces the call of the service; what surrounds it (arguments, retry, catch, output) stays moto's."""

    def evaluate(task: Any, env: Any) -> None:
        arguments = copy.deepcopy(task._eval_parameters(env=env))
        try:
            result = script.answer(task.name, task.resource.resource_arn, arguments)
        except TaskFailed as failure:
            raise _failure(env, failure) from failure
        if isinstance(result, Silence):
            raise HeartbeatTimeoutError if task.heartbeat else TimeoutError  # moto's engine would really wait
        env.stack.append(result)
        if isinstance(result, WithToken):
            _come_back(env, result.answer)
            task._eval_integration_pattern(env, None, {}, None)

    return evaluate


def _come_back(env: Any, answer: Any) -> None:
    """The token comes back; the wait of moto's own engine begins afterwards and finds the answer.

    Not over the API: SendTaskFailure forgets the cause there.
    """
    token = env.states.context_object.context_object_data["Task"]["Token"]
    if isinstance(answer, TaskFailed):
        outcome = CallbackOutcomeFailure(token, answer.error, answer.cause)
    else:
        outcome = CallbackOutcomeSuccess(token, json.dumps(answer))
    env.callback_pool_manager.notify(token, outcome)


def _failure(env: Any, failure: TaskFailed) -> Any:
    if failure.error == "States.Timeout":
        return TimeoutError()
    details = TaskFailedEventDetails(error=failure.error, cause=failure.cause)
    kind = HistoryEventType.TaskFailed
    is_child = failure.error == "States.TaskFailed"
    name = StatesErrorName(StatesErrorNameType.StatesTaskFailed) if is_child else CustomErrorName(failure.error)
    return FailureEventException(FailureEvent(env, name, kind, EventDetails(taskFailedEventDetails=details)))


def _mends() -> list[tuple[Any, str, Any]]:
    return [
        # Reads a definition's text, which takes seconds, when a machine is made and when an execution begins.
        (AmazonStateLanguageParser, "parse", staticmethod(_parsed)),
        # The evaluator is None.
        (moto_jsonata, "_eval_jsonata", _evaluated),
        # Strings are put between quotes without escaping what is in them.
        (moto_variables, "encode_jsonata_variable_declarations", _declarations),
        (moto_states, "encode_jsonata_variable_declarations", _declarations),
        # Output sees what Assign of the same state assigned; Step Functions uses the values at entry for both.
        (moto_variables.VariableStore, "set", _set_later),
        (moto_variables.VariableStore, "reset_tracing", _set_now),
        # Takes every error that is no ClientError for one of its own.
        (StateTaskServiceDynamoDB, "_from_error", StateTask._from_error),
        # Waits and retries really sleep.
        (WaitFunction, "_wait_interval", lambda *_, **__: None),
        (moto_retrier, "time", types.SimpleNamespace(sleep=lambda _: None)),
    ]


@cache
def _parsed(definition: str) -> tuple[Any, Any]:
    """A program keeps nothing of an execution, so one is enough for all of them."""
    tree = _tree(definition)
    with patch.object(RuleContext, "getText", _text):  # asked of each part, and put together of its parts each time
        return Preprocessor().visit(tree), tree


@cache
def _tree(definition: str) -> Any:
    return _parse(definition)[1]


_text = cache(RuleContext.getText)


def _declarations(bindings: dict[str, Any]) -> str:
    plain = json.loads(to_json_str(bindings))  # the start time is a datetime
    # jsonata-python does not put surrogate pairs together, so no escapes.
    return "".join(f"{name}:=${_named(json.dumps(value, ensure_ascii=False))};" for name, value in plain.items())


def _named(literal: str) -> str:
    """A variable for a literal: most of an expression's text is the values it might use, the same ones many times."""
    name = f"literal_{hashlib.sha256(literal.encode('utf-8', 'surrogatepass')).hexdigest()}"
    _literals[name] = literal
    return name


def _evaluated(expression: str) -> Any:
    """What an expression evaluates to; its text is read once, although moto has a new thread for each task."""
    names = list(dict.fromkeys(LITERAL.findall(expression)))
    for number, name in enumerate(names):
        expression = expression.replace(name, f"given_{number}")
    with _evaluating:  # an evaluation writes to the syntax tree
        bindings = {f"given_{number}": _value(_literals[name]) for number, name in enumerate(names)}
        compiled = Jsonata.CURRENT.jsonata = _compiled(expression)  # as if this thread had read it
        return compiled.evaluate(None, bindings)


_compiled = cache(Jsonata)


@cache
def _value(literal: str) -> Any:
    """A literal as it is within an expression, where null is not undefined."""
    return parse(literal)


def _set_later(store: Any, variable_identifier: str, variable_value: Any) -> None:
    if variable_identifier in store._outer_scope:
        raise moto_variables.IllegalOuterScopeWrite(variable_identifier, variable_value)
    store.__dict__.setdefault("pending", {})[variable_identifier] = variable_value


def _set_now(store: Any) -> None:
    store._inner_scope.update(store.__dict__.pop("pending", {}))
    store._variable_declarations_cache = None
