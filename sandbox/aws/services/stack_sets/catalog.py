"""Which stack sets there are, and who may see them."""

from sandbox.aws.gateway import AwsError, Call
from sandbox.aws.services.stack_sets.instance import Instance, StackSet
from sandbox.aws.services.stack_sets.operation import Operation
from sandbox.aws.services.stack_sets.organization import SERVICE_PRINCIPAL, Organization

NOT_ADMINISTRATOR = "Account used is not a delegated administrator"  # to whoever says CallAs DELEGATED_ADMIN
NOT_SAID = (
    "You must be the management account or delegated admin account of an organization before operating a "
    "SERVICE_MANAGED stack set"
)


class Catalog:
    """The stack sets of the organization, by Region; they belong to the management account."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self._sets: dict[str, dict[str, StackSet]] = {}  # by Region, then by name

    def visible(self, call: Call, *, claiming: bool = False) -> dict[str, StackSet]:
        """The sets a caller sees: CallAs SELF is another space for everybody but the management account."""
        administrators = self.organization.delegated_administrators(SERVICE_PRINCIPAL)
        delegated = call.parameters.get("CallAs") == "DELEGATED_ADMIN"
        if delegated and call.account not in administrators:
            raise AwsError("ValidationError", NOT_ADMINISTRATOR)
        if delegated or call.account == self.organization.management_account:
            return self._sets.setdefault(call.region, {})
        if claiming:
            raise AwsError("ValidationError", NOT_SAID)
        return {}

    def find(self, call: Call) -> StackSet:
        """The set a request names. Raises StackSetNotFoundException."""
        name = call.parameters["StackSetName"]
        for stack_set in self.visible(call).values():
            if name in {stack_set.name, stack_set.identity}:
                return stack_set
        raise AwsError("StackSetNotFoundException", f"StackSet {name} not found")

    @staticmethod
    def find_instance(call: Call, stack_set: StackSet) -> Instance:
        """The instance a request names. Raises StackInstanceNotFoundException."""
        account, region = call.parameters["StackInstanceAccount"], call.parameters["StackInstanceRegion"]
        instance = stack_set.instances.get((account, region))
        if instance is None:
            raise AwsError(
                "StackInstanceNotFoundException", f"Stack instance not found for account {account} in {region}"
            )
        return instance

    @staticmethod
    def find_operation(call: Call, stack_set: StackSet) -> Operation:
        """The operation a request names. Raises OperationNotFoundException."""
        identity = call.parameters["OperationId"]
        if identity not in stack_set.operations:
            raise AwsError("OperationNotFoundException", f"Operation {identity} not found")
        return stack_set.operations[identity]
