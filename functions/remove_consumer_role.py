"""RemoveConsumerRole: answer that the consumer role is removed from the account, or queue its removal."""

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from control_plane import wiring
from control_plane.logs import logged
from control_plane.steps import consumer_role


@logged
@event_parser(model=consumer_role.RemovalRequest)
def handler(request: consumer_role.RemovalRequest, context: LambdaContext) -> dict[str, bool]:
    """Whether it was answered. The execution gets its answer by its task token, now or from OperateStackSet."""
    return {"answered": consumer_role.remove(request, wiring.role_dependencies())}
