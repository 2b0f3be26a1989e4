"""The lines of a recording (docs/recordings.md): what each says, written and read.

Decides the format. A record's JSON is cut in and out as it stands, not parsed (DESIGN section 2).
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from afterbay.core.change.kinesis import raw_from_kinesis
from afterbay.core.change.raw import RawRecord
from afterbay.core.change.source import SourceKind, source_kind
from afterbay.core.change.wire import UnreadableRecordError, raw_from_lambda
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId
from afterbay.errors import RecordError, SettingsError

__all__ = [
    "TRIM",
    "VERSION",
    "Entry",
    "Head",
    "RecordedEnd",
    "RecordedGap",
    "RecordedRecord",
    "RecordedShard",
    "RecordedUnreadable",
    "encode_entry",
    "encode_head",
    "read_entry",
    "read_head",
]

VERSION = 1
KIND = "recording"
TRIM = "trim"


@dataclass(frozen=True, slots=True)
class Head:
    """The first line. ``begins``: where reading began, ``trim`` or an ISO time; ``recorded_at``: when it did."""

    stream_arn: str
    begins: str
    recorded_at: str

    @property
    def kind(self) -> SourceKind:
        """Whose stream was recorded, a table's or Kinesis'."""
        return source_kind(self.stream_arn)


@dataclass(frozen=True, slots=True)
class RecordedShard:
    """A shard begins; it comes before all else about that shard, and behind its parents' records."""

    description: ShardDescription


@dataclass(frozen=True, slots=True)
class RecordedRecord:
    """A record in Lambda's form, as it was read."""

    shard: ShardId
    record: RawRecord


@dataclass(frozen=True, slots=True)
class RecordedUnreadable:
    """A record of which not even the head can be read. ``body``: as it came in GetRecords' answer."""

    shard: ShardId
    sequence_number: str | None
    reason: str
    body: bytes

    def error(self) -> UnreadableRecordError:
        """What a source raises at this record."""
        return UnreadableRecordError(self.reason, body=self.body, sequence_number=self.sequence_number)


@dataclass(frozen=True, slots=True)
class RecordedGap:
    """Records of a shard that were gone before they could be recorded."""

    shard: ShardId
    reason: str


@dataclass(frozen=True, slots=True)
class RecordedEnd:
    """Nothing more of the shard follows: it was read to its end, or what it still had is the gap right before."""

    shard: ShardId


Entry: TypeAlias = RecordedShard | RecordedRecord | RecordedUnreadable | RecordedGap | RecordedEnd


class _Head(msgspec.Struct):
    afterbay: str
    version: int
    streamArn: str = ""
    begins: str = ""
    recordedAt: str = ""


class _Entry(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Exactly one of the other members is there; ``sequenceNumber`` and ``reason`` go with ``unreadable``."""

    shard: str
    parents: list[str] | None = None
    record: msgspec.Raw = msgspec.Raw()
    unreadable: str | None = None
    sequenceNumber: str | None = None
    reason: str | None = None
    gap: str | None = None
    end: bool = False


_heads = msgspec.json.Decoder(_Head)
_entries = msgspec.json.Decoder(_Entry)


def encode_head(head: Head) -> bytes:
    """The first line, with its end."""
    told = _Head(KIND, VERSION, head.stream_arn, head.begins, head.recorded_at)
    return msgspec.json.encode(told) + b"\n"


def encode_entry(entry: Entry) -> bytes:
    """A line, with its end."""
    match entry:
        case RecordedRecord(shard=shard, record=record):
            # JSON text has line ends between its tokens alone: blanks there mean the same.
            body = record.body.replace(b"\n", b" ").replace(b"\r", b" ")
            return b'{"shard":%b,"record":%b}\n' % (msgspec.json.encode(shard), body)
        case RecordedShard(description=one):
            line = _Entry(one.shard, parents=list(one.parents))
        case RecordedUnreadable():
            text = b64encode(entry.body).decode("ascii")
            line = _Entry(entry.shard, unreadable=text, sequenceNumber=entry.sequence_number, reason=entry.reason)
        case RecordedGap(shard=shard, reason=reason):
            line = _Entry(shard, gap=reason)
        case RecordedEnd(shard=shard):
            line = _Entry(shard, end=True)
    return msgspec.json.encode(line) + b"\n"


def read_head(line: bytes, where: str) -> Head:
    """Raises ``SettingsError`` that names ``where`` for what is no recording, or one of another version."""
    try:
        head = _heads.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise SettingsError("is no recording", where=where, hint="afterbay record makes one") from wrong
    if head.afterbay != KIND:
        raise SettingsError(f"is no recording but {head.afterbay[:40]!r}", where=where)
    if head.version != VERSION:
        raise SettingsError(
            f"is a recording of version {head.version}; this reads version {VERSION}",
            where=where,
            hint="it was written by another afterbay: use that one",
        )
    try:
        kind = source_kind(head.streamArn)
    except SettingsError as wrong:
        raise SettingsError(f"streamArn: {wrong.message}", where=where, hint=wrong.hint) from wrong
    if kind is SourceKind.QUEUE:
        raise SettingsError(f"streamArn: {head.streamArn!r} is a queue, not a stream", where=where)
    return Head(head.streamArn, head.begins, head.recordedAt)


def read_entry(line: bytes, kind: SourceKind) -> Entry:
    """A line about a shard of a stream of that kind. Raises ``RecordError`` for what is no line of a recording."""
    try:
        told = _entries.decode(line)
        shard = ShardId(told.shard)
        if told.unreadable is not None:
            body = b64decode(told.unreadable, validate=True)
            return RecordedUnreadable(shard, told.sequenceNumber, told.reason or "", body)
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error, RecursionError) as wrong:
        raise RecordError("is no line of a recording") from wrong
    if told.parents is not None:
        return RecordedShard(ShardDescription(shard, tuple(ShardId(one) for one in told.parents)))
    if told.gap is not None:
        return RecordedGap(shard, told.gap)
    if told.end:
        return RecordedEnd(shard)
    read = raw_from_kinesis if kind is SourceKind.KINESIS else raw_from_lambda
    return RecordedRecord(shard, read(bytes(told.record)))
