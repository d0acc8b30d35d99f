"""A stack: makes its resources, undoes what it began when one fails, and says why."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from moto.cloudformation import models
from moto.cloudformation.parsing import Export
from moto.cloudformation.utils import generate_stack_id

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.cloudformation.resource import Resource
from sandbox.aws.services.cloudformation.resources import ResourceFailedError, Resources, remove
from sandbox.aws.services.cloudformation.scope import Scope
from sandbox.aws.services.cloudformation.template import Template, check_parameters, check_types, defaults, expand, read
from sandbox.aws.services.cloudformation.types import TYPES

ONE_SECOND = timedelta(seconds=1)  # between two operations on one stack, at least: moto reports whole seconds


class Stack(models.Stack):  # type: ignore[misc]  # moto ships no types
    """Kept in moto's backend, so that moto answers DescribeStacks and the like; the name matters to its serializer.

    moto stops in the middle with an exception of a service when a resource fails; AWS rolls back.
    """

    def __init__(self, scope: Scope, name: str, tags: Mapping[str, str]) -> None:
        self.scope = scope
        self.tags: dict[str, str]
        self.made: dict[str, Resource] = {}
        self.stack_status_reason: str | None = None
        self.failure: ResourceFailedError | None = None  # of the last operation that failed
        super().__init__(
            stack_id=generate_stack_id(name, scope.region, scope.account),
            name=name,
            template={},
            parameters={},
            account_id=scope.account,
            region_name=scope.region,
            tags=dict(tags),
            cross_stack_resources=models.cloudformation_backends[scope.account][scope.region].exports,
        )
        self.creation_time = scope.cloud.clock.now()

    def plan(self, body: str, parameters: Mapping[str, str]) -> Template:
        """The template as it will be made. Raises ValidationError before anything is touched."""
        template = read(body)
        check_parameters(template, parameters)
        expanded = expand(template, parameters, self.scope.region)
        check_types(expanded, TYPES)
        return expanded

    def create(
        self, body: str, template: Template, parameters: Mapping[str, str], on_failure: str = "ROLLBACK"
    ) -> None:
        """Make everything; when a resource fails, take back what was made (or leave it, with DO_NOTHING)."""
        self._turn("CREATE_IN_PROGRESS", "User Initiated")
        wanted = self._resources(template, parameters)
        try:
            wanted.make()
        except ResourceFailedError as failure:
            reason = self._failed(failure, "create")
            self.made = wanted.made
            if on_failure == "DO_NOTHING":
                return self._turn("CREATE_FAILED", reason)
            self._turn("ROLLBACK_IN_PROGRESS", f"{reason} Rollback requested by user.")
            return self._end(self._take_back(wanted.made), "ROLLBACK", reason)
        self._adopt(body, template, parameters, wanted)
        return self._turn("CREATE_COMPLETE")

    def change(
        self, body: str, template: Template, parameters: Mapping[str, str], tags: Mapping[str, str] | None
    ) -> None:
        """Bring the resources to another template; when one fails, bring all back to the one in force."""
        self._turn("UPDATE_IN_PROGRESS", "User Initiated")
        old_tags, self.tags = self.tags, dict(self.tags if tags is None else tags)
        wanted = self._resources(template, parameters)
        try:
            wanted.make()
        except ResourceFailedError as failure:
            self.tags = old_tags
            return self._go_back(wanted, self._failed(failure, "update"))
        self._adopt(body, template, parameters, wanted)
        self._turn("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self._sweep(wanted)
        return self._turn("UPDATE_COMPLETE")

    def remove(self, retain: Sequence[str] = ()) -> None:
        """Delete what is not to be retained, last made first; DELETE_FAILED when something resists."""
        self._turn("DELETE_IN_PROGRESS", "User Initiated")
        failures = self._take_back({name: each for name, each in self.made.items() if name not in retain})
        if failures:
            self.failure = failures[0]
            names = ", ".join(failure.logical_id for failure in failures)
            reason = f"The following resource(s) failed to delete: [{names}]. {failures[0].reason}"
            return self._turn("DELETE_FAILED", reason)
        return self._turn("DELETE_COMPLETE")

    @property
    def parameter_list(self) -> list[dict[str, str]]:
        """As DescribeStacks answers them: a list in one string."""
        found: list[dict[str, Any]] = super().parameter_list
        values = ((each["ParameterKey"], each["ParameterValue"]) for each in found)
        return [
            {"ParameterKey": key, "ParameterValue": ",".join(value) if isinstance(value, list) else value}
            for key, value in values
        ]

    @property
    def stack_resources(self) -> list[Resource]:
        """What exists. moto's own would make what does not."""
        return list(self.made.values())

    def _resources(self, template: Template, parameters: Mapping[str, str]) -> Resources:
        resources = Resources(
            self.scope,
            self.made,
            self._report,
            stack_id=self.stack_id,
            stack_name=self.name,
            parameters={**defaults(template), **parameters},
            tags=self.tags,
            template=template,
            cross_stack_resources=self.cross_stack_resources,
        )
        resources.load()
        return resources

    def _adopt(self, body: str, template: Template, parameters: Mapping[str, str], made: Resources) -> None:
        self.template, self.template_dict, self.parameters = body, template, dict(parameters)
        self.description = template.get("Description")
        self.resource_map, self.made = made, made.made
        self.output_map = self._create_output_map()
        for output in self.output_map.exports:
            self.cross_stack_resources[output.name] = Export(self.stack_id, output.name, output.value)

    def _go_back(self, attempted: Resources, reason: str) -> None:
        self._turn("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        self.made = {**self.made, **attempted.made}
        restored = self._resources(self.template_dict, self.parameters)
        try:
            restored.make()
        except ResourceFailedError as failure:
            return self._turn("UPDATE_ROLLBACK_FAILED", self._failed(failure, "update"))
        self._adopt(self.template, self.template_dict, self.parameters, restored)
        self._sweep(restored)
        return self._turn("UPDATE_ROLLBACK_COMPLETE", reason)

    def _sweep(self, finished: Resources) -> None:
        removed = [resource for name, resource in finished.before.items() if name not in finished.made]
        remove(self.scope, list(reversed(finished.replaced)), self._report, replacing=True)
        remove(self.scope, list(reversed(removed)), self._report)

    def _take_back(self, made: dict[str, Resource]) -> list[ResourceFailedError]:
        removal = remove(self.scope, list(reversed(made.values())), self._report)
        self.made = {name: resource for name, resource in made.items() if name in removal.remaining}
        return removal.failures

    def _end(self, failures: list[ResourceFailedError], verb: str, reason: str) -> None:
        self._turn(f"{verb}_FAILED" if failures else f"{verb}_COMPLETE", reason)

    def _failed(self, failure: ResourceFailedError, verb: str) -> str:
        self.failure = failure
        status = f"{failure.verb.upper()}_FAILED"
        self._add_event((failure.logical_id, "", failure.resource_type), status, failure.reason)
        return f"The following resource(s) failed to {verb}: [{failure.logical_id}]. {failure.reason}"

    def _turn(self, status: str, reason: str | None = None) -> None:
        self.status, self.stack_status_reason = status, None if reason == "User Initiated" else reason
        self._add_stack_event(status, resource_status_reason=reason)
        self._date(self.events.pop(), apart=ONE_SECOND if reason == "User Initiated" else timedelta())

    def _report(self, resource: Resource, status: str, reason: str | None) -> None:
        what = resource.logical_resource_id, resource.physical_resource_id, resource.cf_resource_type
        self._add_event(what, status, reason)

    def _add_event(self, what: tuple[str, str, str], status: str, reason: str | None) -> None:
        logical_id, physical_id, kind = what
        event = models.Event(
            stack_id=self.stack_id,
            stack_name=self.name,
            logical_resource_id=logical_id,
            physical_resource_id=physical_id,
            resource_type=kind,
            resource_status=status,
            resource_status_reason=reason,
            resource_properties=None,
        )
        self._date(event, apart=timedelta())

    def _date(self, event: models.Event, apart: timedelta) -> None:
        """Whoever follows an operation, as sam does, asks for what is later than the one before it."""
        event.timestamp = self.scope.cloud.clock.now()
        if self.events:
            event.timestamp = max(event.timestamp, self.events[-1].timestamp + apart)
        self.events.append(event)


class ChangeSet(models.ChangeSet):  # type: ignore[misc]  # moto ships no types
    """A change set whose template is expanded when it is made, as AWS does; moto compares the raw text."""

    def _parse_template(self) -> None:
        self.problem: str | None = None
        try:
            self.template_dict = self.stack.plan(self.template, self.parameters)
        except AwsError as error:
            if "Transform" not in error.message:
                raise
            self.problem, self.template_dict = error.message, {"Resources": {}}
