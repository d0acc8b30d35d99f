"""How every call to AWS is made: one retry layer (the state machine's), and AWS's error codes in our names."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from control_plane.errors import AccountNotFound, MissingPermission, StackSetBusy, Throttled

# Retrying here as well would multiply the state machine's retries.
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)

BY_CODE: dict[str, type[Exception]] = {
    "Throttling": Throttled,
    "ThrottlingException": Throttled,
    "RequestLimitExceeded": Throttled,
    "TooManyRequestsException": Throttled,
    "ProvisionedThroughputExceededException": Throttled,
    "OperationInProgressException": StackSetBusy,
    "StaleRequestException": StackSetBusy,
    "AccountNotFoundException": AccountNotFound,
    "AccessDenied": MissingPermission,
    "AccessDeniedException": MissingPermission,
}

NO_ADMINISTRATOR = "You must be the management account or delegated admin account"


def code_of(error: ClientError) -> str:
    """AWS's error code."""
    return error.response.get("Error", {}).get("Code", "")


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn the errors we have a plan for into our names; every other error rises as it is."""
    try:
        yield
    except HTTPClientError as error:  # no answer in time, or no connection
        raise Throttled(str(error)) from error
    except ClientError as error:
        known = _known(error)
        if known is None:
            raise
        raise known(str(error)) from error


def _known(error: ClientError) -> type[Exception] | None:
    """Our name for an error; AWS's own faults (5xx) pass like a throttle does."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if NO_ADMINISTRATOR in str(error):  # CloudFormation calls it a ValidationError
        return MissingPermission
    return BY_CODE.get(code_of(error)) or (Throttled if status >= 500 else None)


@contextmanager
def tolerating(*codes: str) -> Iterator[None]:
    """These answers mean the world is already as we want it."""
    try:
        yield
    except ClientError as error:
        if code_of(error) not in codes:
            raise
