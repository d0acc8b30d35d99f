"""What an execution knows about itself: context object, clock, random numbers, and the tokens it gives out."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any


@dataclass(frozen=True)
class Context:
    """What an execution knows about itself; `now` is its only clock and `random` its only source of random numbers."""

    execution_id: str
    execution_name: str
    start_time: datetime
    now: Callable[[], datetime]
    role_arn: str = ""
    machine_id: str = ""
    machine_name: str = ""
    random: Random = field(default_factory=Random)

    def new_token(self) -> str:
        """A task token: opaque, another one each time, and the same in every run."""
        return hashlib.sha512(f"{self.execution_id}/{self.random.getrandbits(128)}".encode()).hexdigest()

    def context_object(self, data: Any) -> dict[str, Any]:
        """The context object of an execution with that input."""
        return {
            "Execution": {
                "Id": self.execution_id,
                "Name": self.execution_name,
                "Input": data,
                "StartTime": timestamp(self.start_time),
                "RoleArn": self.role_arn,
            },
            "StateMachine": {"Id": self.machine_id, "Name": self.machine_name},
        }


def timestamp(at: datetime) -> str:
    """A time as the context object reports it: UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
