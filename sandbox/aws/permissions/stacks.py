"""What stacks need: CloudFormation's own operations, and those it makes for whoever deploys.

Without a service role CloudFormation does everything with its caller's permissions (CloudFormation User Guide,
using-iam-servicerole). A stack that does not exist yet is asked about as `stack/name/*`; a template in S3 is read, a
transform is a resource (Service Authorization Reference). Further sources: Lambda Developer Guide,
access-control-identity-based (a function needs its role passed and its layers read); Step Functions Developer Guide,
cw-logs (log delivery), EventBridge User Guide, eb-use-identity-based (a target's role is passed). That tags a resource
is made with need the service's permission to tag is as CloudFormation's resource types list it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.aws.permissions.need import Need, Needs, Table, anything, request_tags, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.aws.gateway import Call

SAM_TRANSFORM = "Serverless-2016-10-31"
LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:PutResourcePolicy",
)


def _stack(call: Call) -> str:
    name = str(call.parameters.get("StackName") or "*")
    return name if name.startswith("arn:") else f"arn:aws:cloudformation:{call.region}:{call.account}:stack/{name}/*"


def _template(call: Call) -> Iterable[Need]:
    """A template in S3 is read with the caller's permissions."""
    url = call.parameters.get("TemplateURL")
    if url:
        yield Need("s3:GetObject", f"arn:aws:s3:::{re.sub(r'^https?://[^/]+/', '', url)}")


def _create_change_set(call: Call) -> Iterable[Need]:
    names = {"cloudformation:ChangeSetName": call.parameters["ChangeSetName"]}
    role = call.parameters.get("RoleARN")
    context = {**names, **request_tags(call), **({"cloudformation:RoleArn": role} if role else {})}
    yield Need("cloudformation:CreateChangeSet", _stack(call), context)
    if "CAPABILITY_AUTO_EXPAND" in call.parameters.get("Capabilities", ()) or _is_serverless(call):
        transform = f"arn:aws:cloudformation:{call.region}:aws:transform/{SAM_TRANSFORM}"
        yield Need("cloudformation:CreateChangeSet", transform, context)
    if role:
        yield Need("iam:PassRole", role, {"iam:PassedToService": "cloudformation.amazonaws.com"})
    yield from _template(call)


def _is_serverless(call: Call) -> bool:
    """A template in S3 is taken for one of SAM: whoever uploads it deploys code."""
    return "TemplateURL" in call.parameters or SAM_TRANSFORM in call.parameters.get("TemplateBody", "")


def _template_summary(call: Call) -> Iterable[Need]:
    yield Need("cloudformation:GetTemplateSummary", _stack(call) if "StackName" in call.parameters else "*")
    yield from _template(call)


def _bus(call: Call) -> str:
    return f"arn:aws:events:{call.region}:{call.account}:event-bus/{call.parameters.get('Name', 'default')}"


def _rule(call: Call) -> str:
    bus, name = call.parameters.get("EventBusName", "default"), call.parameters.get("Rule") or call.parameters["Name"]
    return f"arn:aws:events:{call.region}:{call.account}:rule/{name if bus == 'default' else f'{bus}/{name}'}"


def _sources(call: Call) -> dict[str, Any]:
    """What a rule's pattern names as sources, if it names any."""
    pattern = json.loads(call.parameters.get("EventPattern") or "{}")
    sources = [each for each in pattern.get("source", []) if isinstance(each, str)]
    return {"events:source": sources} if sources else {}


def _put_targets(call: Call) -> Iterable[Need]:
    yield Need(
        "events:PutTargets", _rule(call), {"events:TargetArn": [each["Arn"] for each in call.parameters["Targets"]]}
    )
    for target in call.parameters["Targets"]:
        if "RoleArn" in target:
            yield _passed(target["RoleArn"], "events")


def _passed(role: str, service: str) -> Need:
    return Need("iam:PassRole", role, {"iam:PassedToService": f"{service}.amazonaws.com"})


