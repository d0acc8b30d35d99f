"""EnsureConsumerRole: answer that the account has its consumer role, or queue the change that it needs."""

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.logs import logged
from control_plane.steps import consumer_role


@logged
@event_parser(model=consumer_role.RoleRequest)
def handler(request: consumer_role.RoleRequest, context: LambdaContext) -> dict[str, bool]:
    """Whether it is ready. The execution gets its answer by its task token, now or from OperateStackSet."""
    return {"done": consumer_role.ensure(request, wiring.profile(request.profile), wiring.role_dependencies())}
