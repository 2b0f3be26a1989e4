"""A saved shard and a dead letter as bytes, and back.

Positions are text in here: a sequence number does not fit a 64-bit integer (S47, S58). The tag in each row is the
version of its form; a new form gets a new tag, and the old one is still read.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from afterbay.core.mapping.checkpoint import SavedAt, SavedShard
from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.mapping.outcome import ResponseContext
from afterbay.core.mapping.window import WindowCall
from afterbay.core.shard.position import After, AtTime, Position, ShardEnd, ShardId, TrimHorizon

__all__ = ["LetterKey", "decode_letter", "decode_shard", "encode_letter", "encode_shard", "passes"]


class LetterKey(NamedTuple):
    """What makes two letters one: the batch's id and the last record discarded.

    The id alone says too little. A batch that dies with its process is cut again and has its id again, and by then more
    of it may be too old than the letter before the crash names.
    """

    mapping: str
    shard: str
    request_id: str
    last: str

    @classmethod
    def of(cls, letter: Letter) -> LetterKey:
        return cls(letter.mapping, letter.shard, letter.request_id, str(letter.last))


class _Shard(msgspec.Struct, frozen=True, tag_field="form", tag="shard-1"):
    at: str
    parents: tuple[str, ...]
    epoch: str | None
    window: bytes | None
    position: str | None = None
    time: datetime | None = None
    lanes: tuple[str, ...] = ()


class _Letter(msgspec.Struct, frozen=True, tag_field="form", tag="letter-1", kw_only=True):
    mapping: str
    shard: str
    request_id: str
    destination: str
    function_arn: str
    stream_arn: str
    condition: Condition
    invoke_count: int
    first: str
    last: str
    first_created_s: float
    last_created_s: float
    count: int
    response: ResponseContext | None
    event: bytes
    window: WindowCall | None


_SHARD = msgspec.msgpack.Decoder(_Shard)
_LETTER = msgspec.msgpack.Decoder(_Letter)


def passes(at: SavedAt, last: Position) -> bool:
    """True when a reader that resumes at ``at`` never sees ``last`` again."""
    match at:
        case After(position):
            return position >= last
        case ShardEnd():
            return True
        case TrimHorizon() | AtTime():
            return False


def encode_shard(saved: SavedShard) -> bytes:
    position: str | None = None
    time: datetime | None = None
    match saved.at:
        case TrimHorizon():
            at = "TRIM_HORIZON"
        case AtTime(time):
            at = "AT_TIME"
        case After(after):
            at, position = "AFTER", str(after)
        case ShardEnd():
            at = "SHARD_END"
    lanes = tuple(str(lane) for lane in saved.lanes)
    row = _Shard(at, saved.parents, saved.epoch, saved.window, position, time, lanes)
    return msgspec.msgpack.encode(row)


def decode_shard(shard: str, body: bytes) -> SavedShard:
    """Raises ``msgspec.MsgspecError`` for bytes that are no row of ours."""
    row = _SHARD.decode(body)
    parents = tuple(ShardId(parent) for parent in row.parents)
    lanes = tuple(Position(int(lane)) for lane in row.lanes)
    return SavedShard(ShardId(shard), _saved_at(row), parents, row.epoch, row.window, lanes)


def _saved_at(row: _Shard) -> SavedAt:
    match row:
        case _Shard(at="TRIM_HORIZON"):
            return TrimHorizon()
        case _Shard(at="AT_TIME", time=datetime() as time):
            return AtTime(time)
        case _Shard(at="AFTER", position=str() as position):
            return After(Position(int(position)))
        case _Shard(at="SHARD_END"):
            return ShardEnd()
        case _:
            raise msgspec.ValidationError(f"a saved position is incomplete: {row.at}")


def encode_letter(letter: Letter) -> bytes:
    row = _Letter(
        mapping=letter.mapping,
        shard=letter.shard,
        request_id=letter.request_id,
        destination=letter.destination,
        function_arn=letter.function_arn,
        stream_arn=letter.stream_arn,
        condition=letter.condition,
        invoke_count=letter.invoke_count,
        first=str(letter.first),
        last=str(letter.last),
        first_created_s=letter.first_created_s,
        last_created_s=letter.last_created_s,
        count=letter.count,
        response=letter.response,
        event=letter.event,
        window=letter.window,
    )
    return msgspec.msgpack.encode(row)


def decode_letter(body: bytes) -> Letter:
    """Raises ``msgspec.MsgspecError`` for bytes that are no row of ours."""
    row = _LETTER.decode(body)
    return Letter(
        mapping=row.mapping,
        shard=ShardId(row.shard),
        request_id=row.request_id,
        destination=row.destination,
        function_arn=row.function_arn,
        stream_arn=row.stream_arn,
        condition=row.condition,
        invoke_count=row.invoke_count,
        first=Position(int(row.first)),
        last=Position(int(row.last)),
        first_created_s=row.first_created_s,
        last_created_s=row.last_created_s,
        count=row.count,
        response=row.response,
        event=row.event,
        window=row.window,
    )
