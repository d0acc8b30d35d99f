"""FindAccount: which account an event asks us to look at."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import events

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The account's id (none for an OU, the root or a policy) and the event in a few words."""
    account_id = events.find_account(event)
    logger.info("found account", extra={"account_id": account_id, "event_name": events.describe(event)})
    return {"is_account": account_id is not None, "account_id": account_id or "", "event": events.describe(event)}
