"""CloudFormation's operations that make, change and remove stacks; what only reads is answered by moto."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from moto.cloudformation.models import CloudFormationBackend, cloudformation_backends
from moto.cloudformation.utils import generate_changeset_id, get_stack_from_s3_url, validate_create_change_set

from sandbox.aws.cloud import Cloud
from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.services.cloudformation.scope import Scope
from sandbox.aws.services.cloudformation.stack import ChangeSet, Stack
from sandbox.aws.services.cloudformation.template import check_capabilities

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


class CloudFormation:
    """Stacks of every account and Region of the sandbox."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        cloud.gateway.handle(
            "cloudformation",
            CreateStack=self._create_stack,
            UpdateStack=self._update_stack,
            DeleteStack=self._delete_stack,
            CreateChangeSet=self._create_change_set,
            ExecuteChangeSet=self._execute_change_set,
        )

    def create(
        self, scope: Scope, name: str, body: str, parameters: Mapping[str, str], tags: Mapping[str, str]
    ) -> Stack:
        """A new stack, made at once; read its status. Raises ValidationError or AlreadyExistsException."""
        stack = self._new(scope, name, tags)
        template = stack.plan(body, parameters)
        self._backend(scope).stacks[stack.stack_id] = stack
        stack.create(body, template, parameters)
        return stack

    def change(self, stack: Stack, body: str, parameters: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """The same stack under another template or parameters."""
        stack.change(body, stack.plan(body, parameters), parameters, tags)

    def remove(self, stack: Stack, retain: Sequence[str] = ()) -> None:
        """Delete the stack's resources; a stack that could not lose all of them stays, DELETE_FAILED."""
        backend = self._backend(stack.scope)
        stack.remove(retain)
        if stack.status == "DELETE_COMPLETE" and backend.stacks.pop(stack.stack_id, None):
            backend.deleted_stacks[stack.stack_id] = stack
            for export in [name for name, each in backend.exports.items() if each.exporting_stack_id == stack.stack_id]:
                del backend.exports[export]

    def _create_stack(self, call: Call) -> dict[str, Any]:
        scope, given = self._scope(call), call.parameters
        stack = self._new(scope, given["StackName"], _tags(given))
        body, parameters = self._body(call), _parameters(given, {})
        template = stack.plan(body, parameters)
        check_capabilities(template, given.get("Capabilities", []))
        self._backend(scope).stacks[stack.stack_id] = stack
        untouched = "DO_NOTHING" if given.get("DisableRollback") else given.get("OnFailure", "ROLLBACK")
        stack.create(body, template, parameters, untouched)
        return {"StackId": stack.stack_id}

    def _update_stack(self, call: Call) -> dict[str, Any]:
        stack = self._updatable(call)
        body, parameters = self._body(call, stack), _parameters(call.parameters, stack.parameters)
        template = stack.plan(body, parameters)
        check_capabilities(template, call.parameters.get("Capabilities", []))
        if (template, parameters) == (stack.template_dict, stack.parameters) and not call.parameters.get("Tags"):
            raise AwsError("ValidationError", "No updates are to be performed.")
        stack.change(body, template, parameters, _tags(call.parameters) if "Tags" in call.parameters else None)
        return {"StackId": stack.stack_id}

    def _delete_stack(self, call: Call) -> dict[str, Any]:
        stack = self._find(self._scope(call), call.parameters["StackName"])
        if stack and stack.enable_termination_protection:
            raise AwsError(
                "ValidationError", f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        retain = call.parameters.get("RetainResources", [])
        if stack and retain and stack.status != "DELETE_FAILED":
            raise AwsError(
                "ValidationError",
                f"Invalid operation on stack [{stack.stack_id}]. When you delete a stack, specify which resources to "
                "retain only when the stack is in the DELETE_FAILED state.",
            )
        if stack:
            self.remove(stack, retain)
        return {}

    def _create_change_set(self, call: Call) -> dict[str, Any]:
        given, backend = call.parameters, self._backend(self._scope(call))
        validate_create_change_set(given["ChangeSetName"])
        kind = given.get("ChangeSetType", "UPDATE")
        stack = self._updatable(call) if kind == "UPDATE" else self._in_review(call)
        body, parameters = self._body(call, stack), _parameters(given, stack.parameters)
        change_set = ChangeSet(
            change_set_type=kind,
            change_set_id=generate_changeset_id(given["ChangeSetName"], call.region, call.account),
            change_set_name=given["ChangeSetName"],
            stack=stack,
            template=body,
            parameters=parameters,
            description=given.get("Description", ""),
            tags=_tags(given) if "Tags" in given else None,
        )
        if not change_set.problem:
            check_capabilities(change_set.template_dict, given.get("Capabilities", []))
        self._decide_status(change_set)
        backend.stacks[stack.stack_id] = stack
        backend.change_sets[change_set.change_set_id] = change_set
        return {"Id": change_set.change_set_id, "StackId": stack.stack_id}

    @staticmethod
    def _decide_status(change_set: ChangeSet) -> None:
        stack = change_set.stack
        same = (change_set.template_dict, change_set.parameters) == (stack.template_dict, stack.parameters)
        problem = change_set.problem or (NO_CHANGES if same and change_set.change_set_type == "UPDATE" else None)
        change_set.status = "FAILED" if problem else "CREATE_COMPLETE"
        change_set.execution_status = "UNAVAILABLE" if problem else "AVAILABLE"
        change_set.status_reason = problem

    def _execute_change_set(self, call: Call) -> dict[str, Any]:
        change_set = self._find_change_set(call)
        change_set.stack.scope = self._scope(call)
        if change_set.execution_status != "AVAILABLE":
            raise AwsError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of "
                f"[{change_set.status}]",
            )
        stack, arguments = change_set.stack, (change_set.template, change_set.template_dict, change_set.parameters)
        if change_set.change_set_type == "CREATE":
            stack.create(*arguments)
        else:
            stack.change(*arguments, change_set.tags)
        change_set.execution_status = "EXECUTE_COMPLETE"
        return {}

    def _find_change_set(self, call: Call) -> ChangeSet:
        name, stack_name = call.parameters["ChangeSetName"], call.parameters.get("StackName")
        change_sets: Iterable[ChangeSet] = reversed(self._backend(self._scope(call)).change_sets.values())
        for change_set in change_sets:
            if change_set.change_set_id == name:
                return change_set
            if change_set.change_set_name == name and stack_name in {change_set.stack_name, change_set.stack_id}:
                return change_set
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")

    def _in_review(self, call: Call) -> Stack:
        scope, name = self._scope(call), call.parameters["StackName"]
        stack = self._find(scope, name)
        if stack is None or stack.status != "REVIEW_IN_PROGRESS":
            stack = self._new(scope, name, _tags(call.parameters))
            stack._turn("REVIEW_IN_PROGRESS", "User Initiated")
        return stack

    def _new(self, scope: Scope, name: str, tags: Mapping[str, str]) -> Stack:
        if self._find(scope, name):
            raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
        return Stack(scope, name, tags)

    def _updatable(self, call: Call) -> Stack:
        name = call.parameters["StackName"]
        stack = self._find(self._scope(call), name)
        if stack is None:
            raise AwsError("ValidationError", f"Stack [{name}] does not exist")
        if not stack.status.endswith(("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")):
            raise AwsError(
                "ValidationError", f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
            )
        return stack

    def _find(self, scope: Scope, name_or_id: str) -> Stack | None:
        stacks: Iterable[Stack] = self._backend(scope).stacks.values()
        found = next((stack for stack in stacks if name_or_id in {stack.name, stack.stack_id}), None)
        if found:
            found.scope = scope  # what follows is done with the permissions of whoever asks now
        return found

    def _body(self, call: Call, stack: Stack | None = None) -> str:
        given = call.parameters
        if given.get("UsePreviousTemplate") and stack:
            return str(stack.template)
        if "TemplateURL" in given:
            return str(get_stack_from_s3_url(given["TemplateURL"], account_id=call.account, partition="aws"))
        if "TemplateBody" not in given:
            raise AwsError("ValidationError", "Either Template URL or Template Body must be specified.")
        return str(given["TemplateBody"])

    def _scope(self, call: Call) -> Scope:
        return Scope(self.cloud, call.account, call.region, call.session)

    @staticmethod
    def _backend(scope: Scope) -> CloudFormationBackend:
        return cloudformation_backends[scope.account][scope.region]


def _tags(given: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in given.get("Tags", [])}


def _parameters(given: Mapping[str, Any], previous: Mapping[str, str]) -> dict[str, str]:
    """Given values; UsePreviousValue takes the stack's, and is left to the default where it has none."""
    values: dict[str, str] = {}
    for each in given.get("Parameters", []):
        key = each["ParameterKey"]
        if each.get("UsePreviousValue"):
            values.update({key: previous[key]} if key in previous else {})
        else:
            values[key] = each.get("ParameterValue", "")
    return values
