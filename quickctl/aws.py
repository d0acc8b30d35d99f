"""Everything quickctl asks of AWS as an operator, and AWS's errors as sentences.

administrator.py and owner.py call AWS with the credentials of other people.
The registry, the organization, the access policy and the budgets are read through the control plane's own adapters.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from control_plane.aws.account_listing import AwsAccountListing
from control_plane.aws.calls import NETWORK, NO_ADMINISTRATOR, code_of, tolerating
from control_plane.aws.grant_budget import DynamoDbGrantBudget
from control_plane.aws.iam import AwsAccessPolicies
from control_plane.aws.kept_events import DynamoDbKeptEvents
from control_plane.aws.organizations import ROOT, AwsOrganization
from control_plane.aws.quicksight import AwsDataSources, AwsQuickAccount
from control_plane.aws.registry import DynamoDbRegistry
from control_plane.aws.revocation_budget import DynamoDbRevocationBudget
from control_plane.aws.role_listing import AwsRoleListing
from control_plane.aws.source_listing import AwsSourceListing
from control_plane.aws.stack_set_queue import DynamoDbStackSetQueue
from control_plane.aws.stack_sets import AwsStackSets, values_of
from control_plane.aws.sweep_store import RETENTION, DynamoDbSweepStore
from control_plane.definition import body_hash
from control_plane.errors import MissingPermission, NotDelegatedAdministrator, Throttled
from control_plane.steps.access import external_ids
from quickctl.deployment import Deployment
from quickctl.exits import ExitCode, Problem
from quickctl.inspector import Inspector
from quickctl.observing import EXECUTIONS_PAGE, Observing, Trail
from quickctl.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from control_plane.aws.approval_batches import DynamoDbApprovalBatches
    from control_plane.ports.listing import ListPage
    from control_plane.sweep.ports import ListedAccount
    from control_plane.sweep.snapshot import StackSetSummary

T = TypeVar("T")

# People wait for the answer, and nothing else repeats a call that AWS throttled.
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=10, read_timeout=30)
STACK_SETS = "member.org.stacksets.cloudformation.amazonaws.com"
SWEEP_RETENTION = RETENTION  # after which the items of a sweep expire
MAX_PAGES = 10  # of executions; an account's newest ones are among the newest of all
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
SIGNED_OUT = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException")
ANSWERED = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")


def open_session(profile: str | None, region: str | None) -> boto3.Session:
    """A session as the AWS CLI would make it: of its options, its environment, its files. boto3 reads no AWS_REGION."""
    return boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION") or None)


@dataclass(frozen=True)
class Execution:
    """An execution of a state machine. `input` and `output`: None while they were not read."""

    arn: str
    name: str
    status: str
    started: datetime
    stopped: datetime | None = None
    input: Any = None
    output: Any = None
    error: str = ""
    cause: str = ""

    @property
    def account_id(self) -> str:
        """The account in its input; empty when there is none, or when it was not read."""
        return str(self.input.get("account_id", "")) if isinstance(self.input, dict) else ""


class Aws:
    """The hub's AWS, with the credentials of whoever calls. The stack is looked up once, when it is first needed."""

    def __init__(
        self, open_session: Callable[[], boto3.Session], stack_name: str, note: Callable[[str], object]
    ) -> None:
        """`note`: tells people what an answer leaves out."""
        self._open_session, self._stack_name, self._note = open_session, stack_name, note
        self._clients: dict[tuple[str, str], Any] = {}

    @cached_property
    def deployment(self) -> Deployment:
        """The deployed hub. Raises Problem when the stack is not here."""
        client = self._client("cloudformation")
        try:
            (stack,) = client.describe_stacks(StackName=self._stack_name)["Stacks"]
        except ClientError as error:
            if code_of(error) != "ValidationError" or "does not exist" not in str(error):
                raise
            account = self._client("sts").get_caller_identity()["Account"]
            raise Problem(
                ExitCode.NO_STACK,
                f"there is no stack {self._stack_name} in {self.region} of account {account}",
                "call it with the hub account's credentials (--profile) and Quick's Region (--region), "
                "or name the stack with --stack-name",
            ) from error
        return Deployment.of_stack(stack)

    @property
    def region(self) -> str:
        """The Region of the session."""
        if region := self._session.region_name:
            return str(region)
        raise Problem(ExitCode.NO_AWS, "no Region is set", "name Quick's Region with --region or AWS_REGION")

    @cached_property
    def caller(self) -> str:
        """The ARN of whoever calls; asking for it needs no permission."""
        return str(self._client("sts").get_caller_identity()["Arn"])

    # The control plane's adapters ------------------------------------------------------------------------

    @cached_property
    def registry(self) -> DynamoDbRegistry:
        """The records and claims."""
        return DynamoDbRegistry(*self._registry_table)

    @cached_property
    def organization(self) -> AwsOrganization:
        """Single accounts of the organization."""
        return AwsOrganization(self._client("organizations"))

    @cached_property
    def accounts(self) -> AwsAccountListing:
        """All accounts of the organization."""
        return AwsAccountListing(self._client("organizations"))

    def unit_name(self, unit: str) -> str:
        """The name of an OU or the root; its id when it is not there any more."""
        if unit.startswith("r-"):
            return ROOT
        with tolerating("OrganizationalUnitNotFoundException"):
            client = self._client("organizations")
            return str(client.describe_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"]["Name"])
        return unit

    @cached_property
    def roles(self) -> AwsRoleListing:
        """Our stack sets and their instances."""
        return AwsRoleListing(self._client("cloudformation"), self.deployment.hub)

    @cached_property
    def sources(self) -> AwsSourceListing:
        """Quick's data sources."""
        return AwsSourceListing(self._client("quicksight"), self.deployment.hub)

    @cached_property
    def grants(self) -> DynamoDbGrantBudget:
        """The grant budget, and the batches of new connections."""
        return DynamoDbGrantBudget(*self._registry_table, self.deployment.grant_budget_percent)

    @cached_property
    def revocations(self) -> DynamoDbRevocationBudget:
        """The revocation budget, and the batch of revocations."""
        return DynamoDbRevocationBudget(*self._registry_table)

    def batches(self, unit: str) -> DynamoDbApprovalBatches:
        """The batches of new connections of an OU or the root; without one, the batches of revocations."""
        return self.grants.batches(unit) if unit else self.revocations

    @cached_property
    def kept_events(self) -> DynamoDbKeptEvents:
        """Events in which no account was found."""
        return DynamoDbKeptEvents(*self._registry_table)

    @cached_property
    def queues(self) -> DynamoDbStackSetQueue:
        """The queues of stack set changes."""
        return DynamoDbStackSetQueue(*self._registry_table)

    @cached_property
    def sweeps(self) -> DynamoDbSweepStore:
        """What sweeps stored."""
        return DynamoDbSweepStore(*self._registry_table)

    @cached_property
    def data_sources(self) -> AwsDataSources:
        """Single data sources of Quick."""
        quick = self.deployment.quick
        client = self._client("quicksight")
        return AwsDataSources(client, self.deployment.hub, quick.quick_identity_region, quick.quick_namespace)

    @cached_property
    def quick_account(self) -> AwsQuickAccount:
        """The hub account's Quick: its groups, users and folders."""
        quick = self.deployment.quick
        identities = self._client("quicksight", quick.quick_identity_region)
        return AwsQuickAccount(identities, self._client("quicksight"), self.deployment.hub, quick.quick_namespace)

    def stack_sets(self, template: Path) -> AwsStackSets:
        """Stack sets, compared with that template."""
        return AwsStackSets(self._client("cloudformation"), self.deployment.hub, template)

    def stack_sets_of_ours(self) -> Iterator[StackSetSummary]:
        """Every stack set with a name of ours."""
        return _items(self.roles.stack_sets)

    def listed_accounts(self) -> Iterator[ListedAccount]:
        """Every account of the organization, with the OUs above it."""
        return _items(self.accounts.page)

    def definition(self, stack_set: str) -> tuple[str, Mapping[str, str]] | None:
        """The hash of a stack set's template, and its parameters; None when there is no such stack set."""
        client = self._client("cloudformation")
        with tolerating("StackSetNotFoundException"):
            found = client.describe_stack_set(StackSetName=stack_set, CallAs="DELEGATED_ADMIN")["StackSet"]
            return body_hash(found["TemplateBody"]), values_of(found.get("Parameters"))
        return None

    @cached_property
    def policies(self) -> AwsAccessPolicies:
        """The access policy."""
        hub = self.deployment.hub
        return AwsAccessPolicies(self._client("iam"), hub, external_ids(hub))

    @property
    def _registry_table(self) -> tuple[Any, str]:
        return self._client("dynamodb"), self.deployment.table

    # State machines ----------------------------------------------------------------------------------------

    def start(self, machine: str, payload: Mapping[str, Any]) -> Execution:
        """Start an execution of the machine in that output of the stack."""
        arn, text = self.deployment.output(machine), json.dumps(payload)
        started = self._client("stepfunctions").start_execution(stateMachineArn=arn, input=text)
        name = started["executionArn"].rsplit(":", 1)[-1]
        return Execution(started["executionArn"], name, "RUNNING", started["startDate"])

    def executions(self, machine: str) -> Iterator[Execution]:
        """The executions of a machine, the newest first. Of very many, those of the first pages only; it says so."""
        arn = self.deployment.output(machine)
        pages = (
            self._client("stepfunctions")
            .get_paginator("list_executions")
            .paginate(stateMachineArn=arn, PaginationConfig={"PageSize": EXECUTIONS_PAGE})
        )
        for number, page in enumerate(pages, start=1):
            yield from map(_execution, page["executions"])
            if number == MAX_PAGES and "nextToken" in page:
                self._note(f"only the newest {MAX_PAGES * EXECUTIONS_PAGE} executions of {arn} were looked through")
                return

    def execution(self, arn: str) -> Execution | None:
        """One execution; None when AWS no longer has it (90 days after its end)."""
        with tolerating("ExecutionDoesNotExist"):
            return _execution(self._client("stepfunctions").describe_execution(executionArn=arn))
        return None

    def history(self, arn: str) -> list[dict[str, Any]]:
        """The events of an execution, the oldest first; none when AWS no longer has it."""
        pages = (
            self._client("stepfunctions")
            .get_paginator("get_execution_history")
            .paginate(executionArn=arn, PaginationConfig={"PageSize": 1000})
        )
        with tolerating("ExecutionDoesNotExist"):
            return [event for page in pages for event in page["events"]]
        return []

    def answer(self, token: str, *, approve: bool) -> bool:
        """Approve or reject what waits with that token. False: it does not wait any more."""
        client = self._client("stepfunctions")
        try:
            if approve:
                client.send_task_success(taskToken=token, output="{}")
            else:
                client.send_task_failure(taskToken=token, error="Rejected")
        except ClientError as error:
            if code_of(error) in ANSWERED:
                return False
            raise
        return True

    # Functions and queues ------------------------------------------------------------------------------------

    def invoke(self, function: str, payload: Mapping[str, Any]) -> tuple[Any, str]:
        """The answer of the function in that output of the stack, and the error's name if it failed."""
        answer = self._client("lambda").invoke(
            FunctionName=self.deployment.output(function), Payload=json.dumps(payload).encode()
        )
        found = json.loads(answer["Payload"].read())
        return found, str(found.get("errorType", "Unknown")) if "FunctionError" in answer else ""

    def queue(self, name: str) -> Queue:
        """The queue in that output of the stack."""
        return Queue(self._client("sqs"), self.deployment.output(name))

    # What only doctor asks -------------------------------------------------------------------------------------

    def stack_set_administrators(self) -> set[str]:
        """The delegated administrators for StackSets; none when Organizations does not take this account for one."""
        pages = (
            self._client("organizations")
            .get_paginator("list_delegated_administrators")
            .paginate(ServicePrincipal=STACK_SETS)
        )
        try:
            return {each["Id"] for page in pages for each in page["DelegatedAdministrators"]}
        except ClientError as error:
            if NO_ADMINISTRATOR["AccessDeniedException"] in str(error).lower():  # not IAM's message
                return set()
            raise

    @cached_property
    def inspector(self) -> Inspector:
        """The hub account in Quick's Region, as doctor reads it."""
        return Inspector(self._client, self.region)

    # What only selftest asks -----------------------------------------------------------------------------------

    @cached_property
    def observing(self) -> Observing:
        """Operations, definitions and quotas."""
        return Observing(self._client, self.deployment)

    def trail(self, region: str) -> Trail:
        """The hub's event history in that Region."""
        return Trail(self._client("cloudtrail", region))

    # Clients -----------------------------------------------------------------------------------------------------

    @cached_property
    def _session(self) -> boto3.Session:
        return self._open_session()

    def _client(self, service: str, region: str = "") -> Any:
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = self._session.client(service, region_name=key[1], config=CONFIG)  # type: ignore[call-overload]  # any service
        return self._clients[key]


def _items(page: Callable[[str], ListPage[T]]) -> Iterator[T]:
    """The items of every page, one after the other."""
    token = ""
    while True:
        found = page(token)
        yield from found.items
        if not (token := found.token):
            return


def _execution(found: Mapping[str, Any]) -> Execution:
    return Execution(
        arn=found["executionArn"],
        name=found["name"],
        status=found["status"],
        started=found["startDate"],
        stopped=found.get("stopDate"),
        input=_value(found.get("input")),
        output=_value(found.get("output")),
        error=found.get("error", ""),
        cause=found.get("cause", ""),
    )


def _value(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


# Errors ------------------------------------------------------------------------------------------------------

POLICIES = "docs/howto/policies/operator.json has what reading needs, operator-act.json what the other commands need"


@dataclass(frozen=True)
class _Known:
    """Errors that mean the same for whoever called: the exit code, how the sentence begins, and the remedy."""

    classes: tuple[type[Exception], ...]
    code: ExitCode
    start: str = ""
    remedy: str = ""
    codes: tuple[str, ...] = ()  # of a ClientError

    def matches(self, error: Exception) -> bool:
        """Whether it is one of them."""
        has_code = isinstance(error, ClientError) and code_of(error) in self.codes
        return has_code or isinstance(error, self.classes)


KNOWN = (
    _Known(
        (NotDelegatedAdministrator,),
        ExitCode.DENIED,
        "AWS does not take this account for a delegated administrator: ",
        "call it with credentials of the hub account; if they are, see docs/howto/deploy.md",
    ),
    _Known((MissingPermission,), ExitCode.DENIED, "a permission is missing: ", f"grant it; {POLICIES}", DENIED),
    _Known(
        (NoCredentialsError, PartialCredentialsError, ProfileNotFound),
        ExitCode.NO_AWS,
        remedy="sign in, or name a profile of the hub account with --profile",
    ),
    _Known((), ExitCode.NO_AWS, remedy="sign in again: these credentials are not valid (any more)", codes=SIGNED_OUT),
    _Known((NoRegionError,), ExitCode.NO_AWS, remedy="name Quick's Region with --region or AWS_REGION"),
    _Known((Throttled, *NETWORK), ExitCode.NO_AWS, "AWS does not answer, or throttles: ", "try again later"),
    _Known((ClientError, BotoCoreError), ExitCode.UNEXPECTED, "AWS answered with an error: "),
)


def problem_of(error: Exception) -> Problem | None:
    """The sentence, the remedy and the exit code for an error of AWS; None for any other error."""
    if isinstance(error, Problem):
        return error
    known = next((each for each in KNOWN if each.matches(error)), None)
    return Problem(known.code, f"{known.start}{_words(error)}", known.remedy) if known else None


def _words(error: Exception) -> str:
    """AWS's message in one line, without botocore's frame."""
    text = " ".join(str(error).split())
    return re.sub(r"^An error occurred \(\w+\) when calling the (\w+) operation(?: \([^)]*\))?:", r"\1:", text)
