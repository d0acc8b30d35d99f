"""An AWS account as the organization sees it, and the connections it may have."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
PROFILE_NAME = r"^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$"
ProfileName = Annotated[str, StringConstraints(pattern=PROFILE_NAME)]
Publisher = Annotated[str, StringConstraints(pattern=r"^([0-9]{12}( [a-z0-9-]{1,32})+)?$")]
MAX_RUN_AS_ROLES = 5  # that the template can declare: room for more than 10,000 connections
RunAsRole = Annotated[int, Field(ge=1, le=MAX_RUN_AS_ROLES)]  # the number of one of the hub's run-as roles

ACTIVE = "ACTIVE"
DEPARTED = "not in the organization"  # not a state of AWS: the account was a member and has left
NAME_PREFIX = "quick-athena-"  # of the names of all resources we create
FULL_CHECK_DAYS = 10  # each day it is the turn of one of so many accounts; after as many days all had theirs
RESERVED = ("enabled", "paused", "disabled")  # values of the opt-in tag, so not allowed as profile names


def has_turn(account_id: str, now: datetime) -> bool:
    """Whether the account is to be checked in full and proven today: a tenth of the accounts each day."""
    return (int(account_id) + now.toordinal()) % FULL_CHECK_DAYS == 0


class Unit(BaseModel):
    """An organizational unit, or the root, with its tags."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: str
    tags: dict[str, str]


class Account(BaseModel):
    """An account as Organizations describes it now.

    `unit` is the nearest parent that has the opt-in tag; it counts only when the account itself has no such tag. If the
    parents are not known for now (`is_placed` is false), it is not known either what the account opts in to. `above`:
    the ids of all parents, nearest first, the root last; None: they were not read. `ou`: the name of its OU, only if a
    profile needs it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: AccountId
    name: str
    state: str
    tags: dict[str, str]
    unit: Unit | None = None
    is_placed: bool = True
    above: tuple[str, ...] | None = None
    ou: str = ""

    @property
    def is_active(self) -> bool:
        """Only an active account can get or keep a connection."""
        return self.state == ACTIVE


class TagValues(BaseModel):
    """What the account's tags say about its profiles: names, by what they name. None: there is no such tag.

    The account's own id in a bucket's name is written `{account}`, so that accounts which ask for the same are alike.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    workgroup: tuple[str, ...] | None = None
    databases: tuple[str, ...] | None = None
    buckets: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None


class AccountValues(TagValues):
    """What makes a profile the account's own: what its tags say, and who publishes to it.

    `publishers`: one word for each place that the consumer role's template has: an account, and the profiles through
    which it publishes (`111122223333 sales`). An empty word is a free place. `emptied`: the places of grants in Lake
    Formation that stay empty for now, because their grants change.
    """

    publishers: tuple[Publisher, ...] = ()
    emptied: tuple[int, ...] = ()


class Hub(BaseModel):
    """The hub account, Quick's Region and the organization: all names are built from them.

    `run_as_role_arn`: of the first run-as role. `run_as_roles`: how many there are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    account_id: AccountId
    management_account_id: AccountId
    region: str
    partition: str
    organization_id: str
    root_id: str
    run_as_role_arn: str
    deployment_id: str
    external_id_match: Literal["exact", "prefix"] = "exact"
    run_as_roles: RunAsRole = 1

    def run_as_role(self, number: int) -> str:
        """The ARN of a run-as role."""
        return self.run_as_role_arn if number == 1 else f"{self.run_as_role_arn}-{number}"

    @property
    def ownership_tags(self) -> dict[str, str]:
        """The tags on every resource we create. A resource without them is never changed or deleted."""
        return {"managed-by": "quick-onboarding", "quick-onboarding:deployment": self.deployment_id}

    def ownership_mismatch(self, tags: Mapping[str, str]) -> str:
        """How a resource's tags differ from our ownership tags, as text; empty when the resource is ours."""
        missing = {key: value for key, value in self.ownership_tags.items() if tags.get(key) != value}
        return ", ".join(f"tag {key} is {tags.get(key)!r}, ours is {value!r}" for key, value in missing.items())


class Connection(BaseModel):
    """One account seen through one profile: one consumer role, one access entry, one data source."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    account_id: AccountId
    profile: ProfileName

    @property
    def key(self) -> str:
        """Its name in lists: `account id#profile`."""
        return f"{self.account_id}#{self.profile}"

    @property
    def role_name(self) -> str:
        """The name of the consumer role, and of the stack set that creates it."""
        return f"{NAME_PREFIX}{self.profile}"

    @property
    def data_source_id(self) -> str:
        """The id of the Quick data source. We choose it, so the ARN is known before the data source exists."""
        return f"{NAME_PREFIX}{self.account_id}-{self.profile}"

    @property
    def proof_id(self) -> str:
        """The id of the data set that exists only while the connection is proven."""
        return f"{self.data_source_id}-proof"

    def consumer_role_arn(self, hub: Hub) -> str:
        """The entry in the access policy."""
        return f"arn:{hub.partition}:iam::{self.account_id}:role/{self.role_name}"

    @classmethod
    def of_role(cls, arn: str, hub: Hub) -> "Connection | None":
        """The connection of that consumer role; None when the ARN is not a consumer role's."""
        found = re.fullmatch(rf"arn:{hub.partition}:iam::([0-9]{{12}}):role/{NAME_PREFIX}(.+)", arn)
        return cls._parsed(*found.groups()) if found else None

    @classmethod
    def of_key(cls, key: str) -> "Connection | None":
        """The connection with that key; None when the key is not valid."""
        return cls._parsed(*key.split("#", 1)) if "#" in key else None

    @classmethod
    def of_data_source(cls, data_source_id: str) -> "Connection | None":
        """The connection of that data source; None when the id is not one of ours."""
        found = re.fullmatch(rf"{NAME_PREFIX}([0-9]{{12}})-(.+)", data_source_id)
        return cls._parsed(*found.groups()) if found else None

    @classmethod
    def _parsed(cls, account_id: str, profile: str) -> "Connection | None":
        try:
            return cls(account_id=account_id, profile=profile)
        except ValidationError:
            return None

    def data_source_arn(self, hub: Hub) -> str:
        """The ARN of the data source; Quick sends it as sts:ExternalId."""
        return f"arn:{hub.partition}:quicksight:{hub.region}:{hub.account_id}:datasource/{self.data_source_id}"
