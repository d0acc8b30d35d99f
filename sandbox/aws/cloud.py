"""What every sandbox service shares: the clock, the gateway, the identities, and the ids of the organization."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from sandbox.aws.gateway import Gateway
from sandbox.aws.identity import Identities, Session, acting_as, acting_boto3_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.aws.clock import Clock

ONE_TRY = Config(retries={"total_max_attempts": 1})  # AWS's own services retry in ways of their own
ORGANIZATIONS_REGION = "us-east-1"  # the only Region with Organizations events


@dataclass(frozen=True)
class Topology:
    """The fixed points of the sandbox's organization."""

    management: str = "111122223333"
    hub: str = "444455556666"
    region: str = "eu-west-1"  # of the hub and of Amazon Quick: not us-east-1, so that events cross Regions


class Cloud:
    """One AWS organization in one process."""

    def __init__(self, clock: Clock, topology: Topology | None = None) -> None:
        self.clock = clock
        self.topology = topology or Topology()
        self.identities = Identities()
        self.gateway = Gateway(self.identities, clock.now)

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client that signs as whoever acts (see `acting_as`)."""
        session: Any = acting_boto3_session(region or self.topology.region)
        return session.client(service, config=ONE_TRY)

    @contextmanager
    def administering(self, account: str) -> Iterator[Session]:
        """Calls inside are an administrator's of that account (a person's, or an AWS service at work there)."""
        with acting_as(self.identities.administrator(account)) as session:
            yield session
