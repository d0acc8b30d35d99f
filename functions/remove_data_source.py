"""RemoveDataSource: delete the connection's Quick data source, and report what depended on it."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.account import Connection
from control_plane.logs import logged
from control_plane.steps import data_source


class Request(Connection):
    """Which connection, the account's name, and when."""

    execution: str = ""  # the holder of the claim, for the log
    account_name: str
    now: datetime


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """Whether it is removed; if not yet, the seconds to wait before the next try."""
    quick, removal_dependencies = wiring.data_sources(), wiring.removal_dependencies()
    return asdict(
        data_source.remove(request, request.account_name, wiring.hub(), request.now, quick, removal_dependencies)
    )
