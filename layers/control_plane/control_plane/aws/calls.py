"""How calls to AWS are made: the state machines retry them, and AWS's error codes become our error classes."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

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

# Retries here would multiply the retries of the state machine.
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)

# No connection, a lost connection, or no complete answer in time. Not all of these are an HTTPClientError.
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
    # Busy with another change, or with our own previous request:
    "ConcurrentModification": Throttled,
    "ConcurrentModificationException": Throttled,
    "EntityTemporarilyUnmodifiable": Throttled,
    "EntityTemporarilyUnmodifiableException": Throttled,
    "PriorRequestNotComplete": Throttled,
    "TransactionInProgressException": Throttled,
    # Failing or too slow; most have an HTTP status of 5xx, but not all:
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
# delegated admin account of an organization ..."; Organizations says the second to members without permission.
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
    """Raise known errors of AWS as our error classes; every other error is raised unchanged."""
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
    """Our class for an error. Faults of AWS (5xx) are temporary, like a throttle."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return BY_CODE.get(code_of(error)) or (Throttled if status >= 500 else None)


def _denies_delegation(error: ClientError) -> bool:
    code = code_of(error)
    if code == "AccessDeniedException" and error.operation_name not in OF_ORGANIZATIONS:
        return False
    return code in NO_ADMINISTRATOR and NO_ADMINISTRATOR[code] in str(error).lower()


def unless_missing(missing: str | Collection[str], call: Callable[..., Any], **request: Any) -> Any | None:
    """The response of a call; None when AWS answers with one of the error codes that mean: it does not exist."""
    codes = (missing,) if isinstance(missing, str) else missing
    try:
        with named_errors():
            return call(**request)
    except ClientError as error:
        if code_of(error) in codes:
            return None
        raise


@contextmanager
def tolerating(*codes: str) -> Iterator[None]:
    """Ignore these error codes: they mean that the desired state is reached already."""
    try:
        yield
    except ClientError as error:
        if code_of(error) not in codes:
            raise
