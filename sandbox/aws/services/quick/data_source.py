"""A data source, what may be asked of one, and how it is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.aws.services.quick.asset import Asset, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.aws.services.quick.answer import Refused

PENDING = ("CREATION_IN_PROGRESS", "UPDATE_IN_PROGRESS")
ROLE = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/\S+")


@dataclass(eq=False, kw_only=True)
class DataSource(Asset):
    """One Athena data source. `change` counts creations and updates: only the last one's end counts.

    Its ARN is also the ExternalId that Quick sends to the consumer role.
    """

    resource: str = "datasource"
    athena: Mapping[str, Any]
    status: str = "CREATION_IN_PROGRESS"
    failure: Refused | None = None
    change: int = 0

    @property
    def work_group(self) -> str:
        """Athena's own default is `primary`."""
        return str(self.athena.get("WorkGroup", "primary"))

    @property
    def is_pending(self) -> bool:
        """Whether a creation or an update is under way."""
        return self.status in PENDING

    def summary(self) -> dict[str, Any]:
        """As lists show it."""
        return {
            "Arn": self.arn,
            "DataSourceId": self.id,
            "Name": self.name,
            "Type": "ATHENA",
            "CreatedTime": self.created,
            "LastUpdatedTime": self.updated,
        }

    def description(self) -> dict[str, Any]:
        """As DescribeDataSource shows it."""
        failure = self.failure and {"Type": self.failure.error_type, "Message": self.failure.message}
        return {
            **self.summary(),
            "Status": self.status,
            "DataSourceParameters": {"AthenaParameters": dict(self.athena)},
            **({"ErrorInfo": failure} if failure else {}),
        }


def athena_parameters(account: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Athena parameters of a request.

    Sources: Quick User Guide, datasource-run-as-role (the role is Quick's own account's); botocore model,
    AthenaParameters ("Provide this along with RoleArn").
    """
    parameters = given.get("AthenaParameters")
    if parameters is None:
        raise invalid("This Quick knows data sources of type ATHENA only")
    for name in ("RoleArn", "ConsumerAccountRoleArn"):
        if name in parameters and not ROLE.fullmatch(parameters[name]):
            raise invalid(f"{name} is not the ARN of a role: {parameters[name]}")
    run_as = ROLE.fullmatch(parameters.get("RoleArn", ""))
    if run_as and run_as[1] != account:
        raise invalid("RoleArn must belong to the same account as the data source")
    if not run_as and "ConsumerAccountRoleArn" in parameters:
        raise invalid("ConsumerAccountRoleArn must be provided along with RoleArn")
    return dict(parameters)
