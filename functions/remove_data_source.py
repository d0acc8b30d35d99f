"""RemoveDataSource: the connection's Quick data source gone, and people told what depended on it."""

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
    """Which connection, what people call its account, and when."""

    account_name: str
    now: datetime


@logger.inject_lambda_context
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """Whether it is gone; if not yet, the seconds to wait before looking again."""
    logger.append_keys(account_id=request.account_id, profile=request.profile)
    quick, impact = wiring.data_sources(), wiring.impact()
    return asdict(data_source.remove(request, request.account_name, wiring.hub(), request.now, quick, impact))
