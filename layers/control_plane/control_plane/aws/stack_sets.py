"""Service-managed stack sets, used as CloudFormation's delegated administrator."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from control_plane.account import Hub
from control_plane.aws.calls import named_errors, tolerating, unless_missing
from control_plane.definition import Definition, body_hash, definition_tags, values_hash
from control_plane.errors import NotOurs, OperationRefused
from control_plane.ports.stack_sets import OperationResult, OperationStatus, StackInstance

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, TagTypeDef

CALL_AS: Final = "DELEGATED_ADMIN"
MISSING = "StackSetNotFoundException"
NO_INSTANCE = "StackInstanceNotFoundException"
EXPECTED = {"permission model": "SERVICE_MANAGED", "automatic deployment": False, "managed execution": True}
CAPABILITIES: Final = ("CAPABILITY_NAMED_IAM",)
IN_PROGRESS = {"PENDING", "RUNNING"}
UNFINISHED = ("RUNNING", "QUEUED", "STOPPING")  # statuses of an operation
DRIFT_DETECTION = "qa-drift-"  # how the operation ids of our drift detections begin
MAX_TARGETS = 5  # accounts whose instance may be targeted by an update for an account without one
# A failing account must neither stop nor slow down the others.
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
        """Create the stack set when it is missing; raises NotOurs when another one has its name.

        Returns whether template and parameters are those that were built.
        """
        found = self._find(name)
        if found is None:
            self._create(name, parameters)
            return True
        return self._checked(name, found, parameters)

    def check_stack_set(self, name: str, parameters: Mapping[str, str]) -> bool:
        """As `ensure_stack_set`, for a stack set that exists: False when it does not."""
        found = self._find(name)
        return found is not None and self._checked(name, found, parameters)

    def _checked(self, name: str, found: Any, parameters: Mapping[str, str]) -> bool:
        if difference := self._difference(found):
            raise NotOurs(f"the stack set {name} exists already: {difference}")
        return self._matches(found, parameters)

    def is_defined(self, name: str, parameters: Mapping[str, str]) -> bool:
        """Whether the stack set's template and parameters are those that were built."""
        found = self._find(name)
        return found is not None and self._matches(found, parameters)

    def definition(self, name: str) -> str:
        """The stack set's template and parameters as AWS shows them, as a hash."""
        shown = definition_of(self._find(name) or {})
        return f"{shown.body}/{shown.values}"

    def instance(self, name: str, account_id: str) -> StackInstance | None:
        """The account's instance, or None."""
        answer = unless_missing(
            (MISSING, NO_INSTANCE),
            self._client.describe_stack_instance,
            StackSetName=name,
            StackInstanceAccount=account_id,
            StackInstanceRegion=self._hub.region,
            CallAs=CALL_AS,
        )
        if answer is None:
            return None
        found = answer["StackInstance"]
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
        """The status of an operation."""
        found = self._describe(name, operation_id)
        if found is None:
            return OperationStatus.UNKNOWN
        return OperationStatus.RUNNING if found["Status"] in UNFINISHED else OperationStatus.ENDED

    def results(self, name: str, operation_id: str) -> Mapping[str, OperationResult]:
        """What an operation did so far, by account."""
        with named_errors():
            pages = self._client.get_paginator("list_stack_set_operation_results").paginate(
                StackSetName=name, OperationId=operation_id, CallAs=CALL_AS
            )
            return {found["Account"]: _result(found) for page in pages for found in page["Summaries"]}

    def stop_operation(self, name: str, operation_id: str) -> None:
        """Stop an operation; accounts that it has not reached are cancelled. Nothing when it has ended."""
        with named_errors(), tolerating("InvalidOperationException", "OperationNotFoundException"):
            self._client.stop_stack_set_operation(StackSetName=name, OperationId=operation_id, CallAs=CALL_AS)

    def stop_drift_detection(self, name: str) -> None:
        """Stop a drift detection of ours that runs or is queued: it would keep other operations waiting."""
        with named_errors(), tolerating(MISSING):
            latest: Any = self._client.list_stack_set_operations(StackSetName=name, CallAs=CALL_AS, MaxResults=10)
            for found in latest["Summaries"]:
                is_ours = found["Action"] == "DETECT_DRIFT" and found["OperationId"].startswith(DRIFT_DETECTION)
                if is_ours and found["Status"] in UNFINISHED:
                    self.stop_operation(name, found["OperationId"])

    def start_deployment(
        self, name: str, accounts: Sequence[str], parameters: Mapping[str, str], operation_id: str, *, exists: bool
    ) -> bool:
        """Create (or, when they exist, update) the accounts' instances; the operation id makes it idempotent.

        Returns whether AWS started it: if instances are to be updated and there are none any more, it does not.
        """
        start = self._client.update_stack_instances if exists else self._client.create_stack_instances
        with _refusals(), tolerating("OperationIdAlreadyExistsException"):
            started = unless_missing(
                NO_INSTANCE,
                start,
                StackSetName=name,
                DeploymentTargets=self._only(accounts),
                Regions=[self._hub.region],  # IAM is global: a second Region would collide with the first
                ParameterOverrides=_as_list(parameters),
                OperationPreferences=PREFERENCES,
                OperationId=operation_id,
                CallAs=CALL_AS,
            )
            return started is not None
        return True

    def start_update(
        self, name: str, accounts: Sequence[str], parameters: Mapping[str, str] | None, operation_id: str
    ) -> bool:
        """Bring the accounts' instances to the stack set's definition. With `parameters`, update the definition first.

        AWS seems to accept an update only for accounts with an instance. If these have none, another account's instance
        is the target. When the stack set has no instance at all, the update needs no target. Returns whether AWS
        started it: if it needs a target and finds none, it does not.
        """
        found = self._find(name) or {}
        definition = self._previous(found) if parameters is None else self._built(found, parameters)
        targets = self._update_targets(name, accounts) if parameters is not None else iter([self._target(accounts)])
        with _refusals(), tolerating("OperationIdAlreadyExistsException"):
            return any(self._update(name, definition, operation_id, target) for target in targets)
        return True

    def _update(self, name: str, definition: Any, operation_id: str, target: Any) -> bool:
        """Whether AWS started the update for that target."""
        started = unless_missing(
            NO_INSTANCE,
            self._client.update_stack_set,
            StackSetName=name,
            Capabilities=list(CAPABILITIES),
            OperationPreferences=PREFERENCES,
            OperationId=operation_id,
            CallAs=CALL_AS,
            **definition,
            **target,
        )
        return started is not None

    def _update_targets(self, name: str, accounts: Sequence[str]) -> Iterator[Any]:
        """The targets of an update, to be tried in turn. All accounts are never targeted, unless there are none."""
        if accounts:
            yield self._target(accounts)
        found: Any = self._client.list_stack_instances(StackSetName=name, CallAs=CALL_AS)
        usable = [each for each in found["Summaries"] if each["Status"] != "INOPERABLE"]
        yield from (
            self._target([each["Account"]]) for each in usable[:MAX_TARGETS] if each["Region"] == self._hub.region
        )
        if not usable and not found.get("NextToken"):
            yield {}

    def _target(self, accounts: Sequence[str]) -> Any:
        return {"DeploymentTargets": self._only(accounts), "Regions": [self._hub.region]}

    def _built(self, found: Any, parameters: Mapping[str, str]) -> Any:
        """The definition that was built. An update replaces all tags, so tags of others are sent again."""
        kept = {key: value for key, value in tags_of(found).items() if not key.startswith("aws:")}
        return {
            "TemplateBody": self._text,
            "Parameters": _as_list(parameters),
            "Tags": _as_tags({**kept, **self._tags(parameters)}),
        }

    @staticmethod
    def _previous(found: Any) -> Any:
        """The previous definition, by reference: a new template or value would mark all instances as not current."""
        keys = sorted(values_of(found.get("Parameters")))
        previous = [{"ParameterKey": key, "UsePreviousValue": True} for key in keys]
        return {"UsePreviousTemplate": True, "Parameters": previous}

    def check_ownership(self, name: str) -> None:
        """Raise NotOurs when the stack set does not have our ownership tags."""
        found = self._find(name)
        if found and (difference := self._hub.ownership_mismatch(tags_of(found))):
            raise NotOurs(f"the stack set {name} is not ours: {difference}")

    def start_removal(self, name: str, accounts: Sequence[str], operation_id: str, *, retain: bool) -> None:
        """Delete the accounts' instances, and their stacks unless they are to be retained; idempotent by the id."""
        with _refusals(), named_errors(), tolerating("OperationIdAlreadyExistsException", MISSING):
            self._client.delete_stack_instances(
                StackSetName=name,
                DeploymentTargets=self._only(accounts),
                Regions=[self._hub.region],
                OperationPreferences=PREFERENCES,
                RetainStacks=retain,
                OperationId=operation_id,
                CallAs=CALL_AS,
            )

    def _only(self, accounts: Sequence[str]) -> Any:
        """The deployment target for these accounts, in whatever OUs they are."""
        return {
            "OrganizationalUnitIds": [self._hub.root_id],
            "Accounts": list(accounts),
            "AccountFilterType": "INTERSECTION",
        }

    def _is_being_changed(self, name: str, instance: Any) -> bool:
        """Whether an operation changes the instance. Drift detection looks the same, but changes nothing."""
        if instance.get("StackInstanceStatus", {}).get("DetailedStatus") not in IN_PROGRESS:
            return False
        operation = self._describe(name, instance.get("LastOperationId", ""))
        return operation is None or operation.get("Action") != "DETECT_DRIFT"

    def _describe(self, name: str, operation_id: str) -> Any | None:
        found = unless_missing(
            (MISSING, "OperationNotFoundException"),
            self._client.describe_stack_set_operation,
            StackSetName=name,
            OperationId=operation_id,
            CallAs=CALL_AS,
        )
        return found and found["StackSetOperation"]

    def _find(self, name: str) -> Any | None:
        found = unless_missing(MISSING, self._client.describe_stack_set, StackSetName=name, CallAs=CALL_AS)
        return found and found["StackSet"]

    def _difference(self, found: Any) -> str:
        """How a stack set differs from ours, as text; empty when it does not. Its template may be an older one."""
        return "; ".join([*filter(None, [self._hub.ownership_mismatch(tags_of(found))]), *_differing(found)])

    @cached_property
    def _text(self) -> str:
        return self._body.read_text(encoding="utf-8")

    def _matches(self, found: Any, parameters: Mapping[str, str]) -> bool:
        return definition_of(found).matches(body_hash(self._text), values_hash(parameters))

    def _tags(self, parameters: Mapping[str, str]) -> dict[str, str]:
        return {**self._hub.ownership_tags, **definition_tags(body_hash(self._text), values_hash(parameters))}

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


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise an error without a class of ours as OperationRefused: AWS did not start the operation."""
    try:
        yield
    except ClientError as error:
        raise OperationRefused(str(error)) from error


def _result(found: Any) -> OperationResult:
    """The result for one account, with AWS's message."""
    has_failed = found["Status"] in ("FAILED", "CANCELLED")
    reason = f"{found['Status']}: {found.get('StatusReason', 'no reason given')}" if has_failed else ""
    return OperationResult(
        has_succeeded=found["Status"] == "SUCCEEDED",
        has_failed=has_failed,
        was_cancelled=found["Status"] == "CANCELLED",
        reason=reason,
    )


