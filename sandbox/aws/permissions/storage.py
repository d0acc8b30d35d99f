"""What reading and writing records, running state machines and functions, sending events and telling people need.

Sources besides the reference: DynamoDB Developer Guide, specifying-conditions (dynamodb:LeadingKeys holds the
partition keys of the items; a transaction needs the actions of its parts).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.dynamodb.models import dynamodb_backends

from sandbox.aws.gateway import Call
from sandbox.aws.permissions.need import Need, Needs, Table, rows, simple

TRANSACTION_ACTIONS = {
    "ConditionCheck": "ConditionCheckItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
}


def _item(operation: str) -> Needs:
    return lambda call: [_on_item(call, operation, call.parameters)]


def _transaction(call: Call) -> Iterable[Need]:
    for part in call.parameters["TransactItems"]:
        for kind, request in part.items():
            yield _on_item(call, TRANSACTION_ACTIONS[kind], request)


def _batch_get(call: Call) -> Iterable[Need]:
    """One decision for each table, about the partition keys of all its items (assumed: the guide shows no example)."""
    for table, request in call.parameters["RequestItems"].items():
        name = _partition_key(call, table)
        keys = [str(value) for key in request["Keys"] for value in key.get(name, {}).values()]
        yield Need("dynamodb:BatchGetItem", _table(call, table), {"dynamodb:LeadingKeys": keys})


def _query(call: Call) -> Iterable[Need]:
    table, index = _table(call, call.parameters["TableName"]), call.parameters.get("IndexName")
    yield Need("dynamodb:Query", f"{table}/index/{index}" if index else table, _leading_keys(_requested(call)))


def _scan(call: Call) -> Iterable[Need]:
    yield Need("dynamodb:Scan", _table(call, call.parameters["TableName"]))


def _on_item(call: Call, operation: str, request: Mapping[str, Any]) -> Need:
    attributes = request.get("Key") or request.get("Item") or {}
    key = attributes.get(_partition_key(call, request["TableName"]))
    return Need(f"dynamodb:{operation}", _table(call, request["TableName"]), _leading_keys(key))


def _requested(call: Call) -> Any:
    """The value a query compares the partition key with; of an index only the permission is checked."""
    given = call.parameters
    names = {name: short for short, name in (given.get("ExpressionAttributeNames") or {}).items()}
    key = _partition_key(call, given["TableName"])
    pattern = rf"(?:{re.escape(names.get(key, key))}|\b{re.escape(key)})\s*=\s*(:\w+)"
    found = re.search(pattern, given.get("KeyConditionExpression", ""))
    return given["ExpressionAttributeValues"][found[1]] if found else None


def _leading_keys(key: Mapping[str, Any] | None) -> dict[str, list[str]]:
    return {"dynamodb:LeadingKeys": [str(value) for value in key.values()]} if key else {}


def _partition_key(call: Call, table: str) -> str:
    found = dynamodb_backends[call.account][call.region].tables.get(table.rsplit("/", 1)[-1])
    return str(found.hash_key_attr) if found else ""


def _table(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{call.region}:{call.account}:table/{name}"


def _member(name: str) -> Callable[[Call], str]:
    return lambda call: str(call.parameters[name])


def _function(call: Call) -> str:
    name = str(call.parameters["FunctionName"])
    return name if name.startswith("arn:") else f"arn:aws:lambda:{call.region}:{call.account}:function:{name}"


def _put_events(call: Call) -> Iterable[Need]:
    for entry in call.parameters["Entries"]:
        bus = entry.get("EventBusName", "default")
        arn = bus if bus.startswith("arn:") else f"arn:aws:events:{call.region}:{call.account}:event-bus/{bus}"
        context = {"events:source": entry.get("Source", ""), "events:detail-type": entry.get("DetailType", "")}
        yield Need("events:PutEvents", arn, context)


STORAGE: Table = {
    **{("dynamodb", name): _item(name) for name in ("GetItem", "PutItem", "UpdateItem", "DeleteItem")},
    ("dynamodb", "BatchGetItem"): _batch_get,
    ("dynamodb", "Query"): _query,
    ("dynamodb", "Scan"): _scan,
    ("dynamodb", "TransactWriteItems"): _transaction,
    **rows(
        "stepfunctions",
        "states",
        {
            "StartExecution": _member("stateMachineArn"),
            "DescribeExecution": _member("executionArn"),
            "GetExecutionHistory": _member("executionArn"),
            "StopExecution": _member("executionArn"),
            "DescribeStateMachine": _member("stateMachineArn"),
            "ListExecutions": _member("stateMachineArn"),
        },
    ),
    ("lambda", "Invoke"): lambda call: [Need("lambda:InvokeFunction", _function(call))],
    ("lambda", "GetAccountSettings"): simple("lambda:GetAccountSettings"),
    ("events", "PutEvents"): _put_events,
}
