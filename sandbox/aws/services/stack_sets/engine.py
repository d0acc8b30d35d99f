"""Runs operations in virtual time: starts what may start, works on each account, starts what was queued."""

from collections.abc import Iterable
from functools import partial

from sandbox.aws.cloud import Cloud
from sandbox.aws.gateway import AwsError
from sandbox.aws.services.stack_sets.assumptions import Assumptions
from sandbox.aws.services.stack_sets.instance import Instance, StackSet, Target, resolved
from sandbox.aws.services.stack_sets.operation import Operation
from sandbox.aws.services.stack_sets.organization import Organization
from sandbox.aws.services.stack_sets.provisioning import Provisioning

SECONDS_PER_INSTANCE = 40.0  # AWS gives no figure; its documentation's sample operation took 42 s


class Engine:
    """Everything that changes stack set operations after they were asked for."""

    def __init__(
        self, cloud: Cloud, organization: Organization, provisioning: Provisioning, assumptions: Assumptions
    ) -> None:
        self.cloud, self.organization, self.provisioning = cloud, organization, provisioning
        self.assumptions = assumptions
        self.seconds_per_instance = SECONDS_PER_INSTANCE
        self.seconds_more = 0.0  # that each further account takes of those that begin together

    def submit(self, stack_set: StackSet, operation: Operation) -> None:
        """Start the operation, queue it, or refuse it (OperationInProgressException without managed execution)."""
        others = stack_set.unfinished()
        if others and not stack_set.managed_execution:
            raise AwsError(
                "OperationInProgressException",
                f"Another Operation on StackSet {stack_set.arn} is in progress: {others[0].identity}",
            )
        stack_set.operations[operation.identity] = operation
        queued = any(other.status == "QUEUED" for other in others)
        if not queued and not self._waits_for(operation, others):
            self._begin(stack_set, operation)

    def stop(self, stack_set: StackSet, operation: Operation) -> None:
        """Cancel what has not started; the operation ends when the rest has."""
        self._tag(stack_set, operation, operation.stop())
        self._advance(stack_set, operation)

    def _begin(self, stack_set: StackSet, operation: Operation) -> None:
        operation.status = "RUNNING"
        self._prepare(stack_set, operation)
        if operation.targets:
            self._advance(stack_set, operation)
        else:  # nobody is meant: AWS still shows it running for a moment
            self.cloud.clock.call_later(1, partial(self._idle, stack_set, operation), f"operation {operation.identity}")

    @staticmethod
    def _prepare(stack_set: StackSet, operation: Operation) -> None:
        """Instances come to be, and get their overrides, when their operation starts, not while it is queued."""
        for target, unit in operation.units.items():
            stack_set.instances.setdefault(target, Instance(*target, unit, {}))
        for target in operation.targets:
            if instance := stack_set.instances.get(target):
                instance.detailed_status, instance.last_operation = "PENDING", operation.identity
                if operation.action == "UPDATE" and instance.status == "CURRENT":
                    instance.status = "OUTDATED"
                if operation.overrides is not None and instance.status == "OUTDATED":
                    instance.overrides = resolved(operation.overrides, instance.overrides)

    def _idle(self, stack_set: StackSet, operation: Operation) -> None:
        with self.cloud.gateway.lock:
            self._advance(stack_set, operation)

    def _advance(self, stack_set: StackSet, operation: Operation) -> None:
        for place, target in enumerate(operation.startable()):
            operation.start(target)
            if instance := stack_set.instances.get(target):
                instance.detailed_status = "RUNNING"
            work = partial(self._finish, stack_set, operation, target)
            seconds = self.seconds_per_instance + place * self.seconds_more
            self.cloud.clock.call_later(seconds, work, f"{operation.action} {stack_set.name} {target}")
        if operation.settle(self.cloud.clock.now()):
            self._begin_queued(stack_set)

    def _begin_queued(self, stack_set: StackSet) -> None:
        """In request order, up to the first that conflicts with one that runs."""
        for operation in [each for each in stack_set.unfinished() if each.status == "QUEUED"]:
            running = [each for each in stack_set.unfinished() if each.status != "QUEUED"]
            if self._waits_for(operation, running):
                return
            self._begin(stack_set, operation)

    def _waits_for(self, operation: Operation, running: Iterable[Operation]) -> bool:
        """Whether it may not run beside these."""
        return any(not self.assumptions.runs_side_by_side or operation.conflicts_with(each) for each in running)

    def _finish(self, stack_set: StackSet, operation: Operation, target: Target) -> None:
        with self.cloud.gateway.lock:
            instance = stack_set.instances.get(target)
            reason = self._work(stack_set, operation, instance) if instance else None
            self._tag(stack_set, operation, operation.finish(target, reason))
            self._advance(stack_set, operation)

    def _work(self, stack_set: StackSet, operation: Operation, instance: Instance) -> str | None:
        state = self.organization.state_of(instance.account)
        if state != "ACTIVE" and not operation.retain:
            return self._unreachable(operation, instance, state)
        if operation.detects_drift:
            return self._detect(operation, instance)
        if operation.action == "DELETE":
            return self._delete(stack_set, operation, instance)
        return self._deploy(stack_set, operation, instance)

    def _deploy(self, stack_set: StackSet, operation: Operation, instance: Instance) -> str | None:
        if instance.status == "INOPERABLE":  # only forgotten, with RetainStacks (botocore model, StackInstance.Status)
            instance.detailed_status = "INOPERABLE"
            return "Stack instance is INOPERABLE"
        reason = None
        if operation.action == "UPDATE" or instance.status != "CURRENT":  # a create repeated leaves the rest alone
            keeps = instance.body if instance.stack and not operation.brings_template else None
            reason = self.provisioning.deploy(stack_set, instance, keeps or stack_set.body)
        is_current = not reason and instance.body == stack_set.body
        instance.status = "CURRENT" if is_current else "OUTDATED"
        instance.detailed_status = "FAILED" if reason else "SUCCEEDED"
        instance.reason = reason
        return reason

    def _delete(self, stack_set: StackSet, operation: Operation, instance: Instance) -> str | None:
        reason = None if operation.retain else self.provisioning.withdraw(instance)
        if reason:
            instance.status, instance.detailed_status, instance.reason = "INOPERABLE", "INOPERABLE", reason
        else:
            del stack_set.instances[instance.target]
        return reason

    def _detect(self, operation: Operation, instance: Instance) -> str | None:
        """Status says how the stack is to its set: looking changes neither. DetailedStatus is the operation's."""
        found, reason = self.provisioning.inspect(instance)
        if reason:
            instance.detailed_status = "INOPERABLE" if instance.status == "INOPERABLE" else "FAILED"
            instance.reason = instance.reason or reason
            return reason
        operation.drifts[instance.target] = found
        instance.drift_status = "DRIFTED" if operation.drifted(instance.target) else "IN_SYNC"
        instance.drift_checked, instance.detailed_status = self.cloud.clock.now(), "SUCCEEDED"
        if instance.status == "CURRENT":
            instance.reason = None
        return None

    @staticmethod
    def _unreachable(operation: Operation, instance: Instance, state: str | None) -> str:
        """Suspended: botocore model, DetailedStatus ("has failed because the account was suspended").

        That an account outside the organization fails, and a failed delete there is INOPERABLE, is an inference.
        """
        where = "suspended" if state else "not part of the organization"
        instance.reason = f"Account {instance.account} is {where}"
        instance.detailed_status = "SKIPPED_SUSPENDED_ACCOUNT" if state else "FAILED"
        if operation.deploys:
            instance.status = "OUTDATED"
        elif operation.action == "DELETE" and state is None:
            instance.status = instance.detailed_status = "INOPERABLE"
        return instance.reason

    @staticmethod
    def _tag(stack_set: StackSet, operation: Operation, cancelled: Iterable[Target]) -> None:
        for target in cancelled:
            instance = stack_set.instances.get(target)
            if instance:
                instance.detailed_status, instance.reason = "CANCELLED", operation.results[target].reason
                if operation.deploys:
                    instance.status = "OUTDATED"
