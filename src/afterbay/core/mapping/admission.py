"""Which sources, destinations and metrics a mapping takes, and which sources are refused by name until they are read.

Decides from the text of a request alone (E1, E14, E16, R14, R18, R20); nothing is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from afterbay.core.change.source import SourceKind, consumer_of, source_kind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, members
from afterbay.errors import SettingsError

__all__ = [
    "UNSUPPORTED",
    "check_destination",
    "check_metrics",
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

_HEAD = r"arn:aws[a-zA-Z-]*"
_DESTINATIONS = (
    re.compile(_HEAD + r":sqs:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]{1,80}"),
    re.compile(_HEAD + r":sns:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]{1,256}"),
    re.compile(_HEAD + r":s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
)
_FIFO = re.compile(_HEAD + r":(sqs|sns):[^:]*:[^:]*:[^:]+\.fifo")
_KAFKA = "kafka://"


def check_source(arn: str | None) -> str:
    """The ARN of a table's stream with its label, or of a Kinesis stream (R1); whether it exists is not known here.

    Queues and Kinesis consumers are refused by name until they are read; what AWS would not read either is E1.
    """
    stream = consumer_of(arn or "")
    if stream is not None:
        raise SettingsError(
            f"EventSourceArn {arn}: enhanced fan-out is not implemented: read the stream itself, {stream}"
        )
    try:
        kind = source_kind(arn or "")
    except SettingsError as error:
        given = f"EventSourceArn is {arn!r}" if arn else "EventSourceArn is missing"
        raise SettingsError("Unrecognized event source.", hint=f"{given}: {error}") from error
    if kind is SourceKind.QUEUE:
        raise SettingsError(f"EventSourceArn {arn}: SQS queues are not implemented yet as a source (part 4)")
    assert arn is not None, "its kind was told"
    return arn


def check_destination(arn: str) -> str:
    """The ARN of a standard queue, a standard topic or a bucket (R14). All texts are ours: AWS's are not captured."""
    if any(form.fullmatch(arn) for form in _DESTINATIONS):
        return arn
    allowed = "use a standard SQS queue, a standard SNS topic or an S3 bucket"
    if arn.startswith(_KAFKA):
        raise SettingsError(
            f"DestinationConfig.OnFailure {arn}: a Kafka topic serves Kafka sources only (R119): {allowed}"
        )
    if _FIFO.fullmatch(arn):
        raise SettingsError(f"DestinationConfig.OnFailure {arn}: a FIFO queue or topic is not supported: {allowed}")
    raise SettingsError(
        f"DestinationConfig.OnFailure {arn}: this is not the ARN of an on-failure destination: {allowed}"
    )


def check_unsupported(params: Mapping[str, JsonValue]) -> None:
    """Refuse what belongs to other kinds of source (E16, recorded for ScalingConfig)."""
    for name in UNSUPPORTED:
        if params.get(name):
            raise SettingsError(f"Unsupported {name} parameter for given event source mapping type.")


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
