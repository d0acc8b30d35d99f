"""A data source, what may be asked of one, and how it is shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.gateway import AwsError
from sandbox.services.quick.answer import Refused

PENDING = ("CREATION_IN_PROGRESS", "UPDATE_IN_PROGRESS")
ROLE = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/\S+")


@dataclass(eq=False)
class DataSource:
    """One Athena data source. `change` counts creations and updates: only the last one's end counts."""

    account: str
    region: str
    id: str
    name: str
    athena: Mapping[str, Any]
    created: datetime
    updated: datetime
    status: str = "CREATION_IN_PROGRESS"
    failure: Refused | None = None
    tags: dict[str, str] = field(default_factory=dict)
    permissions: dict[str, frozenset[str]] = field(default_factory=dict)
    change: int = 0

    @property
    def arn(self) -> str:
        """Also the ExternalId that Quick sends to the consumer role."""
        return f"arn:aws:quicksight:{self.region}:{self.account}:datasource/{self.id}"

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


def check_id(data_source_id: str) -> None:
    """Refuses what cannot be part of an ARN."""
    if not re.fullmatch(r"[\w-]{1,512}", data_source_id):
        raise invalid(f"The data source ID {data_source_id!r} has characters other than letters, digits, - and _")


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


def invalid(message: str) -> AwsError:
    """A request Quick can't take."""
    return AwsError("InvalidParameterValueException", message)
