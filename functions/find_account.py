"""FindAccount: which account an event is about."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import events, wiring
from control_plane.logs import logged, logger


@logged
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """The event's subject (kind and id), a short description, who caused it and when, what to sweep if several."""
    subject = events.find_subject(event, wiring.hub().management_account_id)
    found = {"kind": subject.kind, "id": subject.id, "event": events.describe(event)}
    found["requested_by"] = events.requested_by(event)
    found |= {"requested_at": at} if (at := events.requested_at(event)) else {}
    if subject.kind == "account":
        logger.thread_safe_append_keys(account_id=subject.id)
    logger.info("found subject", extra={"subject": found, "accounts": len(subject.scope)})
    return {**found, "scope": list(subject.scope) or subject.id}
