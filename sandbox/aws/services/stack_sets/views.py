"""How the service shows stack sets, instances and operations: botocore's shapes."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.stack_sets import drift
from sandbox.aws.services.stack_sets.instance import Instance, Json, StackSet
from sandbox.aws.services.stack_sets.operation import Operation

PAGE = 100


def page(key: str, items: Sequence[Json], given: Mapping[str, Any]) -> Json:
    """At most 100 items from where the last page ended."""
    token = given.get("NextToken", "0")
    if not token.isdigit():
        raise AwsError("ValidationError", "NextToken is invalid")
    start, size = int(token), min(int(given.get("MaxResults", PAGE)), PAGE)
    following = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return {key: list(items[start : start + size]), **following}


def as_list(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    """Parameters in the API's form. An empty value is left out, as XML with an empty element may be read."""
    return [{"ParameterKey": key} | ({"ParameterValue": value} if value else {}) for key, value in parameters.items()]


def show_stack_set(stack_set: StackSet) -> Json:
    """DescribeStackSet."""
    instances = stack_set.instances.values()
    return {
        **_identify(stack_set),
        "StackSetDriftDetectionDetails": drift.of_stack_set(stack_set),
        "StackSetARN": stack_set.arn,
        "TemplateBody": stack_set.body,
        "Parameters": as_list(stack_set.parameters),
        "Capabilities": stack_set.capabilities,
        "Tags": [{"Key": key, "Value": value} for key, value in stack_set.tags.items()],
        "OrganizationalUnitIds": sorted({instance.unit for instance in instances}),
        "Regions": sorted({instance.region for instance in instances}),
    }


def summarize_stack_set(stack_set: StackSet) -> Json:
    """ListStackSets."""
    return {**_identify(stack_set), **drift.summary_of_stack_set(stack_set)}


def _identify(stack_set: StackSet) -> Json:
    return {
        "StackSetName": stack_set.name,
        "StackSetId": stack_set.identity,
        "Description": stack_set.description,
        "Status": "ACTIVE",
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": {"Enabled": stack_set.automatic_deployment},
        "ManagedExecution": {"Active": stack_set.managed_execution},
    }


def show_instance(stack_set: StackSet, instance: Instance) -> Json:
    """DescribeStackInstance."""
    return {**summarize_instance(stack_set, instance), "ParameterOverrides": as_list(instance.overrides)}


def summarize_instance(stack_set: StackSet, instance: Instance) -> Json:
    """ListStackInstances."""
    return {
        "StackSetId": stack_set.identity,
        "Account": instance.account,
        "Region": instance.region,
        "OrganizationalUnitId": instance.unit,
        "Status": instance.status,
        "StackInstanceStatus": {"DetailedStatus": instance.detailed_status},
        **drift.of_instance(instance),
        "LastOperationId": instance.last_operation,
        **({"StatusReason": instance.reason} if instance.reason else {}),
        **({"StackId": instance.stack.stack_id} if instance.stack else {}),
    }


def summarize_operation(operation: Operation) -> Json:
    """ListStackSetOperations."""
    return {
        "OperationId": operation.identity,
        "Action": operation.action,
        "Status": operation.status,
        "CreationTimestamp": operation.created,
        "StatusDetails": {"FailedStackInstancesCount": operation.failures},
        "OperationPreferences": dict(operation.preferences.given),
        **({"EndTimestamp": operation.ended} if operation.ended else {}),
    }


def show_operation(stack_set: StackSet, operation: Operation) -> Json:
    """DescribeStackSetOperation."""
    return {
        **summarize_operation(operation),
        "StackSetId": stack_set.identity,
        "RetainStacks": operation.retain,
        "DeploymentTargets": dict(operation.deployment_targets),
        **({"StackSetDriftDetectionDetails": drift.of_operation(operation)} if operation.detects_drift else {}),
    }


def show_results(operation: Operation) -> list[Json]:
    """ListStackSetOperationResults, one for each account and Region."""
    return [
        {
            "Account": account,
            "Region": region,
            "Status": result.status,
            "AccountGateResult": {
                "Status": "SKIPPED",
                "StatusReason": "AccountGate is not supported for SERVICE_MANAGED",
            },
            **({"StatusReason": result.reason} if result.reason else {}),
        }
        for (account, region), result in operation.results.items()
    ]


def matches(summary: Json, given: Mapping[str, Any]) -> bool:
    """ListStackInstances' filters; moto ignores them."""
    wanted = {each["Name"]: each["Values"] for each in given.get("Filters", [])}
    facts = {
        "DETAILED_STATUS": summary["StackInstanceStatus"]["DetailedStatus"],
        "LAST_OPERATION_ID": summary["LastOperationId"],
        "DRIFT_STATUS": summary["DriftStatus"],
    }
    return (
        given.get("StackInstanceAccount") in {None, summary["Account"]}
        and given.get("StackInstanceRegion") in {None, summary["Region"]}
        and all(facts[name] in values.split(",") for name, values in wanted.items())
    )
