"""What the brake remembers, in the registry table under pk `access`. Only the access policy's one writer calls it."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.aws.calls import code_of, named_errors
from control_plane.brake import latest
from control_plane.ports import HeldPlan

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACCESS = {"S": "access"}
HELD: Any = {"pk": ACCESS, "sk": {"S": "held"}}
EXPECTED: Any = {"pk": ACCESS, "sk": {"S": "expected"}}
REVOKED: Any = {"pk": ACCESS, "sk": {"S": "revoked"}}


class DynamoDbBrake:
    """Port `Brake` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def revoked(self) -> Mapping[str, datetime]:
        """When each counted revocation of the last while went, by connection."""
        found = self._item(REVOKED).get("went", {}).get("M", {})
        return {key: datetime.fromisoformat(moment["S"]) for key, moment in found.items()}

    def count(self, connections: Collection[str], now: str) -> None:
        """Counted revocations go now; what the brake's window has left behind is forgotten."""
        moment = datetime.fromisoformat(now)
        went = {**latest(self.revoked(), moment), **dict.fromkeys(connections, moment)}
        self._put({**REVOKED, "went": {"M": {key: {"S": each.isoformat()} for key, each in went.items()}}})

    def expected(self) -> frozenset[str]:
        """Connections whose revocation has to wait as soon as anybody asks for it."""
        return frozenset(self._item(EXPECTED).get("connections", {}).get("SS", []))

    def expect(self, connections: Collection[str]) -> None:
        """These, and no others."""
        self._put({**EXPECTED, **({"connections": {"SS": sorted(connections)}} if connections else {})})

    def held(self) -> HeldPlan:
        """The revocations that wait for approval; without connections when none does."""
        return _plan(self._item(HELD))

    def hold(self, connections: Collection[str], now: str) -> HeldPlan | None:
        """These wait for approval now, and no others; answers the plan while people have not been asked about it."""
        item = self._item(HELD)
        before = _plan(item)
        if before.connections == frozenset(connections):
            return None if "asked" in item or not item else before
        number = int(item.get("number", {"N": "0"})["N"]) + 1
        plan_id = f"{number}-{re.sub('[^0-9]', '', now)[:14]}"
        listed: Any = {"connections": {"SS": sorted(connections)}} if connections else {}
        self._put({**_list_key(plan_id), **listed})
        values = {
            **HELD,
            **listed,
            "number": {"N": str(number)},
            "id": {"S": plan_id},
            "since": {"S": now},
            "stale_token": {"S": before.token or before.stale_token},
        }
        self._put(values)
        return _plan(values)

    def asked(self, plan: HeldPlan) -> None:
        """People are being asked about that plan."""
        self._update(HELD, "SET asked = :yes REMOVE stale_token", plan.id, {":yes": {"BOOL": True}})

    def approvable(self, plan_id: str, token: str) -> HeldPlan | None:
        """Remember what approves a plan and answer the plan; None when it was replaced meanwhile."""
        remembered = self._update(HELD, "SET #token = :token", plan_id, {":token": {"S": token}}, {"#token": "token"})
        plan = self.held()
        return plan if remembered and plan.connections else None

    def listed(self, plan_id: str) -> Sequence[str]:
        """The connections of a plan, whether they wait still or not, in order."""
        return sorted(self._item(_list_key(plan_id)).get("connections", {}).get("SS", []))

    def released(self, plan_id: str) -> None:
        """An approved plan's revocations have gone."""
        self._update(_list_key(plan_id), "SET released = :yes", None, {":yes": {"BOOL": True}})
        if gone := self.listed(plan_id):
            self._update(EXPECTED, "DELETE connections :gone", None, {":gone": {"SS": list(gone)}})

    def is_released(self, plan_id: str) -> bool:
        """Whether they have."""
        return "released" in self._item(_list_key(plan_id))

    def _item(self, key: Any) -> dict[str, Any]:
        with named_errors():
            found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def _put(self, item: Any) -> None:
        with named_errors():
            self._client.put_item(TableName=self._table, Item=item)

    def _update(
        self, key: Any, expression: str, plan_id: str | None, values: Any, names: Mapping[str, str] | None = None
    ) -> bool:
        """Whether the item still was about that plan."""
        condition: Any = {"ConditionExpression": "id = :id"} if plan_id else {}
        if names:
            condition["ExpressionAttributeNames"] = names
        try:
            with named_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=key,
                    UpdateExpression=expression,
                    ExpressionAttributeValues={**values, **({":id": {"S": plan_id}} if plan_id else {})},
                    **condition,
                )
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _list_key(plan_id: str) -> Any:
    return {"pk": ACCESS, "sk": {"S": f"plan#{plan_id}"}}


def _plan(item: Mapping[str, Any]) -> HeldPlan:
    return HeldPlan(
        id=item.get("id", {}).get("S", ""),
        connections=frozenset(item.get("connections", {}).get("SS", [])),
        token=item.get("token", {}).get("S", ""),
        stale_token=item.get("stale_token", {}).get("S", ""),
    )
