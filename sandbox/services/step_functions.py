"""Step Functions: state machines as CloudFormation left them, run by our reader, every task as the machine's role.

moto's own engine calls every service as account 123456789012 and does two executions a second; its plain backend
runs nothing. It keeps the state machines; executions are ours.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.models import stepfunctions_backends

from sandbox.asl import drivers, machine
from sandbox.asl.effects import Invoke, TaskFailed
from sandbox.asl.execution import Execution, Hook, Listener
from sandbox.gateway import AwsError, Call
from sandbox.identity import Session, acting_as
from sandbox.policy import Principal, Request, access_denied_message, assume_role
from sandbox.services.functions import FunctionFailed, Functions, session_arn
from sandbox.services.iam_documents import role_documents_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.asl.values import StateMachine
    from sandbox.cloud import Cloud

STATES = Principal(account="", arn="states.amazonaws.com")
OPTIMISED = {"dynamodb": "DynamoDB", "states": "StepFunctions", "sqs": "SQS", "sns": "SNS", "events": "Events"}
SDK = {"cloudformation": "CloudFormation"}  # services whose class in AWS's SDK for Java has two capitals
CLIENTS = {"states": "stepfunctions", "sfn": "stepfunctions"}  # Step Functions' name for itself is not boto3's
AUTHORIZE = "lambda:InvokeFunction"


@dataclass(frozen=True)
class Machine:
    """A deployed state machine, parsed, and the session its executions act with."""

    definition: str
    parsed: StateMachine
    session: Session


class StepFunctions:
    """Executions of every state machine. `listeners` hear each line of each history; `hook` may kill one."""

    def __init__(self, cloud: Cloud, functions: Functions) -> None:
        self._cloud, self._functions = cloud, functions
        self._machines: dict[str, Machine] = {}
        self._executions: dict[str, Execution] = {}
        self.listeners: list[Listener] = []
        self.hook: Hook | None = None
        cloud.gateway.handle(
            "stepfunctions",
            StartExecution=self._start_execution,
            DescribeExecution=self._describe_execution,
            ListExecutions=self._list_executions,
            StopExecution=self._stop_execution,
        )

    @property
    def executions(self) -> list[Execution]:
        """Every execution there was, oldest first."""
        return list(self._executions.values())

    def start(self, machine_arn: str, payload: Any, name: str | None = None) -> Execution:
        """Start one; a name used before is refused, as AWS does, unless the same input still runs."""
        name = name or str(uuid.uuid4())
        if not re.fullmatch(r"[\w.@+-]{1,80}", name):
            raise AwsError("InvalidName", f"Invalid Name: '{name}'")
        arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        if (before := self._executions.get(arn)) is not None:
            if before.status == "RUNNING" and before.input == payload:
                return before
            raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        deployed = self._machine(machine_arn)
        execution = Execution(
            arn=arn,
            name=name,
            input=payload,
            machine_arn=machine_arn,
            machine_name=machine_arn.rsplit(":", 1)[-1],
            role_arn=deployed.session.principal.arn,
            seed=len(self._executions),
            listeners=self.listeners,
        )
        self._executions[arn] = execution
        return drivers.start(deployed.parsed, execution, self._perform, self._cloud.clock, self.hook)

    def start_from_event(self, machine_arn: str, role_arn: str | None, event: Any) -> None:
        """As EventBridge's target: named after the event, so that a repeated delivery starts nothing twice."""
        del role_arn  # whether it may start the machine was checked by EventBridge
        try:
            self.start(machine_arn, event, f"{event['id']}_{uuid.uuid5(uuid.NAMESPACE_URL, machine_arn)}"[:80])
        except AwsError as error:
            if error.code != "ExecutionAlreadyExists":
                raise

    def _machine(self, machine_arn: str) -> Machine:
        _, _, _, region, account, _, _ = machine_arn.split(":")
        found = next(
            (each for each in stepfunctions_backends[account][region].state_machines if each.arn == machine_arn), None
        )
        if found is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{machine_arn}'")
        known = self._machines.get(machine_arn)
        if known is None or known.definition != found.definition:
            parsed = machine.parse(found.definition, {})
            known = self._machines[machine_arn] = Machine(found.definition, parsed, self._assume(found.roleArn))
        return known

    def _assume(self, role_arn: str) -> Session:
        role = role_documents_of(role_arn)
        request = Request(STATES, "sts:AssumeRole", role_arn)
        verdict = assume_role(request, trust=role.trust)
        if not verdict.allowed:
            raise AwsError("AccessDeniedException", access_denied_message(request, verdict))
        return self._cloud.identities.role_session(replace(role.principal, session_arn=session_arn(role_arn, "states")))

    def _perform(self, execution: Execution, task: Any) -> Any:
        session = self._machines[execution.machine_arn].session
        with acting_as(session):
            return self._invoke(task, session) if isinstance(task, Invoke) else self._call(task)

    def _invoke(self, task: Invoke, session: Session) -> Any:
        name = task.arguments["FunctionName"]
        call = Call("lambda", "Invoke", self._cloud.landscape.region, session, {"FunctionName": name})
        try:
            return self._cloud.gateway.serve(
                call, lambda: self._functions.invoke(name, task.arguments.get("Payload", {}))
            )
        except FunctionFailed as failed:
            raise TaskFailed(str(failed.payload["errorType"]), json.dumps(failed.payload)) from failed
        except AwsError as error:
            self._functions.refused(name, error.code)
            raise TaskFailed(f"Lambda.{error.code}", str(error)) from error
        except BotoCoreError as error:
            raise TaskFailed("Lambda.SdkClientException", str(error)) from error

    def _call(self, task: Any) -> Any:
        service, operation, prefix = _integration(task.resource)
        client = self._cloud.client(CLIENTS.get(service, service))
        try:
            answer = getattr(client, _snake(operation))(**_request(task.arguments, client, operation))
        except ClientError as error:
            details = error.response["Error"]
            raise TaskFailed(f"{prefix}.{_exception(details['Code'])}", details.get("Message", "")) from error
        except BotoCoreError as error:
            raise TaskFailed(f"{prefix}.SdkClientException", str(error)) from error
        return _answer(answer, _model(client, operation).output_shape)

    def _start_execution(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        started = self.start(given["stateMachineArn"], json.loads(given.get("input") or "{}"), given.get("name"))
        return {"executionArn": started.arn, "startDate": started.started}

    def _describe_execution(self, call: Call) -> dict[str, Any]:
        found = self._find(call.parameters["executionArn"])
        answer = {**_summary(found), "input": json.dumps(found.input)}
        if found.output is not None:
            answer["output"] = json.dumps(found.output)
        return answer | {key: value for key, value in (("error", found.error), ("cause", found.cause)) if value}

    def _list_executions(self, call: Call) -> dict[str, Any]:
        wanted, status = call.parameters.get("stateMachineArn"), call.parameters.get("statusFilter")
        found = [e for e in self.executions if e.machine_arn == wanted and status in (None, e.status)]
        return {"executions": [_summary(each) for each in reversed(found)]}

    def _stop_execution(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        drivers.stop(self._find(given["executionArn"]), given.get("error"), given.get("cause"))
        return {"stopDate": self._cloud.clock.now()}

    def _find(self, arn: str) -> Execution:
        found = self._executions.get(arn)
        if found is None:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return found


def _summary(execution: Execution) -> dict[str, Any]:
    return {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
        **({"stopDate": execution.stopped} if execution.stopped else {}),
    }


def _integration(resource: str) -> tuple[str, str, str]:
    """Service, operation, and the word before the dot in its error names."""
    words = resource.split(":")
    if words[5] == "aws-sdk":
        return words[6], words[7], SDK.get(words[6], words[6].capitalize())
    service, operation = words[5], words[6].split(".")[0]
    return service, operation, OPTIMISED[service]


def _exception(code: str) -> str:
    return code if code.endswith("Exception") else f"{code}Exception"


def _snake(operation: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation).lower()


def _request(arguments: Mapping[str, Any], client: Any, operation: str) -> dict[str, Any]:
    """Arguments as boto3 spells them: Step Functions always writes PascalCase."""
    spelled = {name[0].upper() + name[1:]: name for name in _model(client, operation).input_shape.members}
    return {spelled.get(name, name): value for name, value in arguments.items()}


def _model(client: Any, operation: str) -> Any:
    return client.meta.service_model.operation_model(operation[0].upper() + operation[1:])


def _answer(value: Any, shape: Any) -> Any:
    """An answer as Step Functions gives it: PascalCase members of structures (not keys of maps), times as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if shape.type_name == "list":
        return [_answer(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: _answer(item, shape.value) for key, item in value.items()}
    if shape.type_name == "structure":
        known = {name: member for name, member in shape.members.items() if name in value}
        return {name[0].upper() + name[1:]: _answer(value[name], member) for name, member in known.items()}
    return value
