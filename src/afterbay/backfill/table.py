"""A table as DescribeTable tells of it: what is loaded from, or held against a sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from afterbay.aws.client import Caller
from afterbay.aws.date import date_of
from afterbay.core.change.arn import parse_arn
from afterbay.errors import ServiceError, SettingsError, UnavailableError

__all__ = ["Table", "describe_table", "read_table"]


@dataclass(frozen=True, slots=True)
class Table:
    """``created`` and ``id`` tell a table from another of its name. ``keys``: its key attributes and their types (S, N
    or B), the partition key first. ``items`` and ``item_bytes`` are estimates, some six hours old; None: there is none.
    ``read_units``: what is provisioned, None on demand. ``latest_stream_arn`` None: it never had a stream; ``streams``:
    changes are being recorded now.
    """

    name: str
    arn: str
    id: str
    created: datetime
    keys: Mapping[str, str]
    latest_stream_arn: str | None
    streams: bool
    items: int | None
    item_bytes: float | None
    read_units: float | None

    @property
    def region(self) -> str:
        return parse_arn(self.arn).region

    @property
    def stream_arn(self) -> str:
        """What names the stream in the records of images: the latest one, or where there never was one, an ARN of the
        usual form with the table's creation as its label."""
        return self.latest_stream_arn or f"{self.arn}/stream/{_label(self.created)}"


class _Key(msgspec.Struct):
    AttributeName: str
    KeyType: str = "HASH"


class _Attribute(msgspec.Struct):
    AttributeName: str
    AttributeType: str


class _Stream(msgspec.Struct):
    StreamEnabled: bool = False


class _Throughput(msgspec.Struct):
    ReadCapacityUnits: float = 0


class _Description(msgspec.Struct):
    TableName: str
    TableArn: str
    CreationDateTime: datetime
    KeySchema: list[_Key]
    AttributeDefinitions: list[_Attribute]
    TableStatus: str = "ACTIVE"
    TableId: str = ""
    ItemCount: int = 0
    TableSizeBytes: int = 0
    LatestStreamArn: str | None = None
    StreamSpecification: _Stream | None = None
    ProvisionedThroughput: _Throughput | None = None


async def describe_table(aws: Caller, name: str, *, on_date: Callable[[datetime], None] | None = None) -> Table:
    """Ask for the table, named or by its ARN. ``on_date`` hears the service's time. Raises ``ServiceError``, and
    ``SettingsError`` for one that is not there."""
    try:
        answer = await aws.call("dynamodb", "describe_table", TableName=name)
    except ServiceError as error:
        if error.code != "ResourceNotFoundException":
            raise
        raise SettingsError(
            f"there is no table {name!r}", where="TABLE", hint="look at the account, --region and --endpoint-url"
        ) from error
    if on_date is not None and (date := date_of(answer)) is not None:
        on_date(date)
    return read_table(answer.get("Table"))


def read_table(description: object) -> Table:
    """The table of DescribeTable's answer. Raises ``UnavailableError`` for an answer of another form."""
    try:
        told = msgspec.convert(description, _Description)
    except msgspec.ValidationError as wrong:
        raise UnavailableError(f"DescribeTable answered something else: {wrong}", code="UnreadableAnswer") from wrong
    types = {one.AttributeName: one.AttributeType for one in told.AttributeDefinitions}
    units = told.ProvisionedThroughput
    return Table(
        name=told.TableName,
        arn=told.TableArn,
        id=told.TableId,
        created=told.CreationDateTime.astimezone(UTC),
        keys={one.AttributeName: types[one.AttributeName] for one in sorted(told.KeySchema, key=lambda k: k.KeyType)},
        latest_stream_arn=told.LatestStreamArn,
        streams=told.LatestStreamArn is not None and (told.StreamSpecification or _Stream()).StreamEnabled,
        items=told.ItemCount or None,
        item_bytes=told.TableSizeBytes / told.ItemCount if told.ItemCount and told.TableSizeBytes else None,
        read_units=units.ReadCapacityUnits if units is not None and units.ReadCapacityUnits else None,
    )


def _label(created: datetime) -> str:
    """A moment in the form of a stream's label (E2)."""
    return created.strftime("%Y-%m-%dT%H:%M:%S.") + f"{created.microsecond // 1000:03d}"
