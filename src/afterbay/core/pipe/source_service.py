"""Which services a pipe can read, what their parameters are called, and how large a batch is by default (X26, X71).

Decides from the ARN alone. Kafka and MQ are known, so that they are refused by their names.
"""

from __future__ import annotations

from dataclasses import dataclass

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.source import SourceKind, consumer_of, source_kind
from afterbay.errors import SettingsError

__all__ = ["BROKER", "SourceService", "source_fault", "source_service"]

BROKER = "smk://"
_ALLOWED = "a pipe reads a DynamoDB stream, a Kinesis stream or an SQS queue"


@dataclass(frozen=True, slots=True)
class SourceService:
    """``groups``: the members of SourceParameters that are this service's; ``needs_group``: the first must be given.

    ``kind`` None: afterbay does not read it. ``batch_size`` is the default, and X71 where the sources disagree.
    """

    title: str
    groups: tuple[str, ...]
    kind: SourceKind | None = None
    batch_size: int = 100
    needs_group: bool = True


_SERVICES = {
    "dynamodb": SourceService("a DynamoDB stream", ("DynamoDBStreamParameters",), SourceKind.TABLE),
    "kinesis": SourceService("a Kinesis stream", ("KinesisStreamParameters",), SourceKind.KINESIS),
    "sqs": SourceService("an SQS queue", ("SqsQueueParameters",), SourceKind.QUEUE, batch_size=10, needs_group=False),
    "kafka": SourceService("an Amazon MSK cluster", ("ManagedStreamingKafkaParameters",)),
    "mq": SourceService(
        "an Amazon MQ broker", ("ActiveMQBrokerParameters", "RabbitMQBrokerParameters"), needs_group=False
    ),
}
_SELF_MANAGED = SourceService("a self-managed Kafka cluster", ("SelfManagedKafkaParameters",))


def source_service(source: str) -> SourceService | None:
    """The service that an ARN or a broker's address names; None for one that is no source of pipes."""
    if source.startswith(BROKER):
        return _SELF_MANAGED
    return _SERVICES.get(parse_arn(source).service)


def source_fault(source: str) -> str | None:
    """Why the source cannot be read, in a sentence of ours that names it; None if it can."""
    service = source_service(source)
    if service is None:
        return f"{source} is no source of a pipe: {_ALLOWED}"
    if service.kind is None:
        return f"{source} is {service.title}, which afterbay does not read: {_ALLOWED}"
    stream = consumer_of(source)
    if stream is not None:
        return f"{source} is a consumer (enhanced fan-out), which is not implemented: read the stream itself, {stream}"
    try:
        source_kind(source)
    except SettingsError as error:
        return f"{source} is not the ARN of {service.title}: {error}"
    return None
