"""An AWS account as the organization sees it, and the connections it may have."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
PROFILE_NAME = r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$"
ProfileName = Annotated[str, StringConstraints(pattern=PROFILE_NAME)]

ACTIVE = "ACTIVE"
DEPARTED = "not in the organization"  # a state of ours, of an account that was a member
NAME_PREFIX = "quick-athena-"  # of everything we make
RESERVED = ("enabled", "paused", "disabled")  # words of the opt-in tag: no profile names


class Unit(BaseModel):
    """An organizational unit, or the root, with its tags."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    tags: dict[str, str]


class Account(BaseModel):
    """What the organization says of one account, read now.

    `unit` is the nearest one above it that has the opt-in tag; it counts when the account itself has none. Where the
    account stands may be unknown for now (`is_placed`): then it is unknown what is asked for, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: AccountId
    name: str
    state: str
    tags: dict[str, str]
    unit: Unit | None = None
    is_placed: bool = True

    @property
    def is_active(self) -> bool:
        """Only an active account can be given or keep a connection."""
        return self.state == ACTIVE


class Hub(BaseModel):
    """The fixed points every name is built from: the hub account, Quick's Region, the organization."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: AccountId
    management_account_id: AccountId
    region: str
    partition: str
    organization_id: str
    root_id: str
    run_as_role_arn: str
    deployment_id: str
    external_id_match: Literal["exact", "prefix"] = "exact"

    @property
    def mark(self) -> dict[str, str]:
        """The tags on everything we make; what does not carry them is never changed or deleted."""
        return {"managed-by": "quick-onboarding", "quick-onboarding:deployment": self.deployment_id}

    def unmarked(self, tags: Mapping[str, str]) -> str:
        """How a thing's tags differ from our mark, in words; empty when it is ours."""
        missing = {key: value for key, value in self.mark.items() if tags.get(key) != value}
        return ", ".join(f"tag {key} is {tags.get(key)!r}, ours is {value!r}" for key, value in missing.items())


class Connection(BaseModel):
    """One account seen through one profile: one consumer role, one access entry, one data source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: AccountId
    profile: ProfileName

    @property
    def key(self) -> str:
        """How lists name it."""
        return f"{self.account_id}#{self.profile}"

    @property
    def role_name(self) -> str:
        """Name of the consumer role, and of the stack set that makes it."""
        return f"{NAME_PREFIX}{self.profile}"

    @property
    def data_source_id(self) -> str:
        """Id of the Quick data source: chosen by us, so its ARN is known before it exists."""
        return f"{NAME_PREFIX}{self.account_id}-{self.profile}"

    def consumer_role_arn(self, hub: Hub) -> str:
        """The entry in the access policy."""
        return f"arn:{hub.partition}:iam::{self.account_id}:role/{self.role_name}"

    @classmethod
    def of_role(cls, arn: str, hub: Hub) -> "Connection | None":
        """The connection whose consumer role that is; None when it is no consumer role's ARN."""
        found = re.fullmatch(rf"arn:{hub.partition}:iam::([0-9]{{12}}):role/{NAME_PREFIX}(.+)", arn)
        return cls._named(*found.groups()) if found else None

    @classmethod
    def of_key(cls, key: str) -> "Connection | None":
        """The connection that lists name so; None when no connection can have that name."""
        return cls._named(*key.split("#", 1)) if "#" in key else None

    @classmethod
    def of_data_source(cls, data_source_id: str) -> "Connection | None":
        """The connection whose data source has that id; None when it is none of ours."""
        found = re.fullmatch(rf"{NAME_PREFIX}([0-9]{{12}})-(.+)", data_source_id)
        return cls._named(*found.groups()) if found else None

    @classmethod
    def _named(cls, account_id: str, profile: str) -> "Connection | None":
        try:
            return cls(account_id=account_id, profile=profile)
        except ValidationError:
            return None

    def data_source_arn(self, hub: Hub) -> str:
        """What Quick sends as sts:ExternalId."""
        return f"arn:{hub.partition}:quicksight:{hub.region}:{hub.account_id}:datasource/{self.data_source_id}"
