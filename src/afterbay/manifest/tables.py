"""Tables, with their streams, expiry and indexes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from afterbay.declaration.resources import Declared, Table
from afterbay.declaration.template import Note, NoteKind
from afterbay.declaration.value import Value
from afterbay.errors import SettingsError
from afterbay.manifest.session import Session, part_of
from afterbay.manifest.standing import take_table, tell_kept

__all__ = ["make_table"]

NAME_MAX = 255
THROUGHPUT: Mapping[str, Value] = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
"""Of a global table: its own settings say how it scales, which nothing here does."""

_INDEX = ("IndexName", "KeySchema", "Projection", "ProvisionedThroughput")


async def make_table(session: Session, table: Table) -> dict[str, Value]:
    """Create the table, or take the one that is there and add what the template adds.

    A global table is its replica in this region.
    """
    declared = table.declared
    properties = session.settled(declared)
    is_global = declared.kind == "AWS::DynamoDB::GlobalTable"
    billing = properties.get("BillingMode")
    throughput = properties.get("ProvisionedThroughput")
    shared = THROUGHPUT if is_global and billing != "PAY_PER_REQUEST" else None
    view = session.text(table.stream_view)
    stream = properties.get("StreamSpecification")
    if isinstance(stream, dict) and view is None and stream.get("StreamEnabled") is not False:
        raise SettingsError(
            "its StreamSpecification has no StreamViewType",
            hint="KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES; leave StreamSpecification out for no stream",
        )
    name = session.name(declared, table.name, NAME_MAX)
    answer = await session.create(
        "dynamodb",
        "create_table",
        TableName=name,
        AttributeDefinitions=properties.get("AttributeDefinitions"),
        KeySchema=properties.get("KeySchema"),
        BillingMode=billing,
        ProvisionedThroughput=shared or throughput,
        GlobalSecondaryIndexes=_indexes(properties.get("GlobalSecondaryIndexes"), shared),
        LocalSecondaryIndexes=_indexes(properties.get("LocalSecondaryIndexes"), None),
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view} if view else None,
    )
    if answer is None:  # it is there, with its items
        made = await take_table(session, declared, properties, name=name, view=view)
        expires_by = await _expires_by(session, name)
    else:
        made, expires_by = part_of(answer, "TableDescription"), None
    await _expire(session, declared, name, before=expires_by, attribute=session.text(table.ttl_attribute))
    _note_index_members(session, declared, properties.get("GlobalSecondaryIndexes"))
    await _stream_to_kinesis(session, declared, name, properties.get("KinesisStreamSpecification"))
    _note_replicas(session, declared, properties.get("Replicas"))
    return _attributes(made)


async def _expires_by(session: Session, table: str) -> str | None:
    told = await session.call("dynamodb", "describe_time_to_live", TableName=table)
    attribute = part_of(told, "TimeToLiveDescription").get("AttributeName")
    return None if attribute is None else str(attribute)


async def _expire(
    session: Session, declared: Declared, table: str, *, before: str | None, attribute: str | None
) -> None:
    """Let items expire by ``attribute``, unless they do ``before`` by another: that takes a day's wait on AWS."""
    if attribute and before is None:
        wanted = {"AttributeName": attribute, "Enabled": True}
        await session.call("dynamodb", "update_time_to_live", TableName=table, TimeToLiveSpecification=wanted)
    elif attribute != before:
        tell_kept(session, declared, "TimeToLiveSpecification", before, attribute)


def _attributes(made: Mapping[str, object]) -> dict[str, Value]:
    found: dict[str, Value] = {
        "Ref": str(made["TableName"]),
        "Arn": str(made["TableArn"]),
        "TableId": str(made.get("TableId", "")),
    }
    if made.get("LatestStreamArn"):
        found["StreamArn"] = str(made["LatestStreamArn"])
    return found


async def _stream_to_kinesis(session: Session, declared: Declared, table: str, wanted: Value) -> None:
    if not isinstance(wanted, dict):
        return
    with session.step(declared, "KinesisStreamSpecification"):
        told = await session.call("dynamodb", "describe_kinesis_streaming_destination", TableName=table)
        there = cast("Sequence[Mapping[str, object]]", told["KinesisDataStreamDestinations"])
        if any(one["StreamArn"] == wanted.get("StreamArn") and one["DestinationStatus"] == "ACTIVE" for one in there):
            return
        precision = wanted.get("ApproximateCreationDateTimePrecision")
        await session.call(
            "dynamodb",
            "enable_kinesis_streaming_destination",
            TableName=table,
            StreamArn=wanted.get("StreamArn"),
            EnableKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": precision}
            if precision
            else None,
        )


def _note_replicas(session: Session, declared: Declared, replicas: Value) -> None:
    regions = [one.get("Region") for one in replicas if isinstance(one, dict)] if isinstance(replicas, list) else []
    others = sorted({str(one) for one in regions} - {session.region})
    if others:
        place = declared.place_of("Replicas")
        subject = f"{declared.id}.Replicas in {', '.join(others)}"
        session.notes.append(Note(NoteKind.WITHOUT_EFFECT, place, subject, group="properties"))


def _note_index_members(session: Session, declared: Declared, indexes: Value) -> None:
    listed = indexes if isinstance(indexes, list) else []
    for name in sorted({name for one in listed if isinstance(one, dict) for name in one if name not in _INDEX}):
        place, subject = declared.place_of("GlobalSecondaryIndexes"), f"{declared.id}.GlobalSecondaryIndexes.{name}"
        session.notes.append(Note(NoteKind.WITHOUT_EFFECT, place, subject, group="properties"))


def _indexes(value: Value, throughput: Mapping[str, Value] | None) -> list[Value] | None:
    """The members that CreateTable has of each index."""
    if not isinstance(value, list):
        return None
    return list(_index_members(value, throughput))


def _index_members(indexes: Iterable[Value], throughput: Mapping[str, Value] | None) -> Iterable[Value]:
    for one in indexes:
        members = {name: part for name, part in one.items() if name in _INDEX} if isinstance(one, dict) else {}
        if throughput is not None:
            members["ProvisionedThroughput"] = dict(throughput)
        yield members
