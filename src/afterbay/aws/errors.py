"""A service's error code becomes one of our errors: the one place where foreign failures are read.

Decides by code, then by HTTP status, never by the text of a message. What to do about an error is its catcher's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from afterbay.errors import (
    AfterbayError,
    ConflictError,
    DeniedError,
    IteratorExpiredError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    SettingsError,
    ThrottledError,
    TrimmedError,
    UnavailableError,
)

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

__all__ = ["CREDENTIALS_HINT", "KNOWN_CODES", "bare_code", "from_botocore", "service_error"]

CREDENTIALS_HINT = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or --profile"

_THROTTLED = """
    ActiveSessionsExceededException ActiveStatementsExceededException BandwidthLimitExceeded EC2ThrottledException
    ExecutionLimitExceeded KMSThrottling KMSThrottlingException KmsThrottled KmsThrottlingException
    LimitExceededException OverLimit ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled
    RequestThrottledException ResourceLimitExceeded SlowDown ThrottledException Throttling ThrottlingException
    TooManyRequestsException
"""
_UNAVAILABLE = """
    EC2UnexpectedException EFSIOException EFSMountConnectivityException EFSMountTimeoutException
    ENILimitReachedException ENINotReadyException InternalError InternalErrorException InternalException
    InternalFailure InternalFailureException InternalServerError InternalServerException InternalServiceError
    RequestTimeout RequestTimeoutException ResourceNotReadyException S3FilesMountConnectivityException
    S3FilesMountTimeoutException ServerException ServiceException ServiceTemporarilyUnavailableException
    ServiceUnavailable ServiceUnavailableException SnapStartNotReadyException SnapStartTimeoutException
    SubnetIPAddressLimitReachedException
"""
_DENIED = """
    AccessDenied AccessDeniedException AuthorizationError AuthorizationErrorException BlockedException
    EC2AccessDeniedException ExpiredToken ExpiredTokenException IncompleteSignature IncompleteSignatureException
    InvalidAccessKeyId InvalidClientTokenId InvalidSecurity InvalidSecurityException InvalidSignatureException
    KMSAccessDenied KMSAccessDeniedException KMSOptInRequired KmsAccessDenied KmsAccessDeniedException
    KmsOptInRequired MissingAuthenticationToken MissingAuthenticationTokenException NotAuthorized OptInRequired
    RequestExpired SignatureDoesNotMatch UnrecognizedClientException
"""
_NOT_FOUND = """
    ClusterNotFoundException KMSNotFound KMSNotFoundException KmsNotFound NoSuchBucket NoSuchEntityException
    NoSuchKey NonExistentQueue NotFound NotFoundException QueueDoesNotExist ResourceNotFound
    ResourceNotFoundException RuntimeAliasDeletedException RuntimeVersionDeletedException StateMachineDoesNotExist
"""
_CONFLICT = """
    AgentsAlreadyRunningAssessmentException ConditionalCheckFailedException ConditionalRequestConflict
    ConflictException DurableExecutionAlreadyStartedException OperationAborted PreconditionFailed
    ResourceConflictException ResourceInUseException TransactionCanceledException
"""
_TOO_LARGE = """
    BatchRequestTooLong BatchRequestTooLongException EntityTooLarge RequestTooLargeException
    SerializedRequestEntityTooLargeException
"""
_FINAL = """
    BatchEntryIdsNotDistinct BatchEntryIdsNotDistinctException BatchExecuteStatementException ClientException
    CodeArtifactUserDeletedException CodeArtifactUserFailedException CodeArtifactUserPendingException
    DataAlreadyAcceptedException DecryptionFailure DryRunOperationException EFSMountFailureException
    EmptyBatchRequest EmptyBatchRequestException EncryptionTypeMismatch EndpointDisabled EndpointDisabledException
    ExecutionAlreadyExists ExpiredNextTokenException InvalidAddress InvalidArgumentException InvalidArn
    InvalidAttributeName InvalidBatchEntryId InvalidBatchEntryIdException InvalidCrossAccountRoleException
    InvalidEndpointException InvalidExecutionInput InvalidIdFormat InvalidInputException InvalidKMSResourceException
    InvalidMessageContents InvalidName InvalidObjectState InvalidParameter InvalidParameterException
    InvalidParameterValue InvalidParameterValueException InvalidRequest InvalidRequestContentException
    InvalidRequestException InvalidRuntimeException InvalidSecurityGroupIDException InvalidSequenceTokenException
    InvalidSourceException InvalidSubnetIDException InvalidWriteOffset InvalidZipFileException KMSDisabled
    KMSDisabledException KMSInvalidState KMSInvalidStateException KmsDisabled KmsInvalidKeyUsage KmsInvalidState
    KmsInvalidStateException ModeNotSupportedException NoPublishedVersionException ParameterValueInvalid
    PlatformApplicationDisabled PlatformApplicationDisabledException PlatformTaskDefinitionIncompatibilityException
    PlatformUnknownException ReceiptHandleIsInvalid RecursiveInvocationException RejectedRecordsException
    ResourceAlreadyExistsException S3FilesMountFailureException SerializationException ServiceQuotaExceededException
    SnapStartException SnapStartRegenerationFailureException StateMachineDeleting StateMachineTypeNotSupported
    TooManyEntriesInBatchRequest TooManyEntriesInBatchRequestException TooManyParts UnknownOperationException
    UnsupportedFeatureException UnsupportedMediaTypeException UnsupportedOperation ValidationError
    ValidationException
