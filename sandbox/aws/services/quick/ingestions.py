"""SPICE ingestions: they take time, and end by what the whole chain of roles allows then.

Sources: botocore model, CreateIngestion (32 manual refreshes in 24 hours in Enterprise edition, 8 in Standard),
DescribeIngestion, ErrorInfo; Quick User Guide, errors-spice-ingestion.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.aws.gateway import AwsError
from sandbox.aws.services.quick import searching
from sandbox.aws.services.quick.answer import Refused
from sandbox.aws.services.quick.asset import invalid
from sandbox.aws.services.quick.ingestion import Ingestion, arn
from sandbox.aws.services.quick.subscription import STANDARD

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.gateway import Call
    from sandbox.aws.services.quick.answer import Answer
    from sandbox.aws.services.quick.data_set import DataSet
    from sandbox.aws.services.quick.subscription import Subscription

MANUAL_REFRESHES, IN_STANDARD = 32, 8
NO_CAPACITY = "ACCOUNT_CAPACITY_LIMIT_EXCEEDED"
NO_CAPACITY_MESSAGE = "This data exceeds your current SPICE capacity. Purchase more SPICE capacity and try again"


class Ingestions:
    """The ingestions of all data sets. `read` asks a data set's sources, or raises Refused.

    `is_spice_full`: this Region has no capacity left, so every import fails before anything is asked.
    """

    def __init__(
        self, cloud: Cloud, subscription: Subscription, read: Callable[[DataSet], Answer], seconds: float
    ) -> None:
        self._cloud, self._subscription, self._read, self._seconds = cloud, subscription, read, seconds
        self.is_spice_full = False

    def operations(self) -> dict[str, Callable[[Call, DataSet], dict[str, Any]]]:
        """What is asked of a data set's ingestions."""
        return {
            "CreateIngestion": self._create,
            "DescribeIngestion": lambda call, data_set: {"Ingestion": _named(call, data_set).description(data_set.arn)},
            "ListIngestions": _list,
            "CancelIngestion": self._cancel,
        }

    def begin(self, data_set: DataSet, ingestion_id: str, request_type: str) -> Ingestion:
        """Start an import; its end comes later."""
        ingestion = Ingestion(ingestion_id, request_type, self._cloud.clock.now())
        data_set.ingestions[ingestion_id] = ingestion
        name = f"SPICE imports {data_set.id}"
        self._cloud.clock.submit(partial(self._run, ingestion), name)
        self._cloud.clock.call_later(self._seconds, partial(self._end, data_set, ingestion), name)
        return ingestion

    def _run(self, ingestion: Ingestion) -> None:
        with self._cloud.gateway.lock:
            if ingestion.status == "INITIALIZED":
                ingestion.status = "RUNNING"

    def _end(self, data_set: DataSet, ingestion: Ingestion) -> None:
        with self._cloud.gateway.lock:
            if ingestion.ended or data_set.ingestions.get(ingestion.id) is not ingestion:
                return  # cancelled, or deleted with its data set
            ingestion.ended = self._cloud.clock.now()
            try:
                self._check_capacity()
                data_set.imported = self._read(data_set)
                ingestion.status, ingestion.rows = "COMPLETED", data_set.imported.rows
            except Refused as refused:
                ingestion.status, ingestion.failure = "FAILED", refused

    def _check_capacity(self) -> None:
        if self.is_spice_full:
            raise Refused(NO_CAPACITY, NO_CAPACITY_MESSAGE)

    def _create(self, call: Call, data_set: DataSet) -> dict[str, Any]:
        wanted = call.parameters["IngestionId"]
        if not data_set.in_spice:
            raise invalid(f"DataSet {data_set.id} is not in SPICE")
        if call.parameters.get("IngestionType", "FULL_REFRESH") != "FULL_REFRESH":
            raise invalid(f"DataSet {data_set.id} has no properties of an incremental refresh")
        if wanted in data_set.ingestions:
            raise AwsError("ResourceExistsException", f"Ingestion {wanted} already exists")
        self._check_refreshes(data_set)
        ingestion = self.begin(data_set, wanted, "FULL_REFRESH")
        answer = {"Arn": arn(data_set.arn, wanted), "IngestionId": wanted, "IngestionStatus": ingestion.status}
        return {**answer, "Status": 201}

    def _check_refreshes(self, data_set: DataSet) -> None:
        since = self._cloud.clock.now() - timedelta(hours=24)
        allowed = IN_STANDARD if self._subscription.edition == STANDARD else MANUAL_REFRESHES
        manual = [each for each in data_set.ingestions.values() if each.request_type == "FULL_REFRESH"]
        if sum(each.created > since for each in manual) >= allowed:
            message = f"DataSet {data_set.id} was refreshed {allowed} times in the last 24 hours"
            raise AwsError("LimitExceededException", message)

    def _cancel(self, call: Call, data_set: DataSet) -> dict[str, Any]:
        ingestion = _named(call, data_set)
        if ingestion.ended:
            raise invalid(f"Ingestion {ingestion.id} has ended")
        ingestion.status, ingestion.ended = "CANCELLED", self._cloud.clock.now()
        return {"Arn": arn(data_set.arn, ingestion.id), "IngestionId": ingestion.id}


def _named(call: Call, data_set: DataSet) -> Ingestion:
    found = data_set.ingestions.get(call.parameters["IngestionId"])
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Ingestion {call.parameters['IngestionId']} is not found")
    return found


def _list(call: Call, data_set: DataSet) -> dict[str, Any]:
    newest_first = list(reversed(data_set.ingestions.values()))
    return searching.page(newest_first, call, "Ingestions", lambda each: each.description(data_set.arn))
