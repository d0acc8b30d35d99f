"""The StackSets operations that only read."""

from sandbox.aws.gateway import Call, Gateway
from sandbox.aws.services.stack_sets import drift, views
from sandbox.aws.services.stack_sets.assumptions import Assumptions
from sandbox.aws.services.stack_sets.catalog import Catalog
from sandbox.aws.services.stack_sets.instance import Json


class Reading:
    """What is shown of stack sets, their instances and their operations."""

    def __init__(self, gateway: Gateway, catalog: Catalog, assumptions: Assumptions) -> None:
        self.catalog, self._assumptions = catalog, assumptions
        gateway.handle(
            "cloudformation",
            DescribeStackSet=self._describe,
            ListStackSets=self._list,
            DescribeStackInstance=self._describe_instance,
            ListStackInstances=self._list_instances,
            ListStackInstanceResourceDrifts=self._list_drifts,
            DescribeStackSetOperation=self._describe_operation,
            ListStackSetOperations=self._list_operations,
            ListStackSetOperationResults=self._list_results,
        )

    def _describe(self, call: Call) -> Json:
        return {"StackSet": views.show_stack_set(self.catalog.find(call))}

    def _list(self, call: Call) -> Json:
        wanted = call.parameters.get("Status", "ACTIVE") == "ACTIVE"
        sets = self.catalog.visible(call).values() if wanted else []
        return views.page("Summaries", [views.summarize_stack_set(each) for each in sets], call.parameters)

    def _describe_instance(self, call: Call) -> Json:
        stack_set = self.catalog.find(call)
        return {"StackInstance": views.show_instance(stack_set, self.catalog.find_instance(call, stack_set))}

    def _list_instances(self, call: Call) -> Json:
        stack_set = self.catalog.find(call)
        summaries = [views.summarize_instance(stack_set, instance) for instance in stack_set.instances.values()]
        chosen = [summary for summary in summaries if views.matches(summary, call.parameters)]
        return views.page("Summaries", chosen, call.parameters)

    def _list_drifts(self, call: Call) -> Json:
        stack_set = self.catalog.find(call)
        instance = self.catalog.find_instance(call, stack_set)
        drifts = drift.show_resources(self.catalog.find_operation(call, stack_set), instance)
        wanted = call.parameters.get("StackInstanceResourceDriftStatuses")
        chosen = [each for each in drifts if not wanted or each["StackResourceDriftStatus"] in wanted]
        return views.page("Summaries", chosen, call.parameters)

    def _describe_operation(self, call: Call) -> Json:
        stack_set = self.catalog.find(call)
        operation = self.catalog.find_operation(call, stack_set)
        return {"StackSetOperation": views.show_operation(stack_set, operation)}

    def _list_operations(self, call: Call) -> Json:
        latest_first = reversed(self.catalog.find(call).operations.values())
        return views.page("Summaries", [views.summarize_operation(each) for each in latest_first], call.parameters)

    def _list_results(self, call: Call) -> Json:
        operation = self.catalog.find_operation(call, self.catalog.find(call))
        if operation.ended is None and not self._assumptions.shows_early_results:
            return views.page("Summaries", [], call.parameters)
        wanted = {each["Values"] for each in call.parameters.get("Filters", [])}
        results = [result for result in views.show_results(operation) if not wanted or result["Status"] in wanted]
        return views.page("Summaries", results, call.parameters)
