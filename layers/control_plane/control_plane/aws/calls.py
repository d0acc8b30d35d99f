"""How every call to AWS is made: one retry layer (the state machine's), and AWS's error codes in our names."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnection

from control_plane.errors import (
    AccountNotFound,
    MissingPermission,
    NotDelegatedAdministrator,
    StackSetBusy,
    Throttled,
)

# Retrying here as well would multiply the state machine's retries.
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)

# No connection, a connection lost, or no whole answer in time. Not all that fails on the way is an HTTPClientError.
NETWORK = (HTTPClientError, NoConnection, IncompleteReadError)

BY_CODE: dict[str, type[Exception]] = {
    "Throttling": Throttled,
    "ThrottlingException": Throttled,
    "RequestLimitExceeded": Throttled,
    "TooManyRequestsException": Throttled,
    "ProvisionedThroughputExceededException": Throttled,
    "RequestThrottled": Throttled,
    "RequestThrottledException": Throttled,
    "ThrottledException": Throttled,
    "EC2ThrottledException": Throttled,
    "SlowDown": Throttled,
    "BandwidthLimitExceeded": Throttled,
    # Busy with somebody else's change, or with our own request before this one:
    "ConcurrentModification": Throttled,
    "ConcurrentModificationException": Throttled,
    "EntityTemporarilyUnmodifiable": Throttled,
    "EntityTemporarilyUnmodifiableException": Throttled,
    "PriorRequestNotComplete": Throttled,
    "TransactionInProgressException": Throttled,
    # Not well, or too slow; most come with a status of 5xx, and pass by that:
    "RequestTimeout": Throttled,
    "RequestTimeoutException": Throttled,
    "ServiceUnavailable": Throttled,
    "ServiceUnavailableException": Throttled,
    "InternalFailure": Throttled,
    "InternalFailureException": Throttled,
    "OperationInProgressException": StackSetBusy,
    "StaleRequestException": StackSetBusy,
    "AccountNotFoundException": AccountNotFound,
    "AccessDenied": MissingPermission,
    "AccessDeniedException": MissingPermission,
}

# CloudFormation has said "Account used is not a delegated administrator" and "You must be the management account or
# delegated admin account of an organization ..."; Organizations says the second to members it tells nothing.
NO_ADMINISTRATOR = {
    "ValidationError": "delegated admin",
    "AccessDeniedException": "you don't have permissions to access this resource",
}
OF_ORGANIZATIONS = ("DescribeAccount", "ListAccounts")  # the first calls of an assessment and of a sweep


def code_of(error: ClientError) -> str:
    """AWS's error code."""
    return error.response.get("Error", {}).get("Code", "")


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn the errors we have a plan for into our names; every other error rises as it is."""
    try:
        yield
    except NETWORK as error:
        raise Throttled(f"no answer from AWS: {type(error).__name__}: {error}") from error
    except ClientError as error:
        if _denies_delegation(error):
            raise NotDelegatedAdministrator(str(error)) from error
        known = _known(error)
        if known is None:
            raise
        raise known(str(error)) from error


def _known(error: ClientError) -> type[Exception] | None:
    """Our name for an error; AWS's own faults (5xx) pass like a throttle does."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return BY_CODE.get(code_of(error)) or (Throttled if status >= 500 else None)


def _denies_delegation(error: ClientError) -> bool:
    code = code_of(error)
    if code == "AccessDeniedException" and error.operation_name not in OF_ORGANIZATIONS:
        return False
    return code in NO_ADMINISTRATOR and NO_ADMINISTRATOR[code] in str(error).lower()


@contextmanager
def tolerating(*codes: str) -> Iterator[None]:
    """These answers mean the world is already as we want it."""
    try:
        yield
    except ClientError as error:
        if code_of(error) not in codes:
            raise
