"""The events that ReconcileConnection publishes on the hub's bus, for whoever makes rules for them. No I/O.

The state machine writes them without a function, so nothing runs this. It is what the machine promises: the JSON schema
that others build on (docs/reference/published-events.schema.json) is made from it, and tests hold every event to it.
"""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from control_plane.account import AccountId
from control_plane.decision import Action


class Kind(StrEnum):
    """What became of a connection."""

    CONNECTED = "Account Connected"
    DEGRADED = "Connection Degraded"
    QUARANTINED = "Account Quarantined"
    REMOVED = "Account Removed"
    FAILED = "Connection Failed"


STATUS_OF = {  # the status in the record, as the event says it
    Kind.CONNECTED: "connected",
    Kind.DEGRADED: "degraded",
    Kind.QUARANTINED: "quarantined",
    Kind.REMOVED: "removed",
    Kind.FAILED: "failed",
}
TROUBLE = (Kind.FAILED, Kind.DEGRADED)  # these say why, and what to do


class Detail(BaseModel):
    """What an event says. A field may be added, so whoever reads it ignores those that he does not know."""

    version: Literal["1"] = Field(
        description="A field may be added; if one changes its meaning or goes, the number changes"
    )
    account_id: AccountId = Field(description="the account")
    account_name: str = Field(description="its name in the organization")
    profile: str = Field(description="the profile of the connection", min_length=1)
    action: Action = Field(description="what was done: one of the planned actions")
    status: Literal["connected", "degraded", "quarantined", "removed", "failed"] = Field(
        description="the status in the record"
    )
    reason: str = Field(description="why it was done; of a failure what AWS said", min_length=1)
    error: str = Field(description="of `Connection Failed` and `Connection Degraded` the error's name; empty otherwise")
    cause: str = Field(description="of these two the likely cause; empty otherwise")
    remedy: str = Field(description="of these two what to do; empty otherwise")
    execution: str = Field(
        description="the execution of `ReconcileConnection`, for its history", pattern="^arn:[a-z-]+:states:"
    )


def _rules() -> dict[str, Any]:
    """What a schema says about an event's kind and its detail together."""
    said = {name: {"minLength": 1} for name in ("error", "cause", "remedy")}
    unsaid = {name: {"const": ""} for name in said}
    return {
        "allOf": [
            {
                "if": {"properties": {"detail-type": {"const": kind.value}}},
                "then": {
                    "properties": {
                        "detail": {
                            "properties": {"status": {"const": status}, **(said if kind in TROUBLE else unsaid)},
                        },
                    },
                },
            }
            for kind, status in STATUS_OF.items()
        ]
    }


class PublishedEvent(BaseModel):
    """An event of ours, as EventBridge delivers it. Of the envelope only what is ours to say."""

    model_config = ConfigDict(json_schema_extra=_rules())

    source: Literal["quick-onboarding"]
    kind: Kind = Field(alias="detail-type")
    detail: Detail

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.detail.status != STATUS_OF[self.kind]:
            raise ValueError(f"{self.kind} with the status {self.detail.status}")
        explained = [self.detail.error, self.detail.cause, self.detail.remedy]
        if any(bool(each) != (self.kind in TROUBLE) for each in explained):
            raise ValueError(f"{self.kind} explains a failure that is none, or does not explain one")
        return self
