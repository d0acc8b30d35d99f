"""A request to create an account, and what every created account begins with."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.iam.models import iam_backends

from sandbox.aws.services.cloudtrail_records import status_time

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass
class Creation:
    """A request to create an account."""

    request_id: str
    name: str
    requested: datetime
    state: str = "IN_PROGRESS"
    completed: datetime | None = None
    account_id: str | None = None
    failure: str | None = None

    def shown(self) -> dict[str, Any]:
        """As CreateAccount and DescribeCreateAccountStatus show it."""
        members = {
            "Id": self.request_id,
            "AccountName": self.name,
            "State": self.state,
            "RequestedTimestamp": self.requested,
            "CompletedTimestamp": self.completed,
            "AccountId": self.account_id,
            "FailureReason": self.failure,
        }
        return {key: value for key, value in members.items() if value is not None}

    def as_service_event(self) -> dict[str, Any]:
        """As CreateAccountResult reports it."""
        assert self.completed is not None
        members = {
            "id": self.request_id,
            "state": self.state,
            "accountName": "****",
            "accountId": self.account_id,
            "failureReason": self.failure,
            "requestedTimestamp": status_time(self.requested),
            "completedTimestamp": status_time(self.completed),
        }
        return {key: value for key, value in members.items() if value is not None}


def give_administrator_role(management: str, account: str, role_name: str) -> None:
    """The role every created account begins with: the management account may do everything in it."""
    trusted = {"AWS": f"arn:aws:iam::{management}:root"}
    statement = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
    role = iam_backends[account]["aws"].create_role(
        role_name=role_name,
        assume_role_policy_document=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        path="/",
        permissions_boundary=None,
        description="",
        tags=[],
        max_session_duration="3600",
    )
    role.put_policy("AdministratorAccess", json.dumps(EVERYTHING))
