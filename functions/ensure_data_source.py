"""EnsureDataSource: create or update the connection's Quick data source until it works."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.account import Connection
from control_plane.readiness import reachable
from control_plane.steps import data_source

logger = Logger()


class Request(Connection):
    """Which connection, the account's name for authors, and the retries so far."""

    account_name: str
    since: datetime
    now: datetime
    attempt: int


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """Whether it is ready; if not yet, the seconds to wait, the attempt, and Quick's last message."""
    logger.append_keys(account_id=request.account_id, profile=request.profile)
    retry_state = data_source.RetryState(request.since, request.now, request.attempt)
    hub, (profile, lacking) = wiring.hub(), reachable(wiring.profile(request.profile), wiring.quick_account())
    wanted = data_source.wanted(request, request.account_name, profile, hub)
    progress = data_source.ensure(request, wanted, hub, retry_state, wiring.data_sources())
    progress = replace(progress, finding="; ".join(filter(None, (lacking, progress.finding))))
    if progress.message:
        logger.info("retrying after a refusal", refusal=progress.message, attempt=progress.attempt)
    return asdict(progress)
