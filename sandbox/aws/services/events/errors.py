"""Why a target did not take an event: EventBridge's error codes, and which of them are worth another try.

Sources: EventBridge User Guide, eb-rule-dlq (codes), eb-rule-retry-policy (a missing permission or target is
not retried); AWS re:Post, eventbridge-resolve-failedinvocation-errors (only 5xx and 429 are).
"""

from botocore.exceptions import ClientError
from moto.core.exceptions import ServiceException

_CODES = (  # the first whose words are in the service's error code; True: worth another try
    ("AccessDenied", "NO_PERMISSIONS", False),
    ("NotAuthorized", "NO_PERMISSIONS", False),
    ("AuthorizationError", "NO_PERMISSIONS", False),
    ("NotFound", "NO_RESOURCE", False),
    ("DoesNotExist", "NO_RESOURCE", False),
    ("NonExistent", "NO_RESOURCE", False),
    ("AlreadyExists", "RESOURCE_ALREADY_EXISTS", False),
    ("Throttl", "THROTTLING", True),
    ("TooManyRequests", "THROTTLING", True),
    ("LimitExceeded", "RESOURCE_LIMIT_EXCEEDED", True),
    ("Internal", "ERROR_FROM_TARGET", True),
    ("Unavailable", "ERROR_FROM_TARGET", True),
    ("", "ERROR_FROM_TARGET", False),
)


class TargetError(Exception):
    """A delivery failed; `retried` says whether it is worth another try. Targets may raise it themselves."""

    def __init__(self, code: str, message: str, *, retried: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.retried = code, message, retried


def as_target_error(error: Exception) -> TargetError:
    """What EventBridge makes of a service's error; anything else is a defect of the sandbox and is raised."""
    if isinstance(error, TargetError):
        return error
    if isinstance(error, ClientError):
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    elif isinstance(error, ServiceException):
        code, message = error.code, error.message
    else:
        raise error
    ours, retried = next((ours, retried) for words, ours, retried in _CODES if words in code)
    return TargetError(ours, f"{code}: {message}", retried=retried)
