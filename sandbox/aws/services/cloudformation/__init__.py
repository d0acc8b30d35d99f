"""CloudFormation for real templates: the SAM transform, change sets, roll-back, and resource types moto lacks."""

from sandbox.aws.services.cloudformation.api import CloudFormation

__all__ = ["CloudFormation"]
