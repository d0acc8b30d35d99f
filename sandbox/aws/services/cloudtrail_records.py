"""A call in CloudTrail's words: the parts of a record that every service's records share. Pure.

Sources: CloudTrail User Guide, cloudtrail-event-reference-record-contents and -user-identity; Organizations User Guide,
orgs_cloudtrail-integration (the example log entries).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.aws.identity import Session
from sandbox.aws.policy import Principal

_REDACTED = {"email", "accountName"}


def status_time(time: datetime) -> str:
    """A time as the details of a service event write it: `Sep 16, 2020 9:20:50 PM`."""
    return f"{time:%b} {time.day}, {time.year} {time.hour % 12 or 12}:{time:%M:%S %p}"


def iso(time: datetime) -> str:
    """A time as a record writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def identity(session: Session, now: str) -> dict[str, Any]:
    """Who called: every caller here has the session of a role."""
    return {**role_identity(session.principal, now), "accessKeyId": session.access_key}


def role_identity(principal: Principal, now: str) -> dict[str, Any]:
    """The session of a role, by its principal alone."""
    session_arn = principal.session_arn or principal.arn
    return {
        "type": "AssumedRole",
        "principalId": f"{principal.unique_id}:{session_arn.rsplit('/', 1)[-1]}",
        "arn": session_arn,
        "accountId": principal.account,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": principal.unique_id,
                "arn": principal.arn,
                "accountId": principal.account,
                "userName": principal.arn.rsplit("/", 1)[-1],
            },
            "attributes": {"creationDate": now, "mfaAuthenticated": "false"},
        },
    }


def camel(value: Any) -> Any:
    """CloudTrail writes member names with a small first letter, and times in words."""
    if isinstance(value, Mapping):
        return {f"{key[:1].lower()}{key[1:]}": camel(inner) for key, inner in value.items()}
    if isinstance(value, datetime):
        return status_time(value)
    return [camel(inner) for inner in value] if isinstance(value, list) else value


def redacted(value: Any) -> Any:
    """Names and addresses of accounts are kept secret."""
    if isinstance(value, Mapping):
        return {key: "****" if key in _REDACTED else redacted(inner) for key, inner in value.items()}
    return [redacted(inner) for inner in value] if isinstance(value, list) else value
