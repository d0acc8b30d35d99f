"""EnsureAccess: the run-as role may assume the connection's consumer role."""

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.logs import logged
from control_plane.steps.access_requests import GrantRequest, grant


@logged
@event_parser(model=GrantRequest)
def handler(request: GrantRequest, context: LambdaContext) -> None:
    """Ask for access. The execution gets its answer by its task token, now or from whoever writes."""
    request.check_claim(wiring.registry())
    grant(request, wiring.access_dependencies())
