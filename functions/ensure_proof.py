"""EnsureProof: let Quick run one query through the connection, and see what it proves."""

from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.account import AccountValues, Connection
from control_plane.logs import logged, logger
from control_plane.narrowing import fit
from control_plane.proof import statement
from control_plane.steps import proof
from control_plane.steps.data_source import RetryState


class Request(Connection):
    """Which connection, since when it may be queried, how far its proof is, and what the account's tags say."""

    execution: str = ""  # the holder of the claim, for the log
    since: datetime
    now: datetime
    so_far: proof.Progress
    values: AccountValues = AccountValues()


@logged
@event_parser(model=Request)
def handler(request: Request, context: LambdaContext) -> dict[str, Any]:
    """How far it is now: not ended, with the seconds to wait; or what is proven, or why not."""
    retry_state = RetryState(request.since, request.now, request.so_far.attempt)
    sql = statement(fit(request.profile, wiring.profile(request.profile), request.values))
    progress = proof.ensure(request, sql, wiring.hub(), request.so_far, retry_state, wiring.proof_data_sets())
    logger.info("proof", extra={"progress": progress.model_dump(mode="json", exclude_defaults=True)})
    return progress.model_dump(mode="json")
