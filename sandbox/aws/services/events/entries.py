"""PutEvents: entries of customers become events, or are refused one by one."""

import itertools
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sandbox.aws.cloud import Cloud
from sandbox.aws.gateway import AwsError, Call, access_denied
from sandbox.aws.policy import Request, access_denied_message, evaluate
from sandbox.aws.services.events.buses import Bus
from sandbox.aws.services.events.permissions import principal_context

MOST_ENTRIES = 10
EVENT_IDS = uuid.UUID("6a3c3dd5-3c1e-4b1c-9d34-5b1b1f0c7d11")
_REQUIRED = ("Source", "DetailType", "Detail")


class Accept(Protocol):
    """Takes an event for a bus; `forwarded` if it has come from another account."""

    def __call__(self, bus: Bus, envelope: Mapping[str, Any], *, forwarded: bool) -> None:
        """Takes the event."""


class RefusedEntry(Exception):
    """One entry is not taken."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.shown = {"ErrorCode": code, "ErrorMessage": message}


class Entries:
    """Reads PutEvents calls. An event for a bus that doesn't exist is taken and lost, as on AWS."""

    def __init__(self, cloud: Cloud, accept: Accept) -> None:
        self._cloud = cloud
        self._accept = accept
        self._numbers = itertools.count()

    def put(self, call: Call) -> dict[str, Any]:
        """Takes up to ten entries; answers an EventId or the reason for each."""
        entries = call.parameters["Entries"]
        if len(entries) > MOST_ENTRIES:
            raise AwsError("ValidationException", "Member must have length less than or equal to 10")
        self._check_policies(call, entries)
        shown = [self._take(call, entry) for entry in entries]
        return {"FailedEntryCount": sum("ErrorCode" in each for each in shown), "Entries": shown}

    def _take(self, call: Call, entry: Mapping[str, Any]) -> dict[str, str]:
        try:
            detail = _detail(entry)
        except RefusedEntry as refused:
            return refused.shown
        bus = Bus.of(entry.get("EventBusName"), call.account, call.region)
        envelope = {
            "version": "0",
            "id": str(uuid.uuid5(EVENT_IDS, str(next(self._numbers)))),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": call.account,
            "time": _time(entry.get("Time"), self._cloud.clock.now),
            "region": call.region,
            "resources": entry.get("Resources") or [],
            "detail": detail,
        }
        self._accept(bus, envelope, forwarded=bus.account != call.account)
        return {"EventId": envelope["id"]}

    def _check_policies(self, call: Call, entries: Iterable[Mapping[str, Any]]) -> None:
        """A bus of another account must allow the caller; the gateway checks the caller's own policies."""
        buses = {Bus.of(entry.get("EventBusName"), call.account, call.region) for entry in entries}
        for bus in buses:
            if bus.account == call.account:
                continue
            principal = call.session.principal
            request = Request(principal, "events:PutEvents", bus.arn, principal_context(call.account))
            everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
            verdict = evaluate(
                request,
                identity=[{"Version": "2012-10-17", "Statement": [everything]}],
                resource=bus.policy,
                resource_account=bus.account,
            )
            if not verdict.allowed:
                raise access_denied("events", access_denied_message(request, verdict))


def _detail(entry: Mapping[str, Any]) -> dict[str, Any]:
    for name in _REQUIRED:
        if not entry.get(name):
            raise RefusedEntry(
                "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
            )
    if entry["Source"].startswith("aws."):
        raise RefusedEntry("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = json.loads(entry["Detail"])
    except json.JSONDecodeError:
        detail = None
    if not isinstance(detail, dict):
        raise RefusedEntry("MalformedDetail", "Detail is malformed.")
    return detail


def _time(given: Any, now: Callable[[], datetime]) -> str:
    time = given if isinstance(given, datetime) else now()
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