def _function(call: Call) -> str:
    name = str(call.parameters["FunctionName"])
    return name if name.startswith("arn:") else f"arn:aws:lambda:{call.region}:{call.account}:function:{name}"


def _layer(call: Call) -> str:
    return f"arn:aws:lambda:{call.region}:{call.account}:layer:{call.parameters['LayerName']}"


def _code(code: Any) -> Iterable[Need]:
    if "S3Bucket" in code:
        yield Need("s3:GetObject", f"arn:aws:s3:::{code['S3Bucket']}/{code['S3Key']}")


def _configured(action: str) -> Needs:
    def needs(call: Call) -> Iterable[Need]:
        layers = call.parameters.get("Layers") or ()
        yield Need(
            f"lambda:{action}", _function(call), {**request_tags(call), **({"lambda:Layer": layers} if layers else {})}
        )
        if call.parameters.get("Role"):
            yield _passed(call.parameters["Role"], "lambda")
        for layer in layers:
            yield Need("lambda:GetLayerVersion", layer)
        yield from _code(call.parameters.get("Code") or call.parameters)
        if call.parameters.get("Tags"):
            yield Need("lambda:TagResource", _function(call), request_tags(call))

    return needs


def _publish_layer(call: Call) -> Iterable[Need]:
    yield Need("lambda:PublishLayerVersion", _layer(call))
    yield from _code(call.parameters["Content"])


def _layer_version(call: Call) -> str:
    return f"{_layer(call)}:{call.parameters['VersionNumber']}"


def _machine(action: str) -> Needs:
    def needs(call: Call) -> Iterable[Need]:
        given = call.parameters
        name = given.get("name")
        arn = f"arn:aws:states:{call.region}:{call.account}:stateMachine:{name}" if name else given["stateMachineArn"]
        yield Need(f"states:{action}", arn)
        if given.get("roleArn"):
            yield _passed(given["roleArn"], "states")
        if given.get("loggingConfiguration"):
            yield from (Need(action, "*") for action in LOG_DELIVERY)
        if given.get("tags"):
            yield Need("states:TagResource", arn)

    return needs


def _tagged(
    action: str,
    tag: str,
    resource: Callable[[Call], str],
    member: str = "Tags",
    besides: Callable[[Call], dict[str, Any]] = lambda _call: {},
) -> Needs:
    """A call that may tag what it makes; `besides`: what its own action is asked with, besides the tags."""

    def needs(call: Call) -> Iterable[Need]:
        context = request_tags(call) if member == "Tags" else {}
        yield Need(action, resource(call), {**context, **besides(call)})
        if call.parameters.get(member):
            yield Need(tag, resource(call), context)

    return needs


def _named(form: str) -> Callable[[Call], str]:
    """An ARN of the caller's account and Region, its {members} filled from the request."""
    return lambda call: f"arn:aws:{form.format(region=call.region, account=call.account, **call.parameters)}"


def _member(name: str) -> Callable[[Call], str]:
    return lambda call: str(call.parameters[name])


def _queue(call: Call) -> str:
    return f"arn:aws:sqs:{call.region}:{call.account}:{call.parameters['QueueUrl'].rsplit('/', 1)[-1]}"


def _alarms(call: Call) -> str:
    """One at a time is how CloudFormation deletes them."""
    (name,) = call.parameters["AlarmNames"]
    return f"arn:aws:cloudwatch:{call.region}:{call.account}:alarm:{name}"


