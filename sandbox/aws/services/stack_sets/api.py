"""The StackSets operations that change something, or begin to: what a request asks for."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sandbox.aws.cloud import Cloud
from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.services.cloudformation import CloudFormation
from sandbox.aws.services.stack_sets.assumptions import Assumptions
from sandbox.aws.services.stack_sets.catalog import Catalog
from sandbox.aws.services.stack_sets.checks import (
    NAME,
    OPERATION_ID,
    check_claimed,
    check_definition,
    check_given,
    check_known,
    check_pattern,
    types_in,
)
from sandbox.aws.services.stack_sets.engine import Engine
from sandbox.aws.services.stack_sets.instance import Json, StackSet, Target, resolved
from sandbox.aws.services.stack_sets.operation import Operation, Preferences
from sandbox.aws.services.stack_sets.organization import SERVICE_PRINCIPAL, Organization
from sandbox.aws.services.stack_sets.provisioning import Provisioning
from sandbox.aws.services.stack_sets.reading import Reading
from sandbox.aws.services.stack_sets.targets import existing_targets, new_targets


class StackSets:
    """Service-managed stack sets of the organization."""

    def __init__(self, cloud: Cloud, organization: Organization, cloudformation: CloudFormation) -> None:
        self.cloud, self.organization = cloud, organization
        self.assumptions = Assumptions()
        self.engine = Engine(cloud, organization, Provisioning(cloud, cloudformation), self.assumptions)
        self.catalog = Catalog(organization)
        self.may_deploy: Callable[[Call, Iterable[str]], None] = lambda _call, _types: None  # may everything
        Reading(cloud.gateway, self.catalog, self.assumptions)
        cloud.gateway.handle(
            "cloudformation",
            CreateStackSet=self._create,
            UpdateStackSet=self._update,
            DeleteStackSet=self._delete,
            CreateStackInstances=self._create_instances,
            UpdateStackInstances=self._update_instances,
            DeleteStackInstances=self._delete_instances,
            DetectStackSetDrift=self._detect_drift,
            StopStackSetOperation=self._stop_operation,
            ActivateOrganizationsAccess=self._activate,
        )

    def _activate(self, call: Call) -> Json:
        """Trusted access: what EnableAWSServiceAccess does, and StackSets' own part of it."""
        if call.account != self.organization.management_account:
            raise AwsError("InvalidOperationException", "You must be the management account of an organization")
        self.organization.trust(SERVICE_PRINCIPAL)
        return {}

    def _create(self, call: Call) -> Json:
        given, name = call.parameters, call.parameters["StackSetName"]
        check_pattern(name, NAME, "stackSetName")
        check_claimed(given)
        visible = self.catalog.visible(call, claiming=True)
        if name in visible:
            raise AwsError("NameAlreadyExistsException", f"StackSet {name} already exists")
        body, parameters = self._body(given), self._parameters(given, {})
        check_definition(body, parameters, given.get("Capabilities", []))
        identity = f"{name}:{uuid.uuid4()}"
        owner = self.organization.management_account
        visible[name] = StackSet(
            name,
            identity,
            f"arn:aws:cloudformation:{call.region}:{owner}:stackset/{identity}",
            body,
            parameters,
            list(given.get("Capabilities", [])),
            {tag["Key"]: tag["Value"] for tag in given.get("Tags", [])},
            given.get("Description", ""),
            bool((given.get("ManagedExecution") or {}).get("Active")),
        )
        return {"StackSetId": identity}

    def _delete(self, call: Call) -> Json:
        stack_set = self.catalog.find(call)
        if stack_set.instances:
            raise AwsError("StackSetNotEmptyException", "StackSet is not empty")
        if running := stack_set.unfinished():
            message = f"Another Operation on StackSet {stack_set.arn} is in progress: {running[0].identity}"
            raise AwsError("OperationInProgressException", message)
        del self.catalog.visible(call)[stack_set.name]
        return {}

    def _update(self, call: Call) -> Json:
        """The definition changes at once, even when the operation fails later (API reference, UpdateStackSet)."""
        given, stack_set = call.parameters, self.catalog.find(call)
        check_claimed({"PermissionModel": "SERVICE_MANAGED", **given})
        active = bool((given.get("ManagedExecution") or {"Active": stack_set.managed_execution}).get("Active"))
        if active != stack_set.managed_execution and stack_set.unfinished():
            raise AwsError(
                "ValidationError", "ManagedExecution cannot be modified while operations are running or queued"
            )
        body = stack_set.body if given.get("UsePreviousTemplate") else self._body(given)
        self.may_deploy(call, types_in(body))
        parameters = self._parameters(given, stack_set.parameters)
        check_definition(body, parameters, given.get("Capabilities", []))
        usable = [target for target, instance in stack_set.instances.items() if instance.status != "INOPERABLE"]
        if "DeploymentTargets" in given:
            meant = set(existing_targets(given, self.organization, stack_set))
            usable = [target for target in usable if target in meant]
            if not usable and not self.assumptions.updates_nobody:
                raise AwsError("StackInstanceNotFoundException", "The specified stack instance doesn't exist.")
        operation = self._operation(call, stack_set, "UPDATE", usable)
        self.engine.submit(stack_set, operation)
        stack_set.managed_execution, stack_set.capabilities = active, list(given.get("Capabilities", []))
        stack_set.description = given.get("Description", stack_set.description)
        if "Tags" in given:
            stack_set.tags = {tag["Key"]: tag["Value"] for tag in given["Tags"]}
        if self._changes(given) or (body, parameters) != (stack_set.body, stack_set.parameters):
            stack_set.body, stack_set.parameters = body, parameters
            for instance in stack_set.instances.values():
                instance.status = "INOPERABLE" if instance.status == "INOPERABLE" else "OUTDATED"
        return {"OperationId": operation.identity}

    def _create_instances(self, call: Call) -> Json:
        stack_set, given = self.catalog.find(call), call.parameters
        self.may_deploy(call, types_in(stack_set.body))
        units = new_targets(given, self.organization)
        overrides = self._overrides(given, stack_set, {}) or []
        operation = self._operation(call, stack_set, "CREATE", list(units), units=units, overrides=overrides)
        self.engine.submit(stack_set, operation)
        return {"OperationId": operation.identity}

    def _update_instances(self, call: Call) -> Json:
        stack_set, given = self.catalog.find(call), call.parameters
        self.may_deploy(call, types_in(stack_set.body))
        meant = existing_targets(given, self.organization, stack_set)
        targets = [target for target in meant if stack_set.instances[target].status != "INOPERABLE"]
        if not targets:
            raise AwsError("StackInstanceNotFoundException", "The specified stack instance doesn't exist.")
        present = stack_set.instances[targets[0]].overrides
        overrides = self._overrides(given, stack_set, present)
        brings = self.assumptions.instances_take_the_template
        for deployed in {stack_set.instances[target].body or stack_set.body for target in targets if not brings}:
            check_known(deployed, overrides or [])
        operation = self._operation(call, stack_set, "UPDATE", targets, overrides=overrides, brings_template=brings)
        self.engine.submit(stack_set, operation)
        return {"OperationId": operation.identity}

    def _delete_instances(self, call: Call) -> Json:
        stack_set, given = self.catalog.find(call), call.parameters
        self.may_deploy(call, types_in(stack_set.body))
        targets = existing_targets(given, self.organization, stack_set)
        operation = self._operation(call, stack_set, "DELETE", targets, retain=bool(given["RetainStacks"]))
        self.engine.submit(stack_set, operation)
        return {"OperationId": operation.identity}

    def _detect_drift(self, call: Call) -> Json:
        """Of every instance: a request names no targets."""
        stack_set = self.catalog.find(call)
        operation = self._operation(call, stack_set, "DETECT_DRIFT", list(stack_set.instances))
        self.engine.submit(stack_set, operation)
        return {"OperationId": operation.identity}

    def _stop_operation(self, call: Call) -> Json:
        stack_set = self.catalog.find(call)
        operation = self.catalog.find_operation(call, stack_set)
        if operation.ended:
            raise AwsError("InvalidOperationException", f"Operation {operation.identity} is not in progress")
        self.engine.stop(stack_set, operation)
        return {}

    def _operation(
        self, call: Call, stack_set: StackSet, action: str, targets: Sequence[Target], **more: Any
    ) -> Operation:
        identity = call.parameters.get("OperationId") or str(uuid.uuid4())
        check_pattern(identity, OPERATION_ID, "operationId")
        if identity in stack_set.operations:
            raise AwsError("OperationIdAlreadyExistsException", f"Operation {identity} already exists")
        preferences = Preferences(call.parameters.get("OperationPreferences") or {})
        now, where = self.cloud.clock.now(), call.parameters.get("DeploymentTargets") or {}
        return Operation(identity, action, targets, preferences, now, deployment_targets=where, **more)

    @staticmethod
    def _body(given: Mapping[str, Any]) -> str:
        if "TemplateBody" not in given:
            raise AwsError(
                "ValidationError", "Template body must be specified; the sandbox does not read TemplateURL here"
            )
        return str(given["TemplateBody"])

    def _parameters(self, given: Mapping[str, Any], previous: Mapping[str, str]) -> dict[str, str]:
        listed = given.get("Parameters", [])
        if not self.assumptions.takes_empty_values:
            check_given(listed)
        return resolved(listed, previous)

    def _changes(self, given: Mapping[str, Any]) -> bool:
        """Whether an update counts as one of template or parameters, though all of it may be as it was."""
        named = "TemplateBody" in given or any("ParameterValue" in each for each in given.get("Parameters", []))
        return named and not self.assumptions.compares_definitions

    def _overrides(
        self, given: Mapping[str, Any], stack_set: StackSet, present: Mapping[str, str]
    ) -> Sequence[Mapping[str, Any]] | None:
        """None when the request says nothing of overrides: then they stay as they are."""
        overrides: Sequence[Mapping[str, Any]] | None = given.get("ParameterOverrides")
        if not self.assumptions.takes_empty_values:
            check_given(overrides or [])
        values = {**stack_set.parameters, **resolved(overrides or [], present)}
        check_definition(stack_set.body, values, stack_set.capabilities)
        return overrides
