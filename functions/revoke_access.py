"""RevokeAccess: the run-as role may no longer assume the connection's consumer role."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.steps.access import AccessRequest, WriteResult, apply_change

logger = Logger()


@logger.inject_lambda_context
@event_parser(model=AccessRequest)
def handler(request: AccessRequest, context: LambdaContext) -> dict[str, bool]:
    """Whether access is revoked; if not, whether it waits for approval. If neither: try again."""
    logger.append_keys(account_id=request.account_id, profile=request.profile)
    request.check_claim(wiring.registry())
    result = apply_change(request.change(allow=False), request.writer, wiring.access_dependencies())
    return {"revoked": result is WriteResult.DONE, "held": result is WriteResult.HELD}
