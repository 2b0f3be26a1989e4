"""Kinesis Data Streams for DynamoDB: which tables write their changes to which Kinesis streams (S85 to S95).

A change is in the Kinesis stream before the write is answered, in the order of the writes; AWS is later, and promises
no order (S90). All of it is for moto's thread.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Literal

import msgspec
from moto.dynamodb.models.table import Table

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.kinesis_change import Precision
from afterbay.core.change.wire import JsonValue
from afterbay.emulator.kinesis_record import encode_kinesis_record, partition_key
from afterbay.emulator.record import Change, kind_of
from afterbay.endpoint.capture import Write
from afterbay.endpoint.kinesis import KinesisStreams
from afterbay.endpoint.moto import Moto
from afterbay.endpoint.protocol import ACCOUNT, Response, json_response
from afterbay.endpoint.table_id import table_id
from afterbay.errors import EndpointError, SettingsError

__all__ = ["OPERATIONS", "Destination", "Destinations"]

log = logging.getLogger(__name__)

Members = Mapping[str, JsonValue]

OPERATIONS = frozenset(
    {
        "EnableKinesisStreamingDestination",
        "DisableKinesisStreamingDestination",
        "UpdateKinesisStreamingDestination",
        "DescribeKinesisStreamingDestination",
    }
)


class Destination(msgspec.Struct, frozen=True, tag_field="form", tag="destination-1"):
    """One Kinesis stream that a table writes to, or wrote to. ``precision`` None: it was never configured."""

    table: str
    stream_arn: str
    status: Literal["ACTIVE", "DISABLED"]
    precision: Precision | None


class Destinations:
    """The four operations, and the way of the records. ``changed`` is told of a region's destination, to store it."""

    def __init__(self, moto: Moto, kinesis: KinesisStreams, changed: Callable[[str, Destination], None]) -> None:
        self._moto = moto
        self._kinesis = kinesis
        self._changed = changed
        self._of: dict[tuple[str, str], dict[str, Destination]] = {}
        """By region and table, then by the Kinesis stream's ARN."""

    def call(self, region: str, operation: str, members: Members) -> Response:
        """One of ``OPERATIONS``. Raises ``EndpointError``."""
        precision = _precision(operation, members)  # what the model forbids comes before what is not there
        stream_arn = "" if operation.startswith("Describe") else _text(members, "StreamArn", 37)
        table = self._table(region, _text(members, "TableName", 1))
        answer: dict[str, object] = {"TableName": table.name}
        if operation.startswith("Describe"):
            answer["KinesisDataStreamDestinations"] = [_entry(one) for one in self._at(region, table.name).values()]
            return json_response(answer, protocol="json-1.0")
        match operation:
            case "EnableKinesisStreamingDestination":
                self._enable(region, table, stream_arn, precision)
                status, name = "ENABLING", "EnableKinesisStreamingConfiguration"
            case "UpdateKinesisStreamingDestination":
                self._update(region, table, stream_arn, precision)
                status, name = "UPDATING", "UpdateKinesisStreamingConfiguration"
            case _:
                self._disable(region, table, stream_arn)
                status, name = "DISABLING", ""
        answer |= {"StreamArn": stream_arn, "DestinationStatus": status}
        if name:
            answer[name] = {} if precision is None else {"ApproximateCreationDateTimePrecision": precision.value}
        return json_response(answer, protocol="json-1.0")

    def restore(self, region: str, stored: bytes) -> None:
        """Take up what ``changed`` was told in an earlier process, as JSON."""
        one = msgspec.json.decode(stored, type=Destination)
        self._of.setdefault((region, one.table), {})[one.stream_arn] = one

    def forget_table(self, region: str, table: str) -> None:
        """The table was deleted."""
        self._of.pop((region, table), None)

    def reset(self) -> None:
        self._of.clear()

    def deliver(self, writes: Iterable[Write], *, expired: bool, now: datetime) -> None:
        """Write what a successful request wrote, in its order, to whatever streams want it."""
        if not self._of:
            return
        for recorder, group in groupby(writes, key=lambda write: write.recorder):
            wanted = [one for one in self._at(recorder.region, recorder.table_name).values() if one.status == "ACTIVE"]
            table = self._moto.dynamodb(recorder.region).tables.get(recorder.table_name)
            if not wanted or table is None:
                continue
            names = [str(key["AttributeName"]) for key in table.schema]
            changes = [Change(write.old, write.new, expired) for write in group]
            for one in wanted:
                made = (_record(change, names, one, recorder.region, now) for change in changes)
                records = [record for record in made if record is not None]
                if records and not self._kinesis.deliver(one.stream_arn, records):
                    fields = {"table": one.table, "stream": one.stream_arn, "records": len(records)}
                    log.warning("a table's changes are lost: its Kinesis stream is gone", extra=fields)

    def _enable(self, region: str, table: Table, stream_arn: str, precision: Precision | None) -> None:
        known = self._at(region, table.name).get(stream_arn)
        if known is not None and known.status == "ACTIVE":
            raise _wrong_state(f"the destination {stream_arn} of table {table.name} is ACTIVE already")
        try:
            arn = parse_arn(stream_arn)
        except SettingsError as error:
            raise EndpointError("ValidationException", f"Invalid StreamArn: {stream_arn}") from error
        if arn.service != "kinesis" or arn.region != region or arn.account != ACCOUNT:
            raise EndpointError(
                "ValidationException",
                f"Invalid StreamArn: {stream_arn}: it must be a Kinesis stream of account {ACCOUNT} in {region}",
            )
        if not self._kinesis.has(stream_arn):
            raise EndpointError(
                "ResourceNotFoundException", f"Requested resource not found: Kinesis stream: {stream_arn} not found"
            )
        self._set(region, Destination(table.name, stream_arn, "ACTIVE", precision))

    def _update(self, region: str, table: Table, stream_arn: str, precision: Precision | None) -> None:
        known = self._known(region, table, stream_arn)
        if precision is None:
            raise EndpointError(
                "ValidationException",
                "Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration "
                "cannot be null or contain only null values",
            )
        if (known.precision or Precision.MILLISECOND) is precision:
            raise EndpointError(
                "ValidationException",
                f"Invalid Request: Precision is already set to the desired value of {precision} "
                f"for tableId: {table_id(table)}, kdsArn: {stream_arn}",
            )
        if known.status != "ACTIVE":
            raise _wrong_state(f"the destination {stream_arn} of table {table.name} is {known.status}")
        self._set(region, Destination(table.name, stream_arn, "ACTIVE", precision))

    def _disable(self, region: str, table: Table, stream_arn: str) -> None:
        known = self._known(region, table, stream_arn)
        if known.status != "ACTIVE":
            raise _wrong_state(f"the destination {stream_arn} of table {table.name} is {known.status}")
        self._set(region, Destination(table.name, stream_arn, "DISABLED", known.precision))

    def _known(self, region: str, table: Table, stream_arn: str) -> Destination:
        found = self._at(region, table.name).get(stream_arn)
        if found is None:
            raise _wrong_state(
                f"No streaming destination with streamArn: {stream_arn} found for table with tableName: {table.name}"
            )
        return found

    def _set(self, region: str, one: Destination) -> None:
        self._of.setdefault((region, one.table), {})[one.stream_arn] = one
        self._changed(region, one)

    def _at(self, region: str, table: str) -> dict[str, Destination]:
        return self._of.get((region, table), {})

    def _table(self, region: str, name: str) -> Table:
        found = self._moto.dynamodb(region).tables.get(name.rpartition("/")[2])
        if found is None:
            raise EndpointError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
        return found


