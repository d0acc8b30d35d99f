"""Words the tests of IAM, STS, permissions and Quick share: roles, policies, time."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.aws.clock import VirtualClock
from sandbox.aws.identity import acting_as

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest
    from botocore.exceptions import ClientError

    from sandbox.aws.cloud import Cloud
    from sandbox.aws.identity import Session
    from sandbox.aws.services.iam import Iam

HUB, MEMBER = "444455556666", "777788889999"
Statement = dict[str, Any]


def document(*statements: Statement) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **conditions: Any) -> Statement:
    """An Allow statement of an identity policy."""
    condition = {"Condition": conditions} if conditions else {}
    return {"Effect": "Allow", "Action": action, "Resource": resource, **condition}


def trusting(principal: dict[str, Any], **conditions: Any) -> str:
    """A trust policy."""
    condition = {"Condition": conditions} if conditions else {}
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **condition})


def role_arn(name: str, account: str = HUB) -> str:
    """A role's ARN."""
    return f"arn:aws:iam::{account}:role/{name}"


def create_role(
    cloud: Cloud, name: str, statements: Iterable[Statement] = (), trust: str = "", account: str = HUB
) -> str:
    """A role with one inline policy; without `trust` Lambda may assume it."""
    with cloud.administering(account):
        iam = cloud.client("iam")
        trust = trust or trusting({"Service": "lambda.amazonaws.com"})
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(*statements))
    return role_arn(name, account)


def put(cloud: Cloud, name: str, *statements: Statement, account: str = HUB) -> None:
    """Replace a role's inline policy."""
    with cloud.administering(account):
        cloud.client("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(*statements))


def session_of(cloud: Cloud, iam: Iam, arn: str) -> Session:
    """A session of a role, without asking its trust."""
    role = iam.documents_of(arn)
    assert role is not None
    return cloud.identities.role_session(role.principal)


@contextmanager
def acting(cloud: Cloud, iam: Iam, *statements: Statement, name: str = "worker") -> Iterator[Session]:
    """Calls inside are made by a role with these permissions, long in force."""
    arn = create_role(cloud, name, statements)
    iam.settle()
    with acting_as(session_of(cloud, iam, arn)) as session:
        yield session


def wait(cloud: Cloud, seconds: float) -> None:
    """Let virtual time pass."""
    assert isinstance(cloud.clock, VirtualClock)
    cloud.clock.run(until=cloud.clock.now() + timedelta(seconds=seconds))


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    """AWS's error code."""
    return str(caught.value.response["Error"]["Code"])


def message(caught: pytest.ExceptionInfo[ClientError]) -> str:
    """AWS's words."""
    return str(caught.value.response["Error"]["Message"])