def is_drifted(instance: Any) -> bool:
    """Whether only rebuilding the instance repairs it. StackSets no longer updates one whose deletion failed."""
    return bool(instance.get("DriftStatus") == "DRIFTED" or instance["Status"] == "INOPERABLE")


def tags_of(found: Any) -> dict[str, str]:
    """A stack set's tags."""
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}


def _differing(found: Any) -> list[str]:
    """Settings of a stack set that make it deploy differently, as text."""
    seen = {
        "permission model": found.get("PermissionModel"),
        "automatic deployment": found.get("AutoDeployment", {}).get("Enabled", False),
        "managed execution": found.get("ManagedExecution", {}).get("Active", False),
    }
    return [f"{what} is {seen[what]}, ours is {ours}" for what, ours in EXPECTED.items() if seen[what] != ours]


def settings_differing(found: Any, hub: Hub) -> list[str]:
    """How the settings of a stack set differ from ours (besides tags and definition), as text.

    AWS may return its own roles for a stack set with service-managed permissions, or none: it is not documented.
    """
    capabilities = set(found.get("Capabilities", ()))
    units, regions = set(found.get("OrganizationalUnitIds", ())), set(found.get("Regions", ()))
    administration, execution = found.get("AdministrationRoleARN", ""), found.get("ExecutionRoleName", "")
    differences = {
        f"capabilities are {_joined(capabilities)}": capabilities != set(CAPABILITIES),
        f"targets are {_joined(units)}": not units <= {hub.root_id},
        f"regions are {_joined(regions)}": not regions <= {hub.region},
        f"administration role is {administration}": administration and "/aws-service-role/" not in administration,
        f"execution role is {execution}": execution and not execution.startswith("stacksets-exec-"),
    }
    return [*_differing(found), *(what for what, differs in differences.items() if differs)]


def _joined(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def values_of(parameters: Any) -> dict[str, str]:
    """The parameters in a response. AWS may leave out an empty value."""
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in parameters or ()}


def definition_of(found: Any) -> Definition:
    """The definition in a response of DescribeStackSet."""
    return Definition(
        body=body_hash(found.get("TemplateBody", "")),
        values=values_hash(values_of(found.get("Parameters"))),
        tags=tags_of(found),
    )


def _as_tags(tags: Mapping[str, str]) -> "list[TagTypeDef]":
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _as_list(parameters: Mapping[str, str]) -> "list[ParameterTypeDef]":
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())]
