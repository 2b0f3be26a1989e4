"""The resources that afterbay knows, typed. Values may still wait for other resources to exist (``value.py``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from afterbay.declaration.place import Place
from afterbay.declaration.value import Unknown, Value

__all__ = [
    "Alarm",
    "Alias",
    "ApiDestination",
    "Archive",
    "Bucket",
    "Bus",
    "Code",
    "Connection",
    "Declared",
    "DeliveryStream",
    "Function",
    "FunctionVersion",
    "ImageCode",
    "InlineCode",
    "KinesisStream",
    "Layer",
    "LocalCode",
    "NoCode",
    "Pipe",
    "Queue",
    "Resource",
    "Rule",
    "SourceMapping",
    "StoredCode",
    "Subscription",
    "Table",
    "Topic",
    "typed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A resource as it stands in the file: logical id (or Terraform address), CloudFormation type and properties.

    ``needs`` are the ids that must exist first. ``places`` has the line of each property that the file names.
    """

    id: str
    kind: str
    place: Place
    properties: Mapping[str, Value]
    needs: frozenset[str]
    places: Mapping[str, Place]

    def place_of(self, name: str) -> Place:
        return self.places.get(name, self.place)

    def __str__(self) -> str:
        return f"{self.id} ({self.kind})"


@dataclass(frozen=True, slots=True)
class LocalCode:
    """A folder, a zip file or a lone file, relative to the template's folder.

    ``packed``: where a folder that may not be there any more was packed to.
    """

    path: str
    packed: str | None = None


@dataclass(frozen=True, slots=True)
class InlineCode:
    """The text of the one file ``index``."""

    text: Value


@dataclass(frozen=True, slots=True)
class StoredCode:
    """An object of S3, which is not at this machine."""

    bucket: Value
    key: Value


@dataclass(frozen=True, slots=True)
class ImageCode:
    """A container image."""

    uri: Value


@dataclass(frozen=True, slots=True)
class NoCode:
    """The template does not say."""


