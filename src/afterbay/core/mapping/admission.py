"""Which sources, destinations and metrics a mapping takes, and which sources are refused by name until they are read.

Decides from the text of a request alone (E1, E14, E16, R14, R18, R20); nothing is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from afterbay.core.change.arn import parse_stream_arn
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
_LATER_SOURCES = {
    "Kinesis streams": re.compile(_HEAD + r":kinesis:[a-z0-9-]+:\d{12}:stream/.+"),
    "SQS queues": re.compile(_HEAD + r":sqs:[a-z0-9-]+:\d{12}:.+"),
}
_DESTINATIONS = (
    re.compile(_HEAD + r":sqs:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]{1,80}"),
    re.compile(_HEAD + r":sns:[a-z0-9-]+:\d{12}:[a-zA-Z0-9_-]{1,256}"),
    re.compile(_HEAD + r":s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
)
_FIFO = re.compile(_HEAD + r":(sqs|sns):[^:]*:[^:]*:[^:]+\.fifo")
_KAFKA = "kafka://"


def check_source(arn: str | None) -> str:
    """A stream's ARN, of a DynamoDB table with its label (R1); whether it exists is not known here.

    Kinesis and SQS are refused by name until they are read; what AWS would not read either is E1.
    """
    for kind, form in _LATER_SOURCES.items():
        if arn and form.fullmatch(arn):
            raise SettingsError(
                f"EventSourceArn {arn}: {kind} are not implemented yet as a source (part 4): use a DynamoDB stream"
            )
    try:
        return parse_stream_arn(arn or "").arn
    except SettingsError as error:
        given = f"EventSourceArn is {arn!r}" if arn else "EventSourceArn is missing"
        raise SettingsError("Unrecognized event source.", hint=f"{given}: {error}") from error


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
