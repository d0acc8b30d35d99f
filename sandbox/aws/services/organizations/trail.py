"""What CloudTrail sends EventBridge about Organizations: an envelope a change, in us-east-1, on the default bus.

moto emits none. Sources: EventBridge events reference, events-ref-organizations; Organizations User Guide,
orgs_cloudtrail-integration (the example log entries). The place of an account's id in AccountJoinedOrganization
and AccountDepartedOrganization is not documented: here it stands in serviceEventDetails.
"""

import itertools
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.exceptions import ServiceException

from sandbox.aws.cloud import ORGANIZATIONS_REGION, Cloud
from sandbox.aws.gateway import Call
from sandbox.aws.services.cloudtrail_records import camel, identity, iso, redacted

Publish = Callable[[str, str, str, dict[str, Any]], None]
Detail = dict[str, Any]
EVENT_IDS = uuid.UUID("0d4aa3f5-8f5b-4a43-9d6c-3b1d0f1f7a52")
_SENDER = "organizations.amazonaws.com"


class Trail:
    """Records calls and service events, and hands them to EventBridge `latency` virtual seconds later.

    `watchers` get each record at once, with the account that it is of. `reshaped`: by name, what makes another shape of
    an event's record; for whoever wants to know what happens if AWS's is another one.
    """

    def __init__(self, cloud: Cloud, publish: Publish | None, latency: float) -> None:
        self._cloud = cloud
        self._publish = publish
        self.latency = latency
        self._numbers = itertools.count()
        self.watchers: list[Callable[[str, Detail], None]] = []
        self.reshaped: dict[str, Callable[[Detail], Detail]] = {}

    def record_call(self, call: Call, response: Mapping[str, Any], error: ServiceException | None = None) -> None:
        """A call that changes something, on the bus of the account that made it; failed ones have an errorCode."""
        failure = {"errorCode": error.code, "errorMessage": error.message} if error else {}
        detail = {
            "userIdentity": identity(call.session, iso(self._cloud.clock.now())),
            "eventName": call.operation,
            "sourceIPAddress": "192.0.2.10",
            "userAgent": "Boto3",
            **failure,
            "requestParameters": redacted(camel(call.parameters)),
            "responseElements": redacted(camel(response)) if response else None,
            "requestID": self._new_id(),
            "eventType": "AwsApiCall",
        }
        self._send(call.account, "AWS API Call via CloudTrail", detail)

    def record_service_event(self, name: str, details: Mapping[str, Any]) -> None:
        """The end of something asynchronous, on the management account's bus."""
        detail = {
            "userIdentity": {"accountId": self._cloud.topology.management, "invokedBy": _SENDER},
            "eventName": name,
            "sourceIPAddress": _SENDER,
            "userAgent": _SENDER,
            "requestParameters": None,
            "responseElements": None,
            "eventType": "AwsServiceEvent",
            "serviceEventDetails": dict(details),
        }
        self._send(self._cloud.topology.management, "AWS Service Event via CloudTrail", detail)

    def _send(self, account: str, detail_type: str, detail: dict[str, Any]) -> None:
        shaped = self.reshaped.get(detail["eventName"], dict)(detail)
        envelope = self._envelope(account, detail_type, shaped)
        for watch in self.watchers:
            watch(account, envelope["detail"])
        publish = self._publish
        if publish is None:
            return
        self._cloud.clock.call_later(
            self.latency,
            lambda: publish(account, ORGANIZATIONS_REGION, "default", envelope),
            f"CloudTrail delivers {detail['eventName']} of {account}",
        )

    def _envelope(self, account: str, detail_type: str, detail: dict[str, Any]) -> dict[str, Any]:
        time = iso(self._cloud.clock.now())
        common = {
            "eventVersion": "1.08",
            "eventTime": time,
            "eventSource": _SENDER,
            "awsRegion": ORGANIZATIONS_REGION,
            "eventID": self._new_id(),
            "readOnly": False,
            "managementEvent": True,
            "recipientAccountId": account,
            "eventCategory": "Management",
        }
        return {
            "version": "0",
            "id": self._new_id(),
            "detail-type": detail_type,
            "source": "aws.organizations",
            "account": account,
            "time": time,
            "region": ORGANIZATIONS_REGION,
            "resources": [],
            "detail": {**common, **detail},
        }

    def _new_id(self) -> str:
        return str(uuid.uuid5(EVENT_IDS, str(next(self._numbers))))
