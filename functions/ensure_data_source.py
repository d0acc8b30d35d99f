"""EnsureDataSource: the connection's Quick data source present and working."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.account import Connection
from control_plane.steps import data_source

logger = Logger()


class Request(Connection):
    """Which connection, how authors will see it, and how long it has been tried."""

    account_name: str
    since: datetime
    now: datetime
    attempt: int


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """Whether it is ready; if not yet, the seconds to wait, the attempt, and what Quick said last."""
    logger.append_keys(account_id=request.account_id, profile=request.profile)
    patience = data_source.Patience(request.since, request.now, request.attempt)
    hub, profile = wiring.hub(), wiring.profile(request.profile)
    wanted = data_source.wanted(request, request.account_name, profile, hub)
    progress = data_source.ensure(request, wanted, hub, patience, wiring.data_sources())
    if progress.message:
        logger.info("waits out a refusal", refusal=progress.message, attempt=progress.attempt)
    return asdict(progress)
