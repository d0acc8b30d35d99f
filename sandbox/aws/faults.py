"""Fault injection: make a named call fail, hang or answer late, once or for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Self

import botocore.session
from botocore.exceptions import ReadTimeoutError, UnknownServiceError
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.aws.gateway import AwsError, Call

if TYPE_CHECKING:
    from sandbox.aws.cloud import Cloud


LONGEST_SECONDS = 366 * 86_400


class Fault(BaseModel):
    """One fault, as `POST /sandbox/faults` takes it.

    fail: the call is not made, the caller gets `code` and `message`. hang: the call is not made, the caller's read
    times out. late: the call is made, but the caller's read has timed out before the answer comes.
    """

    model_config = ConfigDict(extra="forbid")

    service: str
    operation: str
    effect: Literal["fail", "hang", "late"] = "fail"
    code: str = "ThrottlingException"
    message: str = "Rate exceeded"
    account: str | None = Field(None, description="only calls made by this account")
    role: str | None = Field(None, description="only calls of roles whose ARN contains this")
    times: int | None = Field(1, ge=1, description="how many calls; null: until `seconds` are over, or for ever")
    seconds: float | None = Field(None, ge=0, le=LONGEST_SECONDS, description="how long, in sandbox time")

    @model_validator(mode="after")
    def _there_is_such_an_operation(self) -> Self:
        """A misspelt fault would never happen, and nobody would know."""
        if self.operation not in operations(self.service):
            raise ValueError(f"boto3 knows no operation {self.operation} of a service {self.service}")
        return self


@cache
def operations(service: str) -> frozenset[str]:
    """The operations botocore's model of a service has; none for a service there is not."""
    try:
        return frozenset(botocore.session.get_session().get_service_model(service).operation_names)
    except UnknownServiceError:
        return frozenset()


@dataclass
class ActiveFault:
    """A fault in force, and what is left of it."""

    fault: Fault
    until: datetime | None
    remaining: int | None

    def matches(self, call: Call, now: datetime) -> bool:
        """Whether this call suffers it."""
        asked = self.fault
        return (
            (asked.service, asked.operation) == (call.service, call.operation)
            and (asked.account in (None, call.account))
            and (asked.role or "") in call.session.principal.arn
            and (self.until is None or now < self.until)
            and self.remaining != 0
        )


class Faults:
    """Every injected fault. The gateway asks it before (fail, hang) and after (late) each call."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.active: list[ActiveFault] = []
        cloud.gateway.before.append(self._before)
        cloud.gateway.after.append(self._after)

    def order(self, **fault: Any) -> Fault:
        """Put a fault in force; the fields are those of `Fault`."""
        ordered = Fault(**fault)
        until = None if ordered.seconds is None else self._cloud.clock.now() + timedelta(seconds=ordered.seconds)
        self.active.append(ActiveFault(ordered, until, ordered.times))
        return ordered

    def clear(self) -> None:
        """No faults any more."""
        self.active.clear()

    def _before(self, call: Call) -> None:
        fault = self._take_fault(call, {"fail", "hang"})
        if fault and fault.effect == "hang":
            raise _timeout(call)
        if fault:
            raise AwsError(fault.code, fault.message)

    def _after(self, call: Call, outcome: str) -> None:
        if outcome == "OK" and self._take_fault(call, {"late"}):
            raise _timeout(call)

    def _take_fault(self, call: Call, effects: set[str]) -> Fault | None:
        now = self._cloud.clock.now()
        for active in self.active:
            if active.fault.effect in effects and active.matches(call, now):
                active.remaining = None if active.remaining is None else active.remaining - 1
                return active.fault
        return None


def _timeout(call: Call) -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url=f"https://{call.service}.{call.region}.amazonaws.com/")
