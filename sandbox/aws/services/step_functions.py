"""Step Functions: state machines as CloudFormation left them, run by our reader, every task as the machine's role.

moto's own engine calls every service as account 123456789012 and does two executions a second; its plain backend
runs nothing. It keeps the state machines; executions are ours.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.models import stepfunctions_backends

from sandbox.aws.asl import drivers, integration, machine
from sandbox.aws.asl.effects import Invoke, TaskFailed
from sandbox.aws.asl.execution import Execution, Hook, Listener
from sandbox.aws.asl.tokens import TokenClosed, Tokens
from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.identity import Session, acting_as
from sandbox.aws.policy import Principal, Request, access_denied_message, assume_role
from sandbox.aws.services import execution_history
from sandbox.aws.services.child_executions import ChildExecution, check_permissions
from sandbox.aws.services.functions import FunctionFailed, Functions, session_arn
from sandbox.aws.services.iam_documents import role_documents_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.asl.values import StateMachine
    from sandbox.aws.cloud import Cloud
    from sandbox.aws.services.iam_documents import RoleDocuments

STATES = Principal(account="", arn="states.amazonaws.com")
LONGEST_ARN = 256  # botocore's model, Arn
EXECUTIONS_PAGE = 100  # unless asked otherwise (botocore's model, ListExecutions)
LARGEST_PAGE = 1000
HISTORY_PAGE = 100  # events, unless asked otherwise (botocore's model, PageSize)


@dataclass(frozen=True)
class Machine:
    """A deployed state machine, parsed, and the session its executions act with."""

    definition: str
    role: tuple[str, str | None]  # its ARN and its unique id
    parsed: StateMachine
    session: Session


class StepFunctions:
    """Executions of every state machine. `listeners` are called with each line of each history; `hook` may kill one.

    `stops_children`: whether executions that a task waits for are stopped when the task's own execution ends first. AWS
    only tries to; by default they go on.
    """

    def __init__(self, cloud: Cloud, functions: Functions) -> None:
        self._cloud, self._functions = cloud, functions
        self._machines: dict[str, Machine] = {}
        self._executions: dict[str, Execution] = {}
        self._tokens = Tokens()
        self.listeners: list[Listener] = []
        self.largest_page = LARGEST_PAGE  # of executions
        self.hook: Hook | None = None
        self.stops_children = False
        cloud.gateway.handle(
            "stepfunctions",
            StartExecution=self._start_execution,
            DescribeExecution=self._describe_execution,
            GetExecutionHistory=self._get_execution_history,
            ListExecutions=self._list_executions,
            StopExecution=self._stop_execution,
            SendTaskSuccess=self._send_task_success,
            SendTaskFailure=self._send_task_failure,
            SendTaskHeartbeat=self._send_task_heartbeat,
        )

    @property
    def executions(self) -> list[Execution]:
        """Every execution there was, oldest first."""
        return list(self._executions.values())

    def load(self, account: str, region: str) -> None:
        """Read every state machine of an account before anything starts it."""
        for each in stepfunctions_backends[account][region].state_machines:
            self._machine(each.arn)

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
        return drivers.start(deployed.parsed, execution, self._perform, self._cloud.clock, self.hook, self._tokens)

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
        with self._cloud.gateway.lock:  # nobody changes roles meanwhile
            role = role_documents_of(found.roleArn)
        known, assumed = self._machines.get(machine_arn), (found.roleArn, role.principal.unique_id)
        if known is None or (known.definition, known.role) != (found.definition, assumed):
            parsed = known.parsed if known and known.definition == found.definition else None
            known = self._machines[machine_arn] = Machine(
                found.definition, assumed, parsed or machine.parse(found.definition, {}), self._assume(role)
            )
        return known

    def _assume(self, role: RoleDocuments) -> Session:
        role_arn = role.principal.arn
        request = Request(STATES, "sts:AssumeRole", role_arn)
        verdict = assume_role(request, trust=role.trust)
        if not verdict.allowed:
            raise AwsError("AccessDeniedException", access_denied_message(request, verdict))
        return self._cloud.identities.role_session(replace(role.principal, session_arn=session_arn(role_arn, "states")))

    def _perform(self, execution: Execution, task: Any) -> Any:
        session = self._machines[execution.machine_arn].session
        with acting_as(session):
            if isinstance(task, Invoke):
                return self._invoke(task, session)
            return self._run_job(task, session) if integration.runs_job(task.resource) else self._call(task)

    def _invoke(self, task: Invoke, session: Session) -> Any:
        name = task.arguments["FunctionName"]
        call = Call("lambda", "Invoke", self._cloud.topology.region, session, {"FunctionName": name})
        try:
            return self._cloud.gateway.serve(
                call, lambda: self._functions.invoke(name, task.arguments.get("Payload", {}))
            )
        except FunctionFailed as failed:
            raise TaskFailed(str(failed.payload["errorType"]), json.dumps(failed.payload)) from failed
        except AwsError as error:
            self._functions.refused(name, error.code)
            raise TaskFailed(self._lambda_error(error.code), str(error)) from error
        except BotoCoreError as error:
            raise TaskFailed("Lambda.SdkClientException", str(error)) from error

    def _lambda_error(self, code: str) -> str:
        shapes = self._cloud.client("lambda").meta.service_model.error_shapes
        known = any(shape.name == code for shape in shapes)
        return f"Lambda.{code}" if known else integration.unmodelled("Lambda", optimised=True)

    def _call(self, task: Any) -> Any:
        named = integration.read(task.resource)
        client = self._cloud.client(named.client)
        try:
            request = integration.request(named, task.arguments, client)
            answer = getattr(client, integration.method(named.operation))(**request)
        except ClientError as error:
            message = error.response["Error"].get("Message", "")
            raise TaskFailed(integration.error_name(named, error), message) from error
        except BotoCoreError as error:
            raise TaskFailed(f"{named.prefix}.SdkClientException", str(error)) from error
        return integration.answer(named, answer, client)

    def _run_job(self, task: Any, session: Session) -> Any:
        """Start an execution; the task goes on when that is over."""
        try:
            check_permissions(self._cloud, session, task.arguments)
        except AwsError as error:
            raise TaskFailed(integration.unmodelled("StepFunctions", optimised=True), str(error)) from error
        child = self._executions[self._call(task)["ExecutionArn"]]
        return ChildExecution(self._cloud, session, child, self._describe, stops=self.stops_children)

    def _start_execution(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        started = self.start(given["stateMachineArn"], json.loads(given.get("input") or "{}"), given.get("name"))
        return {"executionArn": started.arn, "startDate": started.started}

    def _describe_execution(self, call: Call) -> dict[str, Any]:
        arn = call.parameters["executionArn"]
        if len(arn) > LONGEST_ARN:
            raise AwsError("ValidationException", f"'executionArn' must have at most {LONGEST_ARN} characters")
        if not re.fullmatch(r"arn:[\w-]+:states:[\w-]+:\d{12}:execution:[^:\s]+:[^:\s]+", arn):
            raise AwsError("InvalidArn", f"Invalid Arn: '{arn}'")
        return self._describe(self._find(arn))

    def _describe(self, found: Execution) -> dict[str, Any]:
        answer = {**_summary(found), "input": json.dumps(found.input), "inputDetails": {"included": True}}
        if found.status == "SUCCEEDED":
            answer |= {"output": json.dumps(found.output), "outputDetails": {"included": True}}
        return answer | {key: value for key, value in (("error", found.error), ("cause", found.cause)) if value}

    def _list_executions(self, call: Call) -> dict[str, Any]:
        wanted, status = call.parameters.get("stateMachineArn"), call.parameters.get("statusFilter")
        found = [e for e in reversed(self.executions) if e.machine_arn == wanted and status in (None, e.status)]
        first = int(call.parameters.get("nextToken") or 0)
        most = min(call.parameters.get("maxResults") or EXECUTIONS_PAGE, self.largest_page)
        more = {"nextToken": str(first + most)} if first + most < len(found) else {}
        return {"executions": [_summary(each) for each in found[first : first + most]], **more}

    def _get_execution_history(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        found = self._find(given["executionArn"])
        events = execution_history.events(found, self._machines[found.machine_arn].parsed)
        if given.get("reverseOrder"):
            events.reverse()
        first, most = int(given.get("nextToken") or 0), given.get("maxResults") or HISTORY_PAGE
        more = {"nextToken": str(first + most)} if first + most < len(events) else {}
        return {"events": events[first : first + most], **more}

    def _stop_execution(self, call: Call) -> dict[str, Any]:
        given = call.parameters
        drivers.stop(self._find(given["executionArn"]), given.get("error"), given.get("cause"))
        return {"stopDate": self._cloud.clock.now()}

    def _send_task_success(self, call: Call) -> dict[str, Any]:
        try:
            output = json.loads(call.parameters["output"], parse_constant=_no_constant)
        except ValueError as error:
            raise AwsError("InvalidOutput", f"Invalid Output: '{error}'") from error
        return self._with_token(call, lambda token: self._tokens.answer(token, output))

    def _send_task_failure(self, call: Call) -> dict[str, Any]:
        failure = TaskFailed(call.parameters.get("error"), call.parameters.get("cause"))
        return self._with_token(call, lambda token: self._tokens.answer(token, failure))

    def _send_task_heartbeat(self, call: Call) -> dict[str, Any]:
        return self._with_token(call, self._tokens.heartbeat)

    def _with_token(self, call: Call, use: Callable[[str], None]) -> dict[str, Any]:
        """A token is good in its execution's own account and Region only."""
        token = call.parameters["taskToken"]
        known = self._tokens.execution(token)
        if known is None or known.arn.split(":")[3:5] != [call.region, call.account]:
            raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
        try:
            use(token)
        except TokenClosed as error:
            raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'") from error
        return {}

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


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
