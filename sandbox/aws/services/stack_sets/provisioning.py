"""Real stacks behind the instances: made in the member account by the sandbox's own CloudFormation."""

import uuid

from sandbox.aws.cloud import Cloud
from sandbox.aws.gateway import AwsError
from sandbox.aws.services.cloudformation import CloudFormation
from sandbox.aws.services.cloudformation.drift import ResourceDrift, detect
from sandbox.aws.services.cloudformation.resources import ResourceFailedError
from sandbox.aws.services.cloudformation.scope import Scope
from sandbox.aws.services.cloudformation.stack import Stack
from sandbox.aws.services.cloudformation.template import read
from sandbox.aws.services.stack_sets.instance import Instance, StackSet


class Provisioning:
    """What StackSets' service-linked role does in a target account. Methods answer why it failed, or None."""

    def __init__(self, cloud: Cloud, cloudformation: CloudFormation) -> None:
        self.cloud, self.cloudformation = cloud, cloudformation

    def deploy(self, stack_set: StackSet, instance: Instance, body: str) -> str | None:
        """Bring the instance's stack to that template and the instance's parameters.

        Overrides of parameters the template does not have are gone: UpdateStackSet is how a parameter is deleted.
        """
        if instance.stack and instance.stack.status.startswith(("ROLLBACK", "CREATE_FAILED", "DELETE")):
            self.cloudformation.remove(instance.stack)
            instance.stack = None
        try:
            known = read(body).get("Parameters", {})
            given = {**stack_set.parameters, **instance.overrides}
            parameters = {name: value for name, value in given.items() if name in known}
            if instance.stack:
                self.cloudformation.change(instance.stack, body, parameters, stack_set.tags)
            else:
                instance.stack = self._create(stack_set, instance, body, parameters)
        except AwsError as error:
            return str(error.message)
        stack = instance.stack
        if stack.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return _why(stack)
        instance.body = body
        instance.overrides = {name: value for name, value in instance.overrides.items() if name in known}
        return None

    def withdraw(self, instance: Instance) -> str | None:
        """Delete the instance's stack."""
        if instance.stack is None:
            return None
        self.cloudformation.remove(instance.stack)
        return None if instance.stack.status == "DELETE_COMPLETE" else _why(instance.stack)

    @staticmethod
    def inspect(instance: Instance) -> tuple[list[ResourceDrift], str | None]:
        """What drift detection finds in the instance's stack, and why it failed, if it did. Changes nothing.

        That an instance without a stack fails is an assumption: AWS says nothing of it.
        """
        if instance.stack is None:
            return [], "Stack instance has no stack to detect drift on"
        try:
            return detect(instance.stack), None
        except AwsError as error:
            return [], str(error.message)
        except ResourceFailedError as failure:
            return [], _reason(failure)

    def _create(self, stack_set: StackSet, instance: Instance, body: str, parameters: dict[str, str]) -> Stack:
        scope = Scope(self.cloud, instance.account, instance.region)
        name = f"StackSet-{stack_set.name}-{uuid.uuid4()}"
        return self.cloudformation.create(scope, name, body, parameters, stack_set.tags)


def _why(stack: Stack) -> str:
    """The first resource that failed, in the words of a stack instance's StatusReason."""
    failure = stack.failure
    if failure is None:
        return stack.stack_status_reason or stack.status
    return _reason(failure)


def _reason(failure: ResourceFailedError) -> str:
    return (
        f"ResourceLogicalId:{failure.logical_id}, ResourceType:{failure.resource_type}, "
        f"ResourceStatusReason:{failure.reason}"
    )
