"""RevokeAccess: the run-as role may no longer assume the connection's consumer role."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.steps.access import AccessRequest, Settled, settle

logger = Logger()


@logger.inject_lambda_context
@event_parser(model=AccessRequest)
def handler(request: AccessRequest, context: LambdaContext) -> dict[str, bool]:
    """Whether it is so now; if not, whether it waits for approval, or another writer was at work: come again."""
    logger.append_keys(account_id=request.account_id, profile=request.profile)
    settled = settle(request.wish(allow=False), request.writer, wiring.desk())
    return {"revoked": settled is Settled.DONE, "held": settled is Settled.HELD}
