"""AWS Organizations: the accounts, their place and tags, and the events their changes cause."""

from sandbox.aws.services.organizations.directory import organization_of, organization_path
from sandbox.aws.services.organizations.service import Organizations

__all__ = ["Organizations", "organization_of", "organization_path"]
