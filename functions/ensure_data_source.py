"""EnsureDataSource: create or update the connection's Quick data source until it works."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.account import AccountValues, Connection
from control_plane.logs import logged, logger
from control_plane.steps import data_source


class Request(Connection):
    """Which connection, the names of account and OU, the retries so far, what the account's tags say."""

    execution: str = ""  # the holder of the claim, for the log
    account_name: str
    since: datetime
    now: datetime
    attempt: int
    values: AccountValues = AccountValues()
    ou: str = ""
    unplaced: str = ""  # which publishers have no place in its role's stack


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """Whether it is ready; if not yet, the seconds to wait, the attempt, and Quick's last message."""
    hub, (profile, lacking) = wiring.hub(), wiring.fitted_profile(request.profile, request.values)
    wanted = data_source.wanted(request, request.account_name, profile, hub, request.ou)
    retry = data_source.RetryState(request.since, request.now, request.attempt)
    progress = data_source.ensure(request, wanted, hub, retry, wiring.data_sources())
    if progress.message:
        logger.info("retrying after a refusal", refusal=progress.message, attempt=progress.attempt)
    return asdict(progress.also_lacking(lacking, request.unplaced))
