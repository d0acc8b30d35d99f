"""FindAccount: what an event asks us to look at."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import events

logger = Logger()


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Kind (account, unit of the organization, other) and id of what the event is about; and it in a few words."""
    subject = events.find_subject(event)
    about = events.describe(event)
    logger.info("found subject", extra={"subject": asdict(subject), "event_name": about})
    return {**asdict(subject), "event": about}
