"""What selftest asks of AWS besides: CloudTrail's event history, stack set operations, state machines, quotas.

It only reads. Clients come from whoever has the credentials: quickctl/aws.py, quickctl/administrator.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from quickctl.deployment import Deployment

LOOKED_UP = 1000  # events of one look-up; CloudTrail answers 50 at a time, and twice a second
OPERATIONS = 200  # of one stack set, the newest
EXECUTIONS_PAGE = 1000


class Trail:
    """The event history of one account in one Region: what CloudTrail keeps for 90 days, with a trail or without."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def events(self, name: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """The records of the events of that name, the newest first."""
        pages = self._client.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}], StartTime=since, EndTime=until
        )
        found = (each["CloudTrailEvent"] for page in pages for each in page["Events"])
        return [json.loads(text) for text in islice(found, LOOKED_UP)]


@dataclass(frozen=True)
class Operation:
    """An operation of a stack set, as it is listed. `ended`: None while it runs or waits."""

    stack_set: str
    action: str
    status: str
    created: datetime
    ended: datetime | None


class Observing:
    """What selftest asks in the hub, with the credentials of whoever calls."""

    def __init__(self, client: Callable[[str], Any], deployment: Deployment) -> None:
        self._client, self._deployment = client, deployment

    def operations(self, stack_set: str) -> list[Operation]:
        """The newest operations of a stack set, the newest first."""
        pages = (
            self._client("cloudformation")
            .get_paginator("list_stack_set_operations")
            .paginate(StackSetName=stack_set, CallAs="DELEGATED_ADMIN")
        )
        found = (each for page in pages for each in page["Summaries"])
        return [_operation(stack_set, each) for each in islice(found, OPERATIONS)]

    def definition(self, machine: str) -> str:
        """The definition of the machine in that output of the stack."""
        arn = self._deployment.output(machine)
        return str(self._client("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"])

    def first_page(self, machine: str) -> tuple[int, bool]:
        """How many executions the first and largest page of a machine's has, and whether there are more."""
        arn = self._deployment.output(machine)
        found = self._client("stepfunctions").list_executions(stateMachineArn=arn, maxResults=EXECUTIONS_PAGE)
        return len(found["executions"]), "nextToken" in found

    def expired(self, before: datetime) -> int:
        """How many items of the registry's table had expired by then, and are still there."""
        pages = (
            self._client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self._deployment.table,
                Select="COUNT",
                FilterExpression="expires_at < :before",
                ExpressionAttributeValues={":before": {"N": str(int(before.timestamp()))}},
            )
        )
        return sum(page["Count"] for page in pages)

    def functions_at_once(self) -> int:
        """How many functions this account may run at once in this Region."""
        return int(self._client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])

    def listed_accounts(self) -> list[dict[str, Any]]:
        """The first page of the organization's accounts, as AWS answers it."""
        return list(self._client("organizations").list_accounts()["Accounts"])


def _operation(stack_set: str, found: Mapping[str, Any]) -> Operation:
    return Operation(stack_set, found["Action"], found["Status"], found["CreationTimestamp"], found.get("EndTimestamp"))
