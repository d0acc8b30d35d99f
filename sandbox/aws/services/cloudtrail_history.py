"""CloudTrail's event history: what LookupEvents finds of the calls that came through the gateway.

moto records nothing. Sources: botocore model, LookupEvents; CloudTrail User Guide, view-cloudtrail-events (management
events of 90 days, in the Region they happened in) and cloudtrail-event-reference-record-contents; IAM User Guide,
cloudtrail-integration (an AssumeRole into another account is recorded in both, with one sharedEventID; one of a service
in the role's account). That the parameters of a refused AssumeRole are left out is what users show; the worse reading.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from sandbox.aws.cloud import ORGANIZATIONS_REGION
from sandbox.aws.gateway import AwsError
from sandbox.aws.services.authorization import account_of
from sandbox.aws.services.cloudtrail_records import camel, identity, iso, redacted, role_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.gateway import Call
    from sandbox.aws.services.organizations.trail import Trail
    from sandbox.aws.services.sts import Assumption, Sts

DELIVERY_SECONDS = 300.0  # "within an average of about 5 minutes" (CloudTrail User Guide, how-cloudtrail-works)
KEPT = timedelta(days=90)
MOST_KEPT = 50_000  # events of all accounts; the oldest go first
PAGE = 50
EVENT_IDS = uuid.UUID("5f0c2a5b-9b3e-4f41-8f0a-2f7a6a9a3d11")
GLOBAL = ("iam", "organizations")  # recorded in us-east-1, wherever they were called from
SOURCES = {"stepfunctions": "states", "cloudwatch": "monitoring"}
# Not management events: recorded by nobody unless a trail is told to.
DATA_EVENTS = {
    "cloudwatch": ("GetMetric", "PutMetricData"),
    "dynamodb": ("Batch", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "Transact", "UpdateItem"),
    "events": ("PutEvents",),
    "lambda": ("Invoke",),
    "logs": ("PutLogEvents",),
    "s3": ("",),  # the gateway reads too little of S3's calls
    "sns": ("Publish",),
    "sqs": ("ChangeMessage", "DeleteMessage", "ReceiveMessage", "SendMessage"),
}
ELSEWHERE = {"sts": ("AssumeRole",), "organizations": ("",)}  # recorded by those who know more of them
READING = ("Describe", "Get", "List", "Lookup", "Search", "Simulate")
ATTRIBUTES: dict[str, Callable[[Entry], set[str]]] = {
    "EventId": lambda entry: {entry.record["eventID"]},
    "EventName": lambda entry: {entry.record["eventName"]},
    "EventSource": lambda entry: {entry.record["eventSource"]},
    "ReadOnly": lambda entry: {_word(entry.record["readOnly"])},
    "Username": lambda entry: {entry.username},
    "ResourceName": lambda entry: {each["ARN"] for each in entry.record.get("resources", ())},
    "ResourceType": lambda entry: {each["type"] for each in entry.record.get("resources", ())},
    "AccessKeyId": lambda entry: {entry.record["userIdentity"].get("accessKeyId", "")},
}


@dataclass(frozen=True)
class Entry:
    """A record in the history of one account and Region."""

    at: datetime
    account: str
    region: str
    record: dict[str, Any]

    @property
    def username(self) -> str:
        """The name of the caller's session; a service has none."""
        return str(self.record["userIdentity"].get("principalId", "")).rpartition(":")[2]

    def shown(self) -> dict[str, Any]:
        """As LookupEvents answers it."""
        record = self.record
        resources = [
            {"ResourceType": each["type"], "ResourceName": each["ARN"]} for each in record.get("resources", ())
        ]
        key = record["userIdentity"].get("accessKeyId")
        return {
            "EventId": record["eventID"],
            "EventName": record["eventName"],
            "ReadOnly": _word(record["readOnly"]),
            "EventTime": self.at,
            "EventSource": record["eventSource"],
            "Resources": resources,
            "CloudTrailEvent": json.dumps(record),
            **({"AccessKeyId": key} if key else {}),
            **({"Username": self.username} if self.username else {}),
        }


