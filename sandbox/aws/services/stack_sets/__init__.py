"""CloudFormation stack sets with service-managed permissions, in place of moto's, which ignore most of the request."""

from sandbox.aws.services.stack_sets.api import StackSets
from sandbox.aws.services.stack_sets.organization import SERVICE_PRINCIPAL, Organization

__all__ = ["SERVICE_PRINCIPAL", "Organization", "StackSets"]
