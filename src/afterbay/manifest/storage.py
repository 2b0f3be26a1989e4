"""Buckets, Kinesis streams, delivery streams."""

from __future__ import annotations

from afterbay.declaration.resources import Bucket, DeliveryStream, KinesisStream
from afterbay.declaration.template import Note, NoteKind
from afterbay.declaration.value import Value
from afterbay.manifest.session import Session, part_of

__all__ = ["make_bucket", "make_delivery_stream", "make_kinesis_stream"]

BUCKET_NAME_MAX = 63
STREAM_NAME_MAX = 128
DELIVERY_STREAM_NAME_MAX = 64
RETENTION_HOURS = 24

_DESTINATIONS = ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration")
_IDLE = ("BufferingHints", "CloudWatchLoggingOptions", "EncryptionConfiguration", "ErrorOutputPrefix")
"""What changes no record: each call's records are an object at once, and nothing fails to be written."""

_TARGETS = {
    "QueueConfigurations": ("Queue", "QueueArn"),
    "TopicConfigurations": ("Topic", "TopicArn"),
    "LambdaConfigurations": ("Function", "LambdaFunctionArn"),
}


async def make_bucket(session: Session, bucket: Bucket) -> dict[str, Value]:
    declared = bucket.declared
    properties = session.settled(declared)
    name = session.name(declared, bucket.name, BUCKET_NAME_MAX, lower=True)
    constraint = None if session.region == "us-east-1" else {"LocationConstraint": session.region}
    await session.create("s3", "create_bucket", Bucket=name, CreateBucketConfiguration=constraint)
    versioning = properties.get("VersioningConfiguration")
    if isinstance(versioning, dict):
        await session.call("s3", "put_bucket_versioning", Bucket=name, VersioningConfiguration=versioning)
    notifications = properties.get("NotificationConfiguration")
    if isinstance(notifications, dict):
        with session.step(declared, "NotificationConfiguration"):
            await session.call(
                "s3",
                "put_bucket_notification_configuration",
                Bucket=name,
                NotificationConfiguration=_notifications(notifications),
            )
    domain = f"{name}.s3.{session.partition.suffix}"
    return {
        "Ref": name,
        "Arn": f"arn:{session.partition.name}:s3:::{name}",
        "DomainName": domain,
        "RegionalDomainName": domain,
    }


async def make_kinesis_stream(session: Session, stream: KinesisStream) -> dict[str, Value]:
    declared = stream.declared
    properties = session.settled(declared)
    name = session.name(declared, stream.name, STREAM_NAME_MAX)
    mode = properties.get("StreamModeDetails")
    made = await session.create(
        "kinesis",
        "create_stream",
        StreamName=name,
        ShardCount=properties.get("ShardCount", None if mode else 1),
        StreamModeDetails=mode,
    )
    hours = properties.get("RetentionPeriodHours")
    if made is not None and isinstance(hours, int) and hours > RETENTION_HOURS:
        await session.call("kinesis", "increase_stream_retention_period", StreamName=name, RetentionPeriodHours=hours)
    told = await session.call("kinesis", "describe_stream_summary", StreamName=name)
    return {"Ref": name, "Arn": str(part_of(told, "StreamDescriptionSummary")["StreamARN"])}


async def make_delivery_stream(session: Session, stream: DeliveryStream) -> dict[str, Value]:
    """What a destination asks for and is not done, the address refuses by its name (``endpoint.refusals``)."""
    declared = stream.declared
    properties = session.settled(declared)
    name = session.name(declared, stream.name, DELIVERY_STREAM_NAME_MAX)
    properties["DeliveryStreamName"] = name
    for one in _DESTINATIONS:
        given = properties.get(one)
        if isinstance(given, dict):
            properties[one] = {"RoleARN": session.any_role, **given}
            idle = ", ".join(member for member in _IDLE if given.get(member) is not None)
            if idle:
                note = Note(
                    NoteKind.WITHOUT_EFFECT, declared.place_of(one), f"{declared.id}.{idle}", group="properties"
                )
                session.notes.append(note)
    await session.create("firehose", "create_delivery_stream", **properties)
    told = await session.call("firehose", "describe_delivery_stream", DeliveryStreamName=name)
    return {"Ref": name, "Arn": str(part_of(told, "DeliveryStreamDescription")["DeliveryStreamARN"])}


def _notifications(given: dict[str, Value]) -> dict[str, object]:
    """CloudFormation's form of a notification in the API's words."""
    found: dict[str, object] = {}
    for kind, (member, parameter) in _TARGETS.items():
        listed = given.get(kind)
        if not isinstance(listed, list):
            continue
        made: list[dict[str, object]] = []
        for one in listed:
            members = one if isinstance(one, dict) else {}
            configuration: dict[str, object] = {parameter: members.get(member), "Events": [members.get("Event")]}
            rules = _rules(members.get("Filter"))
            if rules:
                configuration["Filter"] = {"Key": {"FilterRules": rules}}
            made.append(configuration)
        found["LambdaFunctionConfigurations" if kind == "LambdaConfigurations" else kind] = made
    if isinstance(given.get("EventBridgeConfiguration"), dict):
        found["EventBridgeConfiguration"] = {}
    return found


def _rules(value: Value) -> Value:
    key = value.get("S3Key") if isinstance(value, dict) else None
    return key.get("Rules") if isinstance(key, dict) else None