def _record(
    change: Change, keys: Iterable[str], to: Destination, region: str, now: datetime
) -> tuple[str, bytes] | None:
    """The change's record with its partition key; None for a write that changed nothing (S71)."""
    kind = kind_of(change)
    item = change.old if change.new is None else change.new
    if kind is None or item is None:
        return None
    held = {name: item[name] for name in keys}
    data = encode_kinesis_record(
        change,
        kind,
        keys=held,
        table=to.table,
        region=region,
        created=now,
        precision=to.precision,
        event_id=str(uuid.uuid4()),
    )
    return partition_key(held), data


def _entry(one: Destination) -> dict[str, object]:
    entry: dict[str, object] = {"StreamArn": one.stream_arn, "DestinationStatus": one.status}
    if one.precision is not None:
        entry["ApproximateCreationDateTimePrecision"] = one.precision.value
    return entry


def _precision(operation: str, members: Members) -> Precision | None:
    """The precision asked for, or None. Raises ``EndpointError`` for one that there is not."""
    name = f"{operation.removesuffix('KinesisStreamingDestination')}KinesisStreamingConfiguration"
    configuration = members.get(name)
    if configuration is not None and not isinstance(configuration, dict):
        raise EndpointError("SerializationException", f"{name} must be an object")
    wanted = None if configuration is None else configuration.get("ApproximateCreationDateTimePrecision")
    if wanted is None:
        return None
    if wanted not in tuple(Precision):
        member = f"{name[:1].lower()}{name[1:]}.approximateCreationDateTimePrecision"
        raise _constraint(f"'{wanted}'", member, f"satisfy enum value set: [{', '.join(Precision)}]")
    return Precision(str(wanted))


def _text(members: Members, name: str, shortest: int) -> str:
    value = members.get(name)
    member = f"{name[:1].lower()}{name[1:]}"
    if value is not None and not isinstance(value, str):
        raise EndpointError("SerializationException", f"{name} must be a string")
    if value is None or len(value) < shortest:
        shown = "null" if value is None else f"'{value}'"
        must = "not be null" if value is None else f"have length greater than or equal to {shortest}"
        raise _constraint(shown, member, must)
    return value


def _constraint(shown: str, member: str, must: str) -> EndpointError:
    text = f"1 validation error detected: Value {shown} at '{member}' failed to satisfy constraint: Member must {must}"
    return EndpointError("ValidationException", text)


def _wrong_state(reason: str) -> EndpointError:
    return EndpointError(
        "ValidationException", f"Table is not in a valid state to enable Kinesis Streaming Destination: {reason}"
    )
