"""What becomes of each way a call to AWS can fail."""

import inspect
import re
from typing import Any

import botocore.exceptions
import pytest
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from control_plane.aws.calls import named_errors
from control_plane.errors import AccountNotFound, MissingPermission, NotDelegatedAdministrator, StackSetBusy, Throttled

CLASSES = {
    name: each
    for name, each in vars(botocore.exceptions).items()
    if inspect.isclass(each) and issubclass(each, BotoCoreError)
}

# The way to AWS failed: the same call may succeed a moment later, so each becomes Throttled, which is retried.
NETWORK = {
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ConnectionError",
    "EndpointConnectionError",
    "HTTPClientError",
    "IncompleteReadError",
    "ProxyConnectionError",
    "ReadTimeoutError",
    "ResponseStreamingError",
    "SSLError",
}
# No second call mends these, so each rises as it is and is recorded under its own name. Why, and which:
RISING = {
    "the base of all": "BotoCoreError",
    "the request was wrong before it was sent": (
        "AliasConflictParameterError InvalidDNSNameError InvalidExpressionError InvalidHostLabelError "
        "MissingParametersError MissingServiceIdError OperationNotPageableError PaginationError ParamValidationError "
        "RangeError UndefinedModelAttributeError UnknownClientMethodError UnknownKeyError UnknownParameterError "
        "UnsupportedOutpostResourceError UnsupportedS3AccesspointConfigurationError UnsupportedS3ArnError "
        "UnsupportedS3ControlArnError ValidationError"
    ),
    "the client was made wrongly, for a Region or endpoint there is not": (
        "ApiVersionNotFoundError BaseEndpointResolverError ConfigNotFound ConfigParseError DataNotFoundError "
        "EndpointProviderError EndpointResolutionError EndpointVariantError InfiniteLoopConfigError "
        "InvalidChecksumConfigError InvalidConfigError InvalidDefaultsMode InvalidEndpointConfigurationError "
        "InvalidEndpointDiscoveryConfigurationError InvalidIMDSEndpointError InvalidIMDSEndpointModeError "
        "InvalidMaxRetryAttemptsError InvalidProxiesConfigError InvalidRegionError InvalidRetryConfigurationError "
        "InvalidRetryModeError InvalidS3AddressingStyleError InvalidS3UsEast1RegionalEndpointConfigError "
        "InvalidSTSRegionalEndpointsConfigError MD5UnavailableError MissingDependencyException NoRegionError "
        "ProfileNotFound ServiceNotInRegionError UnknownEndpointError UnknownEndpointResolutionBuiltInName "
        "UnknownFIPSEndpointError UnknownRegionError UnknownServiceError UnknownServiceStyle "
        "UnknownSignatureVersionError UnsupportedS3ConfigurationError UnsupportedS3ControlConfigurationError "
        "UnsupportedServiceProtocolsError UnsupportedSignatureVersionError"
    ),
    "credentials: a function has them in its environment, it asks nobody": (
        "CredentialRetrievalError LoginAuthorizationCodeError LoginError LoginInsufficientPermissions "
        "LoginRefreshRequired LoginTokenLoadError MetadataRetrievalError NoAuthTokenError NoCredentialsError "
        "PartialCredentialsError RefreshWithMFAUnsupportedError SSOError SSOTokenLoadError TokenRetrievalError "
        "UnauthorizedSSOTokenError UnknownCredentialError UnknownTokenProviderError"
    ),
    "streams, checksums and multiparts of services we do not use": (
        "AwsChunkedWrapperError CapacityNotAvailableError ChecksumError FlexibleChecksumError UnseekableStreamError"
    ),
    "waiters and stubs: the control plane has none": (
        "StubAssertionError StubResponseError UnStubbedResponseError WaiterConfigError WaiterError"
    ),
}


def test_every_class_of_botocore_has_a_place_here() -> None:
    told = [name for names in RISING.values() for name in names.split()]
    assert sorted([*told, *NETWORK]) == sorted({*told, *NETWORK})
    assert {*told, *NETWORK} >= set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_failure_of_the_network_is_retried_and_nothing_else(name: str) -> None:
    error = _made(CLASSES[name])
    with pytest.raises(Exception, match=r"(?s).*") as caught, named_errors():
        raise error
    if name in NETWORK:
        assert type(caught.value) is Throttled
        assert str(caught.value) == f"no answer from AWS: {name}: {error}"
    else:
        assert caught.value is error


def _made(kind: type[BotoCoreError]) -> BotoCoreError:
    """One of the class, whatever its message wants to know."""
    wanted: Any = {name: name for name in re.findall(r"{(\w+)", kind.fmt)}
    more: Any = {"last_response": {}} if kind is WaiterError else {}
    return kind(**wanted, **more)


def refused(code: str, message: str = "no", status: int = 400, operation: str = "DescribeStackInstance") -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        *(
            (refused(code), Throttled)
            for code in (
                "Throttling",
                "ThrottlingException",
                "TooManyRequestsException",
                "ConcurrentModification",
                "ConcurrentModificationException",
                "EntityTemporarilyUnmodifiable",
                "EntityTemporarilyUnmodifiableException",
                "PriorRequestNotComplete",
                "RequestTimeout",
                "RequestTimeoutException",
                "ServiceUnavailable",
                "TransactionInProgressException",
            )
        ),
        (refused("WhateverIsNew", status=500), Throttled),
        (refused("WhateverIsNew", status=503), Throttled),
        (refused("OperationInProgressException"), StackSetBusy),
        (refused("AccountNotFoundException"), AccountNotFound),
        (refused("AccessDenied"), MissingPermission),
        (refused("WhateverIsNew"), ClientError),
        (refused("LimitExceededException"), ClientError),
        (refused("ValidationError", "1 validation error detected"), ClientError),
    ],
    ids=str,
)
def test_awss_codes_get_our_names(error: ClientError, ours: type[Exception]) -> None:
    with pytest.raises(ours) as caught, named_errors():
        raise error
    assert type(caught.value) is ours


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationError", "Account used is not a delegated administrator"),
        ("ValidationError", "You must be the management account or delegated admin account of an organization before"),
        ("ValidationError", "You must be the master or delegated admin account of an organization before operating"),
    ],
)
def test_the_missing_delegated_administrator_is_recognised_in_all_of_awss_words(code: str, message: str) -> None:
    with pytest.raises(NotDelegatedAdministrator, match=re.escape(message)), named_errors():
        raise refused(code, message)


@pytest.mark.parametrize(
    ("operation", "ours"),
    [
        ("DescribeAccount", NotDelegatedAdministrator),
        ("ListAccounts", NotDelegatedAdministrator),
        ("DescribeDataSource", MissingPermission),
    ],
)
def test_what_organizations_says_to_a_member_it_tells_nothing_is_recognised(
    operation: str, ours: type[Exception]
) -> None:
    with pytest.raises(ours) as caught, named_errors():
        raise refused("AccessDeniedException", "You don't have permissions to access this resource.", 400, operation)
    assert type(caught.value) is ours
