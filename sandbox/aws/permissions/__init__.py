"""Which permissions each API call needs, and whether its caller has them: every role's call is checked."""

from sandbox.aws.permissions.check import Permissions

__all__ = ["Permissions"]
