"""Service-managed stack sets, seen as CloudFormation's delegated administrator."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from control_plane.account import Hub
from control_plane.aws.calls import code_of, named_errors, tolerating
from control_plane.definition import Definition, body_hash, define, values_hash
from control_plane.errors import NotOurs
from control_plane.ports import OperationStatus, StackInstance

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, TagTypeDef

CALL_AS: Final = "DELEGATED_ADMIN"
WANTED = {"permission model": "SERVICE_MANAGED", "automatic deployment": False, "managed execution": True}
CAPABILITIES: Final = ("CAPABILITY_NAMED_IAM",)
IN_PROGRESS = {"PENDING", "RUNNING"}
TRIED = 5  # accounts whose instance may carry an update for one that has none
# One failing account must neither stop the others nor slow them down.
PREFERENCES: Any = {
    "RegionConcurrencyType": "PARALLEL",
    "MaxConcurrentPercentage": 100,
    "FailureTolerancePercentage": 100,
    "ConcurrencyMode": "SOFT_FAILURE_TOLERANCE",
}


class AwsStackSets:
    """Port `StackSets` over CloudFormation."""

    def __init__(self, client: "CloudFormationClient", hub: Hub, body: Path) -> None:
        self._client, self._hub, self._body = client, hub, body

    def ensure_stack_set(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Create the stack set when it is missing; raises NotOurs when one of its name is not as we make it.

        Answers whether body and parameters are what was built.
        """
        found = self._find(name)
        if found is None:
            self._create(name, parameters)
            return True
        if difference := self._difference(found):
            raise NotOurs(f"the stack set {name} exists already: {difference}")
        return self._is_of(found, parameters)

    def is_defined(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Whether the stack set's body and parameters are what was built."""
        found = self._find(name)
        return found is not None and self._is_of(found, parameters)

    def instance(self, name: str, account_id: str) -> StackInstance | None:
        """The account's instance, or None."""
        try:
            with named_errors():
                found = self._client.describe_stack_instance(
                    StackSetName=name,
                    StackInstanceAccount=account_id,
                    StackInstanceRegion=self._hub.region,
                    CallAs=CALL_AS,
                )["StackInstance"]
        except ClientError as error:
            if code_of(error) in ("StackSetNotFoundException", "StackInstanceNotFoundException"):
                return None
            raise
        in_progress = self._is_being_changed(name, found)
        return StackInstance(
            is_current=found["Status"] == "CURRENT" and not in_progress,
            in_progress=in_progress,
            parameters=values_of(found.get("ParameterOverrides")),
            operation_id=found.get("LastOperationId", ""),
            reason=found.get("StatusReason", ""),
            stack_id=found.get("StackId", ""),
            is_drifted=is_drifted(found),
        )

    def operation(self, name: str, operation_id: str) -> OperationStatus:
        """How an operation stands."""
        found = self._describe(name, operation_id)
        if found is None:
            return OperationStatus.UNKNOWN
        running = found["Status"] in ("RUNNING", "QUEUED", "STOPPING")
        return OperationStatus.RUNNING if running else OperationStatus.ENDED

    def failure(self, name: str, operation_id: str, account_id: str) -> str:
        """Why an operation left the account without a current instance, in AWS's words."""
        with named_errors():
            pages = self._client.get_paginator("list_stack_set_operation_results").paginate(
                StackSetName=name, OperationId=operation_id, CallAs=CALL_AS
            )
            results = [result for page in pages for result in page["Summaries"] if result["Account"] == account_id]
        reasons = [f"{result['Status']}: {result.get('StatusReason', 'no reason given')}" for result in results]
        return "; ".join(reasons) or "the operation has no result for the account: it is no target of the stack set"

    def start_deployment(
        self, name: str, account_id: str, parameters: Mapping[str, str], operation_id: str, *, exists: bool
    ) -> None:
        """Create (or, when it `exists`, update) the account's instance; the operation id makes it idempotent."""
        start = self._client.update_stack_instances if exists else self._client.create_stack_instances
        with named_errors(), tolerating("OperationIdAlreadyExistsException"):
            start(
                StackSetName=name,
                DeploymentTargets=self._only(account_id),
                Regions=[self._hub.region],  # IAM is global: a second Region would collide with the first
                ParameterOverrides=_as_list(parameters),
                OperationPreferences=PREFERENCES,
                OperationId=operation_id,
                CallAs=CALL_AS,
            )

    def start_update(self, name: str, account_id: str, parameters: Mapping[str, str] | None, operation_id: str) -> None:
        """Bring the account's instance to the stack set's definition, which is first made ours with `parameters`.

        AWS takes an update only of accounts with an instance, it seems: the first one of an account that has none goes
        by way of another account's instance. Without any instance at all it needs no targets, and reaches nobody.
        """
        found = self._find(name) or {}
        definition = self._as_it_is(found) if parameters is None else self._ours(found, parameters)
        ways = self._ways(name, account_id) if parameters is not None else iter([self._at(account_id)])
        with named_errors(), tolerating("OperationIdAlreadyExistsException"):
            self._update(name, definition, operation_id, next(ways), ways)

    def _update(self, name: str, definition: Any, operation_id: str, way: Any, others: Iterator[Any]) -> None:
        try:
            self._client.update_stack_set(
                StackSetName=name,
                Capabilities=list(CAPABILITIES),
                OperationPreferences=PREFERENCES,
                OperationId=operation_id,
                CallAs=CALL_AS,
                **definition,
                **way,
            )
        except ClientError as error:
            following = next(others, None) if code_of(error) == "StackInstanceNotFoundException" else None
            if following is None:
                raise
            self._update(name, definition, operation_id, following, others)

    def _ways(self, name: str, account_id: str) -> Iterator[Any]:
        """The targets of an update, to be tried in turn: never all accounts, but when there is none at all."""
        yield self._at(account_id)
        found: Any = self._client.list_stack_instances(StackSetName=name, CallAs=CALL_AS)
        usable = [each for each in found["Summaries"] if each["Status"] != "INOPERABLE"]
        yield from (self._at(each["Account"]) for each in usable[:TRIED] if each["Region"] == self._hub.region)
        if not usable and not found.get("NextToken"):
            yield {}

    def _at(self, account_id: str) -> Any:
        return {"DeploymentTargets": self._only(account_id), "Regions": [self._hub.region]}

    def _ours(self, found: Any, parameters: Mapping[str, str]) -> Any:
        """What was built; tags that others put on the stack set stay, because tags are replaced as a whole."""
        kept = {key: value for key, value in tags_of(found).items() if not key.startswith("aws:")}
        return {
            "TemplateBody": self._text,
            "Parameters": _as_list(parameters),
            "Tags": _as_tags({**kept, **self._tags(parameters)}),
        }

    @staticmethod
    def _as_it_is(found: Any) -> Any:
        """Named without a body or a value: AWS marks everybody's instance as not current when either is named."""
        keys = sorted(values_of(found.get("Parameters")))
        previous = [{"ParameterKey": key, "UsePreviousValue": True} for key in keys]
        return {"UsePreviousTemplate": True, "Parameters": previous}

    def check_mark(self, name: str) -> None:
        """Raise NotOurs when the stack set does not carry our mark."""
        found = self._find(name)
        if found and (difference := self._hub.unmarked(tags_of(found))):
            raise NotOurs(f"the stack set {name} is not ours: {difference}")

    def start_removal(self, name: str, account_id: str, operation_id: str, *, retain: bool) -> None:
        """Delete the account's instance, and its stack unless that is to be `retain`ed; idempotent by the id."""
        with named_errors(), tolerating("OperationIdAlreadyExistsException", "StackSetNotFoundException"):
            self._client.delete_stack_instances(
                StackSetName=name,
                DeploymentTargets=self._only(account_id),
                Regions=[self._hub.region],
                OperationPreferences=PREFERENCES,
                RetainStacks=retain,
                OperationId=operation_id,
                CallAs=CALL_AS,
            )

    def _only(self, account_id: str) -> Any:
        """One account, wherever in the organization it is."""
        return {
            "OrganizationalUnitIds": [self._hub.root_id],
            "Accounts": [account_id],
            "AccountFilterType": "INTERSECTION",
        }

    def _is_being_changed(self, name: str, instance: Any) -> bool:
        """Whether an operation works on the instance. Detecting drift looks the same, and changes nothing."""
        if instance.get("StackInstanceStatus", {}).get("DetailedStatus") not in IN_PROGRESS:
            return False
        operation = self._describe(name, instance.get("LastOperationId", ""))
        return operation is None or operation.get("Action") != "DETECT_DRIFT"

    def _describe(self, name: str, operation_id: str) -> Any | None:
        try:
            with named_errors():
                return self._client.describe_stack_set_operation(
                    StackSetName=name, OperationId=operation_id, CallAs=CALL_AS
                )["StackSetOperation"]
        except ClientError as error:
            if code_of(error) in ("StackSetNotFoundException", "OperationNotFoundException"):
                return None
            raise

    def _find(self, name: str) -> Any | None:
        try:
            with named_errors():
                return self._client.describe_stack_set(StackSetName=name, CallAs=CALL_AS)["StackSet"]
        except ClientError as error:
            if code_of(error) == "StackSetNotFoundException":
                return None
            raise

    def _difference(self, found: Any) -> str:
        """How a stack set is not as we make it, in words; empty when it is. Its body may be an older one."""
        return "; ".join([*filter(None, [self._hub.unmarked(tags_of(found))]), *_wrong(found)])

    @cached_property
    def _text(self) -> str:
        return self._body.read_text(encoding="utf-8")

    def _is_of(self, found: Any, parameters: Mapping[str, str]) -> bool:
        return definition_of(found).is_of(body_hash(self._text), values_hash(parameters))

    def _tags(self, parameters: Mapping[str, str]) -> dict[str, str]:
        return {**self._hub.mark, **define(body_hash(self._text), values_hash(parameters))}

    def _create(self, name: str, parameters: Mapping[str, str]) -> None:
        with named_errors(), tolerating("NameAlreadyExistsException"):
            self._client.create_stack_set(
                StackSetName=name,
                Description="The role Amazon Quick queries this account's Athena with. Made by Quick Onboarding.",
                TemplateBody=self._text,
                Parameters=_as_list(parameters),
                Capabilities=list(CAPABILITIES),
                Tags=_as_tags(self._tags(parameters)),
                PermissionModel="SERVICE_MANAGED",
                AutoDeployment={"Enabled": False},  # it would deploy to untagged newcomers
                ManagedExecution={"Active": True},
                CallAs=CALL_AS,
            )


def is_drifted(instance: Any) -> bool:
    """Whether only making an instance anew mends it. After a deletion that failed StackSets deploys to it no more."""
    return bool(instance.get("DriftStatus") == "DRIFTED" or instance["Status"] == "INOPERABLE")


def tags_of(found: Any) -> dict[str, str]:
    """A stack set's tags."""
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}


