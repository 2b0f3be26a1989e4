"""A destination as a mapping names it -> the target that serves it (R14)."""

from __future__ import annotations

from afterbay.aws.client import Aws
from afterbay.core.change.arn import parse_arn
from afterbay.errors import SettingsError
from afterbay.ports import Target
from afterbay.targets.bucket import BucketTarget
from afterbay.targets.queue import QueueTarget
from afterbay.targets.topic import TopicTarget

__all__ = ["choose_target"]

_EXAMPLE = "use the ARN of a standard queue (arn:aws:sqs:REGION:ACCOUNT:NAME), a standard topic or a bucket"


def choose_target(destination: str, aws: Aws) -> Target:
    """The target for ``destination``. Raises ``SettingsError`` for what no mapping of a stream delivers to."""
    if destination.startswith("kafka://"):  # R119
        raise _refusal(destination, "a Kafka topic is a destination of Kafka mappings only")
    try:
        arn = parse_arn(destination)
    except SettingsError as error:
        raise _refusal(destination, "it is no ARN") from error
    if arn.service in ("sqs", "sns") and arn.resource.endswith(".fifo"):
        raise _refusal(destination, "a FIFO queue or topic is no on-failure destination")
    match arn.service:
        case "sqs" if arn.resource:
            return QueueTarget(aws, arn)
        case "sns" if arn.resource:
            return TopicTarget(aws, arn)
        case "s3" if arn.resource and "/" not in arn.resource:
            return BucketTarget(aws, arn)
        case "s3":
            raise _refusal(destination, "the ARN of a bucket has no object in it")
        case other:
            raise _refusal(destination, f"service {other!r} takes no dead letters of a stream")


def _refusal(destination: str, reason: str) -> SettingsError:
    return SettingsError(
        f"OnFailure destination {destination!r}: {reason}",
        where="DestinationConfig.OnFailure.Destination",
        hint=_EXAMPLE,
    )
