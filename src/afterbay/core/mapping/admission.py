"""Which sources, destinations and metrics a mapping takes, and which sources are refused by name until they are read.

Decides from the text of a request alone (E1, E14, E16, R14, R18, R20); nothing is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from afterbay.core.change.source import SourceKind, consumer_of, source_kind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, members, text
from afterbay.errors import SettingsError

__all__ = [
    "FIFO",
    "STANDARD_QUEUE",
    "STANDARD_TOPIC",
    "UNSUPPORTED",
    "check_destination",
    "check_metrics",
    "check_on_success",
    "check_source",
    "check_unsupported",
]

UNSUPPORTED = (
    "ScalingConfig",
    "ProvisionedPollerConfig",
    "LoggingConfig",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "SelfManagedEventSource",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
)
"""Parameters that no stream source takes (R20)."""

_OF_STREAMS = (
    "ParallelizationFactor",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
)
_POSITIONS = ("StartingPosition", "StartingPositionTimestamp")

_HEAD = r"arn:aws[a-zA-Z-]*"
STANDARD_QUEUE = re.compile(_HEAD + r":sqs:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]{1,80}")
STANDARD_TOPIC = re.compile(_HEAD + r":sns:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]{1,256}")
_DESTINATIONS = (
    STANDARD_QUEUE,
    STANDARD_TOPIC,
    re.compile(_HEAD + r":s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
)
FIFO = re.compile(_HEAD + r":(sqs|sns):[^:]*:[^:]*:[^:]+\.fifo")
_KAFKA = "kafka://"


def check_source(arn: str | None) -> str:
    """The ARN of a table's stream with its label, of a Kinesis stream or of a queue (R1); nothing is looked up.

    Kinesis consumers are refused by name; what AWS would not read either is E1.
    """
    stream = consumer_of(arn or "")
    if stream is not None:
        raise SettingsError(
            f"EventSourceArn {arn}: enhanced fan-out is not implemented: read the stream itself, {stream}"
        )
    try:
        source_kind(arn or "")
    except SettingsError as error:
        given = f"EventSourceArn is {arn!r}" if arn else "EventSourceArn is missing"
        raise SettingsError("Unrecognized event source.", hint=f"{given}: {error}") from error
    return arn or ""


def check_destination(arn: str) -> str:
    """The ARN of a standard queue, a standard topic or a bucket (R14). All texts are ours: AWS's are not captured."""
    if any(form.fullmatch(arn) for form in _DESTINATIONS):
        return arn
    allowed = "use a standard SQS queue, a standard SNS topic or an S3 bucket"
    if arn.startswith(_KAFKA):
        raise SettingsError(
            f"DestinationConfig.OnFailure {arn}: a Kafka topic serves Kafka sources only (R119): {allowed}"
        )
    if FIFO.fullmatch(arn):
        raise SettingsError(f"DestinationConfig.OnFailure {arn}: a FIFO queue or topic is not supported: {allowed}")
    raise SettingsError(
        f"DestinationConfig.OnFailure {arn}: this is not the ARN of an on-failure destination: {allowed}"
    )


def check_unsupported(params: Mapping[str, JsonValue], kind: SourceKind) -> None:
    """Refuse what belongs to other kinds of source (E16, recorded for ScalingConfig; Q4 for queues)."""
    if kind is SourceKind.QUEUE:
        _check_of_streams(params)
    for name in UNSUPPORTED:
        if not params.get(name) or (name == "ScalingConfig" and kind is SourceKind.QUEUE):
            continue
        if name == "ProvisionedPollerConfig" and kind is SourceKind.QUEUE:
            raise SettingsError("ProvisionedPollerConfig is not implemented: leave it out, or use ScalingConfig")
        raise _unsupported(name)


def check_on_success(params: Mapping[str, JsonValue], kind: SourceKind) -> None:
    """E14: known before the function is looked up (R25)."""
    config = members(params, "DestinationConfig") or {}
    if not text(members(config, "OnSuccess") or {}, "Destination"):
        return
    if kind is SourceKind.QUEUE:
        raise _unsupported("DestinationConfig")
    raise SettingsError("OnSuccess configuration is not supported for event source mappings.")


def _check_of_streams(params: Mapping[str, JsonValue]) -> None:
    for name in _POSITIONS:
        if params.get(name) is not None:
            raise SettingsError(f"{name} is not valid for SQS event sources.")
    for name in _OF_STREAMS:
        if params.get(name) is not None:
            raise _unsupported(name)
    if _names_destination(params):
        raise _unsupported("DestinationConfig")


def _names_destination(params: Mapping[str, JsonValue]) -> bool:
    """Whether letters are to go anywhere: an empty config says nothing, at any depth."""
    config = members(params, "DestinationConfig") or {}
    return any(text(members(config, event) or {}, "Destination") for event in ("OnFailure", "OnSuccess"))


def _unsupported(name: str) -> SettingsError:
    return SettingsError(f"Unsupported {name} parameter for given event source mapping type.")


def check_metrics(params: Mapping[str, JsonValue]) -> bool | None:
    """Whether the request asks for EventCount; None where it does not say.

    A metric of another kind of source is AWS's refusal (R18); its text is not captured.
    """
    config = members(params, "MetricsConfig")
    if config is None:
        return None
    metrics = items(config, "Metrics") or []
    for metric in metrics:
        if metric != "EventCount":
            raise SettingsError(f"Unsupported metric {metric} for given event source mapping type.")
    return bool(metrics)
