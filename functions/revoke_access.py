"""RevokeAccess: the run-as role may no longer assume the connection's consumer role."""

from typing import Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.logs import logged
from control_plane.steps.access_requests import RevokeRequest, revoke


@logged
@event_parser(model=RevokeRequest)
def handler(request: RevokeRequest, context: LambdaContext) -> dict[str, Any]:
    """Whether access is revoked; if not, whether it waits for approval. If neither: try again after a pause."""
    request.check_claim(wiring.registry())
    return revoke(request, wiring.access_dependencies()).model_dump()
