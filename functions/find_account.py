"""FindAccount: what an event asks us to look at."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import events, wiring

logger = Logger()


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Kind and id of what the event is about, what is to be swept if it is no one account; the event in a few words."""
    subject = events.find_subject(event, wiring.hub().management_account_id)
    found = {"kind": subject.kind, "id": subject.id, "event": events.describe(event)}
    logger.info("found subject", extra={"subject": found, "accounts": len(subject.scope)})
    return {**found, "scope": list(subject.scope) or subject.id}
