"""What the brake remembers. Each kind of item has a partition of its own, so that each role can be kept to its own.

The access policy's one writer calls it; but a sweep says what it expects, and AskForApproval which token approves.
What is not as we write it is read as if it were not there (docs/decisions/0018).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from control_plane.aws.calls import code_of, named_errors
from control_plane.brake import latest
from control_plane.ports import HeldPlan

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = {"S": "access#batch"}
HELD: Any = {"pk": BATCH, "sk": {"S": "held"}}
EXPECTED: Any = {"pk": {"S": "access#expected"}, "sk": {"S": "expected"}}
REVOKED: Any = {"pk": {"S": "access#revoked"}, "sk": {"S": "revoked"}}
PLAN_ID = re.compile(r"[0-9]{1,15}-[0-9]{14}")
LONGEST_TOKEN = 2048  # Step Functions takes no longer one


class DynamoDbBrake:
    """Port `Brake` over DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def revoked(self) -> Mapping[str, datetime]:
        """When each counted revocation of the last while went, by connection."""
        found = self._item(REVOKED).get("went", {}).get("M", {})
        read = {key: _moment(moment.get("S", "")) for key, moment in found.items()}
        return {key: moment for key, moment in read.items() if moment}

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
        return _plan(self._held())

    def hold(self, connections: Collection[str], now: str) -> HeldPlan | None:
        """These wait for approval now, and no others; answers the plan while people have not been asked about it."""
        item = self._held()
        before = _plan(item)
        if before.connections == frozenset(connections):
            return None if "asked" in item or not item else self._with_stale_token(item)
        plan_id = f"{_number(before.id) + 1}-{re.sub('[^0-9]', '', now)[:14]}"
        listed: Any = {"connections": {"SS": sorted(connections)}} if connections else {}
        self._put({**_list_key(plan_id), **listed})
        stale = [each for each in (before.id, *_stale(item)) if each][:2]  # at most one of them has a token in force
        values = {**HELD, **listed, "id": {"S": plan_id}, "since": {"S": now}}
        values |= {"stale": {"L": [{"S": each} for each in stale]}} if stale else {}
        self._put(values)
        return self._with_stale_token(values)

    def asked(self, plan: HeldPlan) -> None:
        """People are being asked about that plan."""
        self._update(HELD, "SET asked = :yes REMOVE stale", {":yes": {"BOOL": True}}, plan.id)

    def approvable(self, plan_id: str, token: str) -> HeldPlan | None:
        """Remember what approves a plan and answer the plan; None when it was replaced meanwhile.

        First the token, then a look at the list; the writer changes the list first and looks for tokens then. So one
        of the two sees the other, and no token of a replaced list is left in force.
        """
        self._put({**_approval_key(plan_id), "token": {"S": token}})
        plan = self.held()
        return plan if plan.id == plan_id and plan.connections else None

    def listed(self, plan_id: str) -> Sequence[str]:
        """The connections of a plan, whether they wait still or not, in order."""
        return sorted(self._item(_list_key(plan_id)).get("connections", {}).get("SS", []))

    def released(self, plan_id: str) -> None:
        """An approved plan's revocations have gone."""
        self._update(_list_key(plan_id), "SET released = :yes", {":yes": {"BOOL": True}})
        gone = frozenset(self.listed(plan_id))
        if listed := gone & self.expected():
            self._update(EXPECTED, "DELETE connections :gone", {":gone": {"SS": sorted(listed)}})

    def is_released(self, plan_id: str) -> bool:
        """Whether they have."""
        return "released" in self._item(_list_key(plan_id))

    def _held(self) -> dict[str, Any]:
        """The item of what is held; none when its id is no plan's, for nobody can be asked about that."""
        item = self._item(HELD)
        return item if PLAN_ID.fullmatch(item.get("id", {}).get("S", "")) else {}

    def _with_stale_token(self, item: Mapping[str, Any]) -> HeldPlan:
        """The plan with what approved the one before it."""
        stale = (self._token(each) for each in _stale(item))
        return replace(_plan(item), stale_token=next(filter(None, stale), ""))

    def _token(self, plan_id: str) -> str:
        token = self._item(_approval_key(plan_id)).get("token", {}).get("S", "")
        return str(token) if len(token) <= LONGEST_TOKEN else ""

    def _item(self, key: Any) -> dict[str, Any]:
        with named_errors():
            found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def _put(self, item: Any) -> None:
        with named_errors():
            self._client.put_item(TableName=self._table, Item=item)

    def _update(self, key: Any, expression: str, values: Any, plan_id: str = "") -> None:
        """Change one item; when it is about another plan by now, nothing."""
        condition: Any = {"ConditionExpression": "id = :id"} if plan_id else {}
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
            if code_of(error) != "ConditionalCheckFailedException":
                raise


def _list_key(plan_id: str) -> Any:
    return {"pk": BATCH, "sk": {"S": f"plan#{plan_id}"}}


def _approval_key(plan_id: str) -> Any:
    return {"pk": {"S": "access#approval"}, "sk": {"S": plan_id}}


def _plan(item: Mapping[str, Any]) -> HeldPlan:
    return HeldPlan(
        id=item.get("id", {}).get("S", ""),
        connections=frozenset(item.get("connections", {}).get("SS", [])),
    )


def _stale(item: Mapping[str, Any]) -> list[str]:
    """The plans whose tokens may have to be refused, the latest first."""
    named = [each.get("S", "") for each in item.get("stale", {}).get("L", [])]
    return [each for each in named if PLAN_ID.fullmatch(each)]


def _number(plan_id: str) -> int:
    """Plans are counted."""
    return int(plan_id.partition("-")[0] or 0)


def _moment(text: str) -> datetime | None:
    """A moment as we write it; None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
