"""Saved queries of CloudWatch Logs Insights: kept, not run. moto has none.

Source: CloudWatch Logs API reference, PutQueryDefinition, DescribeQueryDefinitions, DeleteQueryDefinition.
"""

import uuid
from typing import Any

from sandbox.aws.cloud import Cloud
from sandbox.aws.gateway import AwsError, Call

Definitions = dict[str, dict[str, Any]]


class SavedQueries:
    """The query definitions of every account and Region, by id."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._saved: dict[tuple[str, str], Definitions] = {}
        cloud.gateway.handle(
            "logs",
            PutQueryDefinition=self._put,
            DescribeQueryDefinitions=self._describe,
            DeleteQueryDefinition=self._delete,
        )

    def _put(self, call: Call) -> dict[str, Any]:
        given = {key: value for key, value in call.parameters.items() if key != "clientToken"}
        known = given.get("queryDefinitionId")
        saved = self._of(call)
        if known is not None and known not in saved:
            raise _missing(known)
        query_id = known or str(uuid.uuid4())
        changed = int(self._cloud.clock.now().timestamp() * 1000)
        saved[query_id] = {**given, "queryDefinitionId": query_id, "lastModified": changed}
        return {"queryDefinitionId": query_id}

    def _describe(self, call: Call) -> dict[str, Any]:
        prefix = call.parameters.get("queryDefinitionNamePrefix", "")
        found = [each for each in self._of(call).values() if each["name"].startswith(prefix)]
        return {"queryDefinitions": sorted(found, key=lambda each: str(each["name"]))}

    def _delete(self, call: Call) -> dict[str, Any]:
        query_id = call.parameters["queryDefinitionId"]
        if self._of(call).pop(query_id, None) is None:
            raise _missing(query_id)
        return {"success": True}

    def _of(self, call: Call) -> Definitions:
        return self._saved.setdefault((call.account, call.region), {})


def _missing(query_id: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"There is no query definition {query_id}")