TABLE = _named("dynamodb:{region}:{account}:table/{TableName}")
TOPIC = _named("sns:{region}:{account}:{Name}")
LOG_GROUP = _named("logs:{region}:{account}:log-group:{logGroupName}")
NEEDS: Table = {
    **rows(
        "cloudformation",
        "cloudformation",
        {
            "DeleteChangeSet": _stack,
            "DescribeChangeSet": _stack,
            "DescribeEvents": _stack,
            "DescribeStackEvents": _stack,
            "DescribeStackResources": _stack,
            "DescribeStacks": _stack,
            "ExecuteChangeSet": _stack,
            "GetTemplate": _stack,
            "ListChangeSets": _stack,
            "ListStackResources": _stack,
        },
    ),
    ("cloudformation", "CreateChangeSet"): _create_change_set,
    ("cloudformation", "GetTemplateSummary"): _template_summary,
    **rows("cloudwatch", "cloudwatch", {"DeleteAlarms": _alarms}),
    **rows(
        "dynamodb",
        "dynamodb",
        {
            "DeleteTable": TABLE,
            "DescribeTable": TABLE,
            "UpdateContinuousBackups": TABLE,
            "UpdateTable": TABLE,
            "UpdateTimeToLive": TABLE,
        },
    ),
    ("dynamodb", "CreateTable"): _tagged("dynamodb:CreateTable", "dynamodb:TagResource", TABLE),
    **rows(
        "events",
        "events",
        {
            "DeleteEventBus": _bus,
            "DeleteRule": _rule,
            "DescribeEventBus": _bus,
            "DescribeRule": _rule,
            "ListTargetsByRule": _rule,
            "PutPermission": anything,
            "RemovePermission": anything,
            "RemoveTargets": _rule,
        },
    ),
    ("events", "CreateEventBus"): _tagged("events:CreateEventBus", "events:TagResource", _bus),
    ("events", "PutRule"): _tagged("events:PutRule", "events:TagResource", _rule, besides=_sources),
    ("events", "PutTargets"): _put_targets,
    **rows(
        "lambda",
        "lambda",
        {
            "DeleteFunction": _function,
            "DeleteFunctionEventInvokeConfig": _function,
            "DeleteLayerVersion": _layer_version,
            "PutFunctionEventInvokeConfig": _function,
        },
    ),
    ("lambda", "CreateFunction"): _configured("CreateFunction"),
    ("lambda", "PublishLayerVersion"): _publish_layer,
    ("lambda", "UpdateFunctionCode"): _configured("UpdateFunctionCode"),
    ("lambda", "UpdateFunctionConfiguration"): _configured("UpdateFunctionConfiguration"),
    **rows(
        "logs",
        "logs",
        {"DeleteLogGroup": LOG_GROUP, "DeleteRetentionPolicy": LOG_GROUP, "PutRetentionPolicy": LOG_GROUP},
    ),
    **rows(
        "logs",
        "logs",
        {"DeleteQueryDefinition": anything, "DescribeQueryDefinitions": anything, "PutQueryDefinition": anything},
    ),
    ("logs", "CreateLogGroup"): _tagged("logs:CreateLogGroup", "logs:TagResource", LOG_GROUP, "tags"),
    **rows(
        "sns",
        "sns",
        {
            "DeleteTopic": _member("TopicArn"),
            "ListSubscriptionsByTopic": _member("TopicArn"),
            "SetTopicAttributes": _member("TopicArn"),
            "Subscribe": _member("TopicArn"),
            "Unsubscribe": anything,
        },
    ),
    ("sns", "CreateTopic"): _tagged("sns:CreateTopic", "sns:TagResource", TOPIC),
    **rows("sqs", "sqs", {"DeleteQueue": _queue, "SetQueueAttributes": _queue}),
    ("sqs", "CreateQueue"): _tagged(
        "sqs:CreateQueue", "sqs:TagQueue", _named("sqs:{region}:{account}:{QueueName}"), "tags"
    ),
    ("stepfunctions", "CreateStateMachine"): _machine("CreateStateMachine"),
    ("stepfunctions", "UpdateStateMachine"): _machine("UpdateStateMachine"),
    ("stepfunctions", "DeleteStateMachine"): _machine("DeleteStateMachine"),
    ("cloudwatch", "PutMetricAlarm"): _tagged(
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource",
        _named("cloudwatch:{region}:{account}:alarm:{AlarmName}"),
    ),
}