def _wrong(found: Any) -> list[str]:
    """What of a stack set would deploy otherwise than we do, in words."""
    seen = {
        "permission model": found.get("PermissionModel"),
        "automatic deployment": found.get("AutoDeployment", {}).get("Enabled", False),
        "managed execution": found.get("ManagedExecution", {}).get("Active", False),
    }
    return [f"{what} is {seen[what]}, ours is {ours}" for what, ours in WANTED.items() if seen[what] != ours]


def settings_differing(found: Any, hub: Hub) -> list[str]:
    """What of a stack set is not as we make it, besides its tags and its definition, in words.

    A set with service-managed permissions may be shown with AWS's own roles, or with none: nobody says which.
    """
    capabilities = set(found.get("Capabilities", ()))
    units, regions = set(found.get("OrganizationalUnitIds", ())), set(found.get("Regions", ()))
    administration, execution = found.get("AdministrationRoleARN", ""), found.get("ExecutionRoleName", "")
    wrong = {
        f"capabilities are {_said(capabilities)}": capabilities != set(CAPABILITIES),
        f"targets are {_said(units)}": not units <= {hub.root_id},
        f"regions are {_said(regions)}": not regions <= {hub.region},
        f"administration role is {administration}": administration and "/aws-service-role/" not in administration,
        f"execution role is {execution}": execution and not execution.startswith("stacksets-exec-"),
    }
    return [*_wrong(found), *(what for what, is_wrong in wrong.items() if is_wrong)]


def _said(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def values_of(parameters: Any) -> dict[str, str]:
    """Parameters as an answer has them. AWS may leave an empty value out."""
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in parameters or ()}


def definition_of(found: Any) -> Definition:
    """What a stack set is defined by, as DescribeStackSet answers it."""
    return Definition(
        body=body_hash(found.get("TemplateBody", "")),
        values=values_hash(values_of(found.get("Parameters"))),
        tags=tags_of(found),
    )


def _as_tags(tags: Mapping[str, str]) -> "list[TagTypeDef]":
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _as_list(parameters: Mapping[str, str]) -> "list[ParameterTypeDef]":
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())]
