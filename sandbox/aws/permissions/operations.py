"""What queues, topics, metrics, alarms, schedules and trails need.

Sources besides the reference: SQS Developer Guide, sqs-dead-letter-queue-redrive (a redrive needs what it does to both
queues); EventBridge Scheduler User Guide, setting-up-execution-role (a schedule's role is passed).
"""

from collections.abc import Callable, Iterable

from sandbox.aws.gateway import Call
from sandbox.aws.permissions.need import Need, Table, anything, request_tags, rows, simple


def _queue(call: Call) -> str:
    name = call.parameters.get("QueueName") or call.parameters["QueueUrl"].rsplit("/", 1)[-1]
    return f"arn:aws:sqs:{call.region}:{call.account}:{name}"


def _source(call: Call) -> str:
    return str(call.parameters["SourceArn"])


def _redrive(call: Call) -> Iterable[Need]:
    for action in ("StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        yield Need(f"sqs:{action}", _source(call))
    if "DestinationArn" in call.parameters:
        yield Need("sqs:SendMessage", call.parameters["DestinationArn"])


def _publish(call: Call) -> Iterable[Need]:
    yield Need("sns:Publish", call.parameters.get("TopicArn") or call.parameters.get("TargetArn") or "*")


def _alarm(call: Call) -> str:
    return f"arn:aws:cloudwatch:{call.region}:{call.account}:alarm:{call.parameters.get('AlarmName', '*')}"


def _dashboard(call: Call) -> str:
    """A dashboard has no Region."""
    return f"arn:aws:cloudwatch::{call.account}:dashboard/{call.parameters['DashboardName']}"


def _put_dashboard(call: Call) -> Iterable[Need]:
    yield Need(
        "cloudwatch:PutDashboard", _dashboard(call)
    )  # tags that come with it are no condition keys of this action


def _delete_dashboards(call: Call) -> Iterable[Need]:
    for name in call.parameters["DashboardNames"]:
        yield Need("cloudwatch:DeleteDashboards", f"arn:aws:cloudwatch::{call.account}:dashboard/{name}")


def _put_metric_data(call: Call) -> Iterable[Need]:
    yield Need("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": call.parameters["Namespace"]})


def _schedule(call: Call) -> str:
    group, name = call.parameters.get("GroupName", "default"), call.parameters["Name"]
    return f"arn:aws:scheduler:{call.region}:{call.account}:schedule/{group}/{name}"


def _writing(operation: str) -> Callable[[Call], Iterable[Need]]:
    def needs(call: Call) -> Iterable[Need]:
        yield Need(f"scheduler:{operation}", _schedule(call), request_tags(call))
        context = {"iam:PassedToService": "scheduler.amazonaws.com"}
        yield Need("iam:PassRole", call.parameters["Target"]["RoleArn"], context)

    return needs


def _trail(call: Call) -> str:
    """A trail by its name or ARN."""
    named = str(call.parameters.get("Name") or call.parameters["TrailName"])
    return named if named.startswith("arn:") else f"arn:aws:cloudtrail:{call.region}:{call.account}:trail/{named}"


NEEDS: Table = {
    **rows(
        "cloudtrail",
        "cloudtrail",
        {"DescribeTrails": anything, "GetEventSelectors": _trail, "GetTrailStatus": _trail},
    ),
    **rows(
        "sqs",
        "sqs",
        {
            "DeleteMessage": _queue,
            "GetQueueAttributes": _queue,
            "GetQueueUrl": _queue,
            "ListMessageMoveTasks": _source,
            "ReceiveMessage": _queue,
            "SendMessage": _queue,
        },
    ),
    ("sqs", "ChangeMessageVisibility"): lambda call: [Need("sqs:ChangeMessageVisibility", _queue(call))],
    ("sqs", "StartMessageMoveTask"): _redrive,
    ("sns", "Publish"): _publish,
    **rows(
        "cloudwatch",
        "cloudwatch",
        {
            "DescribeAlarmHistory": _alarm,
            "DescribeAlarms": _alarm,
            "GetDashboard": _dashboard,
            "GetMetricData": anything,
            "GetMetricStatistics": anything,
            "ListMetrics": anything,
            "SetAlarmState": _alarm,
        },
    ),
    ("cloudtrail", "LookupEvents"): simple("cloudtrail:LookupEvents"),
    ("cloudwatch", "DeleteDashboards"): _delete_dashboards,
    ("cloudwatch", "PutDashboard"): _put_dashboard,
    ("cloudwatch", "PutMetricData"): _put_metric_data,
    **rows(
        "scheduler",
        "scheduler",
        {"DeleteSchedule": _schedule, "GetSchedule": _schedule, "ListSchedules": anything},
    ),
    ("scheduler", "CreateSchedule"): _writing("CreateSchedule"),
    ("scheduler", "UpdateSchedule"): _writing("UpdateSchedule"),
}