class EventHistory:
    """The management events of every account. They can be looked up `delivery_seconds` later."""

    def __init__(self, cloud: Cloud, sts: Sts, organizations: Trail) -> None:
        self._cloud = cloud
        self._numbers = itertools.count()
        self._unread: deque[tuple[datetime, Call, str]] = deque(maxlen=MOST_KEPT)
        self._entries: deque[Entry] = deque(maxlen=MOST_KEPT)
        self.delivery_seconds = DELIVERY_SECONDS
        cloud.gateway.after.append(self._after)
        cloud.gateway.handle("cloudtrail", LookupEvents=self.lookup)
        sts.watchers.append(self._assumed)
        organizations.watchers.append(self._reported)

    def lookup(self, call: Call) -> dict[str, Any]:
        """LookupEvents: of one account in one Region, the newest first."""
        given = call.parameters
        size, start = given.get("MaxResults", PAGE), _start(given.get("NextToken"))
        if not 1 <= size <= PAGE:
            raise AwsError("InvalidMaxResultsException", f"MaxResults must be between 1 and {PAGE}")
        found = self._found(call, _filter_of(given.get("LookupAttributes") or []), *self._times(given))
        page = list(islice(found, start, start + size + 1))
        following = {"NextToken": str(start + size)} if len(page) > size else {}
        return {"Events": [each.shown() for each in page[:size]], **following}

    def _times(self, given: dict[str, Any]) -> tuple[datetime, datetime]:
        now = self._cloud.clock.now()
        since, until = _time(given.get("StartTime"), now - KEPT), _time(given.get("EndTime"), now)
        if since > until:
            raise AwsError("InvalidTimeRangeException", "The start time is after the end time")
        return max(since, now - KEPT), min(until, now - timedelta(seconds=self.delivery_seconds))

    def _found(self, call: Call, matches: Callable[[Entry], bool], since: datetime, until: datetime) -> Iterator[Entry]:
        self._read_calls()
        newest_first = list(reversed(self._entries))  # of one moment, too
        newest_first.sort(key=lambda each: each.at, reverse=True)
        for entry in newest_first:
            is_here = (entry.account, entry.region) == (call.account, call.region)
            if is_here and since <= entry.at <= until and matches(entry):
                yield entry

    # What is recorded --------------------------------------------------------------------------------------

    def _after(self, call: Call, outcome: str) -> None:
        left_out = (*DATA_EVENTS.get(call.service, ()), *ELSEWHERE.get(call.service, ()))
        if not call.operation.startswith(left_out) or not left_out:
            self._unread.append((self._cloud.clock.now(), call, outcome))

    def _read_calls(self) -> None:
        """Records are made when somebody wants to see them."""
        while self._unread:
            at, call, outcome = self._unread.popleft()
            region = ORGANIZATIONS_REGION if call.service in GLOBAL else call.region
            detail = {
                "userIdentity": identity(call.session, iso(at)),
                "eventSource": f"{SOURCES.get(call.service, call.service)}.amazonaws.com",
                "eventName": call.operation,
                "sourceIPAddress": "192.0.2.10",
                "userAgent": "Boto3",
                "readOnly": call.operation.startswith(READING),
                "requestParameters": redacted(camel(call.parameters)),
                "responseElements": None,
                "eventType": "AwsApiCall",
                **_failure(outcome),
            }
            self._add(at, call.account, region, detail)

    def _reported(self, account: str, detail: dict[str, Any]) -> None:
        """What Organizations reports of itself."""
        now = self._cloud.clock.now()
        self._entries.append(Entry(now, account, ORGANIZATIONS_REGION, detail))

    def _assumed(self, assumption: Assumption) -> None:
        """In the role's account and, if it is another one, in the caller's."""
        requested, caller, now = assumption.requested, assumption.caller, self._cloud.clock.now()
        owner = account_of(requested.role_arn)
        asked = {"roleArn": requested.role_arn, "roleSessionName": requested.session_name}
        if requested.external_id is not None:
            asked["externalId"] = requested.external_id
        detail = {
            "eventSource": "sts.amazonaws.com",
            "eventName": "AssumeRole",
            "sourceIPAddress": "192.0.2.10",
            "userAgent": "Boto3",
            "readOnly": True,
            "requestParameters": asked if assumption.allowed else None,
            "responseElements": None,
            "resources": [{"accountId": owner, "type": "AWS::IAM::Role", "ARN": requested.role_arn}]
            if assumption.allowed
            else [],
            "eventType": "AwsApiCall",
            "sharedEventID": self._new_id(),
            **_failure("OK" if assumption.allowed else "AccessDenied"),
        }
        if not caller.account:
            detail |= {"sourceIPAddress": caller.arn, "userAgent": caller.arn}
        if not assumption.allowed:
            refused = f"is not authorized to perform: sts:AssumeRole on resource: {requested.role_arn}"
            detail["errorMessage"] = f"User: {caller.session_arn or caller.arn} {refused}"
        for account in dict.fromkeys((caller.account or owner, owner)):
            who: dict[str, Any] = role_identity(caller, iso(now))
            if not caller.account:
                who = {"type": "AWSService", "invokedBy": caller.arn}
            elif account != caller.account:
                who = {"type": "AWSAccount", "principalId": who["principalId"], "accountId": caller.account}
            self._add(now, account, self._cloud.topology.region, {"userIdentity": who, **detail})

    def _add(self, at: datetime, account: str, region: str, detail: dict[str, Any]) -> None:
        record = {
            "eventVersion": "1.08",
            "eventTime": iso(at),
            "awsRegion": region,
            "eventID": self._new_id(),
            "managementEvent": True,
            "recipientAccountId": account,
            "eventCategory": "Management",
            **detail,
        }
        self._entries.append(Entry(at, account, region, record))

    def _new_id(self) -> str:
        return str(uuid.uuid5(EVENT_IDS, str(next(self._numbers))))


def _failure(outcome: str) -> dict[str, str]:
    return {} if outcome == "OK" else {"errorCode": outcome}


def _word(value: object) -> str:
    return str(value).lower()


def _start(token: str | None) -> int:
    if token is not None and not token.isdigit():
        raise AwsError("InvalidNextTokenException", "The NextToken is not valid")
    return int(token or 0)


def _time(given: Any, otherwise: datetime) -> datetime:
    """A time as boto3 or JSON has it."""
    if isinstance(given, datetime):
        return given if given.tzinfo else given.replace(tzinfo=UTC)
    return otherwise if given is None else datetime.fromtimestamp(float(given), UTC)


def _filter_of(attributes: list[dict[str, str]]) -> Callable[[Entry], bool]:
    if not attributes:
        return lambda _entry: True
    first, *more = attributes
    if more or first.get("AttributeKey") not in ATTRIBUTES:
        raise AwsError("InvalidLookupAttributesException", "Exactly one attribute of a known kind can be looked up")
    values = ATTRIBUTES[first["AttributeKey"]]
    return lambda entry: first["AttributeValue"] in values(entry)
