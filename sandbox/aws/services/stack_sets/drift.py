"""How drift is reported: of operations, stack sets, instances and their resources (botocore model).

What a partly failed detection says of the whole set, and that cancelled instances count as failed, is an inference.
"""

from collections import Counter

from sandbox.aws.services.stack_sets.instance import Instance, Json, StackSet
from sandbox.aws.services.stack_sets.operation import Operation

UNCHECKED: Json = {
    "DriftStatus": "NOT_CHECKED",
    "TotalStackInstancesCount": 0,
    "DriftedStackInstancesCount": 0,
    "InSyncStackInstancesCount": 0,
    "InProgressStackInstancesCount": 0,
    "FailedStackInstancesCount": 0,
}
ENDS = {"STOPPED": "STOPPED", "FAILED": "FAILED", "SUCCEEDED": "COMPLETED"}


def of_operation(operation: Operation) -> Json:
    """StackSetDriftDetectionDetails of a detection, while it runs too."""
    results = Counter(result.status for result in operation.results.values())
    drifted = sum(map(operation.drifted, operation.drifts))
    in_sync, failed = len(operation.drifts) - drifted, results["FAILED"] + results["CANCELLED"]
    waiting = results["PENDING"] + results["RUNNING"]
    complete = not (failed or waiting)
    return {
        "DriftStatus": "DRIFTED" if drifted else "IN_SYNC" if complete and operation.ended else "NOT_CHECKED",
        "DriftDetectionStatus": _status(operation, failed),
        "TotalStackInstancesCount": drifted + in_sync + failed + waiting,
        "DriftedStackInstancesCount": drifted,
        "InSyncStackInstancesCount": in_sync,
        "InProgressStackInstancesCount": waiting,
        "FailedStackInstancesCount": failed,
        **({"LastDriftCheckTimestamp": operation.ended} if operation.ended else {}),
    }


def _status(operation: Operation, failed: int) -> str:
    if operation.status == "SUCCEEDED" and failed:
        return "PARTIAL_SUCCESS"
    return ENDS.get(operation.status, "IN_PROGRESS")


def of_stack_set(stack_set: StackSet) -> Json:
    """StackSetDriftDetectionDetails of the last detection that ended."""
    ended = [each for each in stack_set.operations.values() if each.detects_drift and each.ended]
    return of_operation(ended[-1]) if ended else UNCHECKED


def summary_of_stack_set(stack_set: StackSet) -> Json:
    """The same in ListStackSets: status and time."""
    details = of_stack_set(stack_set)
    return {name: details[name] for name in ("DriftStatus", "LastDriftCheckTimestamp") if name in details}


def of_instance(instance: Instance) -> Json:
    """Status and time of the last detection that worked on this instance."""
    checked = {"LastDriftCheckTimestamp": instance.drift_checked} if instance.drift_checked else {}
    return {"DriftStatus": instance.drift_status, **checked}


def show_resources(operation: Operation, instance: Instance) -> list[Json]:
    """ListStackInstanceResourceDrifts."""
    found = operation.drifts.get(instance.target, ())
    return [
        {
            "StackId": instance.stack.stack_id if instance.stack else "",
            "LogicalResourceId": drift.logical_id,
            "PhysicalResourceId": drift.physical_id,
            "ResourceType": drift.resource_type,
            "StackResourceDriftStatus": drift.status,
            "Timestamp": operation.created,
            "PropertyDifferences": [
                {
                    "PropertyPath": difference.path,
                    "ExpectedValue": difference.expected,
                    "ActualValue": difference.actual,
                    "DifferenceType": difference.kind,
                }
                for difference in drift.differences
            ],
        }
        for drift in found
    ]