"""
"""Known, and nothing that waiting or other credentials would mend: a plain ``ServiceError``."""


def _table(*rows: tuple[str, type[ServiceError]]) -> dict[str, type[ServiceError]]:
    return {code: kind for codes, kind in rows for code in codes.split()}


KNOWN_CODES = _table(
    (_THROTTLED, ThrottledError),
    (_UNAVAILABLE, UnavailableError),
    (_DENIED, DeniedError),
    (_NOT_FOUND, NotFoundError),
    (_CONFLICT, ConflictError),
    ("ExpiredIteratorException", IteratorExpiredError),
    ("TrimmedDataAccessException", TrimmedError),
    (_TOO_LARGE, PayloadTooLargeError),
    (_FINAL, ServiceError),
)
"""Service error code -> our error. A test holds it against the service models."""

_BY_STATUS: dict[int, type[ServiceError]] = {
    401: DeniedError,
    403: DeniedError,
    404: NotFoundError,
    408: UnavailableError,
    409: ConflictError,
    412: ConflictError,
    413: PayloadTooLargeError,
    429: ThrottledError,
}
"""For codes that no table knows, such as those of another maker's server."""


def bare_code(text: str) -> str:
    """The code without what services put around it: ``com.amazonaws...#Code`` and ``Code:http://...`` (S3)."""
    return text.rpartition("#")[2].partition(":")[0]


def service_error(code: str, message: str, *, status: int, retry_after_s: float | None = None) -> ServiceError:
    """Our error for a service's answer. ``status`` decides where the code is unknown."""
    code = bare_code(code)
    kind = KNOWN_CODES.get(code.rpartition(".")[2])  # AWS.SimpleQueueService.NonExistentQueue, KMS.DisabledException
    if kind is None:
        kind = UnavailableError if status >= 500 else _BY_STATUS.get(status, ServiceError)
    text = f"{code}: {message}" if message else f"{code} (HTTP status {status})"
    if issubclass(kind, ThrottledError):
        return kind(text, code=code, retry_after_s=retry_after_s)
    return kind(text, code=code)


def from_botocore(error: BotoCoreError | ClientError, *, action: str) -> AfterbayError:
    """Our error for what botocore raised. ``action`` says what was tried, as in ``sqs SendMessage``."""
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        meta = error.response.get("ResponseMetadata", {})
        wait = meta.get("HTTPHeaders", {}).get("retry-after", "")
        message = told.get("Message", "")
        if message.lstrip().startswith("<"):  # botocore hands on whatever text came
            message = "what answers there is no service of AWS's"
        return service_error(
            told.get("Code", "Unknown"),
            f"{action}: {message}",
            status=meta.get("HTTPStatusCode", 500),
            retry_after_s=float(wait) if wait.isdigit() else None,
        )
    return _from_client_side(error, action)


def _from_client_side(error: BotoCoreError, action: str) -> AfterbayError:
    """What failed before an answer came."""
    from botocore import exceptions as theirs

    code = type(error).__name__
    match error:
        case (
            theirs.NoCredentialsError()
            | theirs.PartialCredentialsError()
            | theirs.CredentialRetrievalError()
            | theirs.TokenRetrievalError()
            | theirs.NoAuthTokenError()
            | theirs.SSOError()
        ):
            return DeniedError(f"{action}: {error}", code=code, hint=CREDENTIALS_HINT)
        case theirs.HTTPClientError() | theirs.ConnectionError() | theirs.IncompleteReadError():
            return UnavailableError(f"{action}: {error}", code=code)
        case theirs.NoRegionError():
            return SettingsError(
                f"{action}: no region is set", hint="set --region or AWS_DEFAULT_REGION, as in us-east-1"
            )
        case (
            theirs.ProfileNotFound()
            | theirs.ConfigParseError()
            | theirs.ConfigNotFound()
            | theirs.ParamValidationError()
            | theirs.InvalidRegionError()
            | theirs.UnknownEndpointError()
        ):
            return SettingsError(f"{action}: {' '.join(str(error).split())}")
        case _:
            return ServiceError(f"{action}: {error}", code=code)
