"""What data sources, data sets, analyses, dashboards and folders share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.aws.gateway import AwsError

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(eq=False, kw_only=True)
class Asset:
    """One thing in Quick. `permissions` are actions by principal."""

    resource: str  # its type, as ARNs and folders say it
    account: str
    region: str
    id: str
    name: str
    created: datetime
    updated: datetime
    tags: dict[str, str] = field(default_factory=dict)
    permissions: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The asset's ARN."""
        return f"arn:aws:quicksight:{self.region}:{self.account}:{self.resource}/{self.id}"


def answered(answer: dict[str, Any]) -> dict[str, Any]:
    """With what every answer of Quick's has."""
    return {"Status": 200, "RequestId": "sandbox", **answer}


def invalid(message: str) -> AwsError:
    """A request Quick can't take."""
    return AwsError("InvalidParameterValueException", message)