Code: TypeAlias = LocalCode | InlineCode | StoredCode | ImageCode | NoCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, a global table's replica in this region included. ``stream_view`` None: it has no stream."""

    declared: Declared
    name: Value
    stream_view: Value
    ttl_attribute: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function. What is None has AWS's default."""

    declared: Declared
    name: Value
    code: Code
    runtime: Value
    handler: Value
    timeout_s: Value
    memory_mb: Value
    variables: Mapping[str, Value]
    layers: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionVersion:
    """A published version of ``function``."""

    declared: Declared
    function: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name for a version of ``function``."""

    declared: Declared
    name: Value
    function: Value
    version: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer's version."""

    declared: Declared
    name: Value
    content: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMapping:
    """An event source mapping; ``declared.properties`` are the parameters of CreateEventSourceMapping."""

    declared: Declared
    source: Value
    function: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    declared: Declared
    name: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    declared: Declared
    name: Value
    subscriptions: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    declared: Declared
    topic: Value
    protocol: Value
    endpoint: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    declared: Declared
    name: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class KinesisStream:
    declared: Declared
    name: Value
    shards: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStream:
    """A delivery stream of Firehose."""

    declared: Declared
    name: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    declared: Declared
    name: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipe:
    declared: Declared
    name: Value
    source: Value
    enrichment: Value
    target: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    declared: Declared
    name: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of a bus; ``schedule`` is its expression where it has one, which is never fired here."""

    declared: Declared
    name: Value
    bus: Value
    pattern: Value
    schedule: Value
    targets: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    declared: Declared
    name: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDestination:
    declared: Declared
    name: Value
    connection: Value
    url: Value
    method: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    declared: Declared
    name: Value
    authorization: Value


Resource: TypeAlias = (
    Table
    | Function
    | FunctionVersion
    | Alias
    | Layer
    | SourceMapping
    | Queue
    | Topic
    | Subscription
    | Bucket
    | KinesisStream
    | DeliveryStream
    | Alarm
    | Pipe
    | Bus
    | Rule
    | Archive
    | ApiDestination
    | Connection
)


def typed(declared: Declared, local: LocalCode | None = None) -> Resource:
    """The typed form. ``local`` is where a function's or layer's code lies, if the template tells.

    The type must be one of ``classes.CLASSES``.
    """
    return _MAKERS[declared.kind](declared, local)


def _table(one: Declared, local: LocalCode | None) -> Table:
    stream = _members(one.properties.get("StreamSpecification"))
    ttl = _members(one.properties.get("TimeToLiveSpecification"))
    wanted = bool(stream) and stream.get("StreamEnabled", True) is not False
    attribute = ttl.get("AttributeName") if ttl.get("Enabled", True) is not False else None
    view = stream.get("StreamViewType") if wanted else None
    return Table(declared=one, name=one.properties.get("TableName"), stream_view=view, ttl_attribute=attribute)


def _function(one: Declared, local: LocalCode | None) -> Function:
    get = one.properties.get
    return Function(
        declared=one,
        name=get("FunctionName"),
        code=_code(get("Code"), local),
        runtime=get("Runtime"),
        handler=get("Handler"),
        timeout_s=get("Timeout"),
        memory_mb=get("MemorySize"),
        variables=_members(_members(get("Environment")).get("Variables")),
        layers=_elements(get("Layers")),
    )


def _layer(one: Declared, local: LocalCode | None) -> Layer:
    return Layer(
        declared=one, name=one.properties.get("LayerName"), content=_code(one.properties.get("Content"), local)
    )


def _code(value: Value, local: LocalCode | None) -> Code:
    if local is not None:
        return local
    code = _members(value)
    if "ZipFile" in code:
        return InlineCode(code["ZipFile"])
    if "ImageUri" in code:
        return ImageCode(code["ImageUri"])
    if "S3Bucket" in code or "S3Key" in code:
        return StoredCode(code.get("S3Bucket"), code.get("S3Key"))
    return NoCode()


def _mapping(one: Declared, local: LocalCode | None) -> SourceMapping:
    return SourceMapping(
        declared=one, source=one.properties.get("EventSourceArn"), function=one.properties.get("FunctionName")
    )


def _alias(one: Declared, local: LocalCode | None) -> Alias:
    get = one.properties.get
    return Alias(declared=one, name=get("Name"), function=get("FunctionName"), version=get("FunctionVersion"))


def _topic(one: Declared, local: LocalCode | None) -> Topic:
    get = one.properties.get
    return Topic(declared=one, name=get("TopicName"), subscriptions=_elements(get("Subscription")))


def _subscription(one: Declared, local: LocalCode | None) -> Subscription:
    get = one.properties.get
    return Subscription(declared=one, topic=get("TopicArn"), protocol=get("Protocol"), endpoint=get("Endpoint"))


def _pipe(one: Declared, local: LocalCode | None) -> Pipe:
    get = one.properties.get
    return Pipe(
        declared=one, name=get("Name"), source=get("Source"), enrichment=get("Enrichment"), target=get("Target")
    )


def _rule(one: Declared, local: LocalCode | None) -> Rule:
    get = one.properties.get
    return Rule(
        declared=one,
        name=get("Name"),
        bus=get("EventBusName"),
        pattern=get("EventPattern"),
        schedule=get("ScheduleExpression"),
        targets=_elements(get("Targets")),
    )


def _api_destination(one: Declared, local: LocalCode | None) -> ApiDestination:
    get = one.properties.get
    return ApiDestination(
        declared=one,
        name=get("Name"),
        connection=get("ConnectionArn"),
        url=get("InvocationEndpoint"),
        method=get("HttpMethod"),
    )


def _connection(one: Declared, local: LocalCode | None) -> Connection:
    return Connection(
        declared=one, name=one.properties.get("Name"), authorization=one.properties.get("AuthorizationType")
    )


_MAKERS: dict[str, Callable[[Declared, LocalCode | None], Resource]] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::DynamoDB::GlobalTable": _table,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::Version": lambda one, _: FunctionVersion(declared=one, function=one.properties.get("FunctionName")),
    "AWS::Lambda::Alias": _alias,
    "AWS::Lambda::LayerVersion": _layer,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::SQS::Queue": lambda one, _: Queue(declared=one, name=one.properties.get("QueueName")),
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::Subscription": _subscription,
    "AWS::S3::Bucket": lambda one, _: Bucket(declared=one, name=one.properties.get("BucketName")),
    "AWS::Kinesis::Stream": lambda one, _: KinesisStream(
        declared=one, name=one.properties.get("Name"), shards=one.properties.get("ShardCount")
    ),
    "AWS::KinesisFirehose::DeliveryStream": lambda one, _: DeliveryStream(
        declared=one, name=one.properties.get("DeliveryStreamName")
    ),
    "AWS::CloudWatch::Alarm": lambda one, _: Alarm(declared=one, name=one.properties.get("AlarmName")),
    "AWS::Pipes::Pipe": _pipe,
    "AWS::Events::EventBus": lambda one, _: Bus(declared=one, name=one.properties.get("Name")),
    "AWS::Events::Rule": _rule,
    "AWS::Events::Archive": lambda one, _: Archive(declared=one, name=one.properties.get("ArchiveName")),
    "AWS::Events::ApiDestination": _api_destination,
    "AWS::Events::Connection": _connection,
}


def _members(value: Value) -> Mapping[str, Value]:
    return value if isinstance(value, dict) else {}


def _elements(value: Value) -> tuple[Value, ...]:
    if value is None or isinstance(value, Unknown):
        return ()
    return tuple(value) if isinstance(value, list) else (value,)
