"""Streams as rows of the state's file: what a change of a stream has to store, and the streams that are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from afterbay.core.change.arn import parse_stream_arn
from afterbay.core.shard.position import Position, ShardId
from afterbay.emulator.rows import RecordRow, ShardRow, StreamRow, rebuild, shard_row, stream_row
from afterbay.emulator.shard import ShardLog
from afterbay.emulator.stream import Appended, StreamLog
from afterbay.endpoint.state.state import Op, State
from afterbay.errors import StateError

__all__ = ["StreamRows"]

_POSITION_BYTES = 24
_Numbers = dict[ShardId, int]


class _Shard(msgspec.Struct, frozen=True, tag_field="form", tag="shard-1"):
    """``ShardRow`` with its large numbers as text."""

    parent: str | None
    low: str
    high: str
    created_ms: int
    start: str
    reserved: str
    trimmed: str | None
    closed_s: int | None
    end_number: str | None


_SHARD = msgspec.msgpack.Decoder(_Shard)
_STREAM = msgspec.msgpack.Decoder(StreamRow)
_PUT_STREAM = "INSERT OR REPLACE INTO streams VALUES (?, ?, ?)"
_PUT_SHARD = "INSERT INTO shards VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
_TRIMMED_EVERY_S = 60
"""What is trimmed stays in the file for at most so long: it is trimmed again at a restart, by the same rule."""


class StreamRows:
    """Notes every change of the registry's streams. For the event loop."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._numbers: dict[str, _Numbers] = {}
        self._stored: dict[str, dict[ShardId, int]] = {}
        self._trimmed_s: dict[str, int] = {}
        self._last = 0

    def restore(self, draw_seed: Callable[[], bytes]) -> Iterator[tuple[StreamLog, bool]]:
        """Every stored stream, and whether it is its table's. Raises ``StateError``."""
        for arn, latest, body in self._state.rows("SELECT arn, latest, body FROM streams ORDER BY arn"):
            assert isinstance(body, bytes), "as it was written"
            try:
                yield self._restored(str(arn), body, draw_seed()), bool(latest)
            except msgspec.MsgspecError as error:
                raise StateError(f"the state of stream {arn} cannot be read: {error}") from error

    def reserve(self, logs: Iterable[StreamLog]) -> None:
        """What was restored goes on in numbers of another block."""
        for log in logs:
            self._state.note([self._put(log.arn.arn, shard) for shard in log.shards() if not shard.closed])

    def changed(self, log: StreamLog, *, latest: bool) -> None:
        """The stream or its shards changed: a new one, a split, a roll, an end."""
        arn = log.arn.arn
        ops: list[Op] = [(_PUT_STREAM, (arn, int(latest), msgspec.msgpack.encode(stream_row(log))))]
        ops += [self._put(arn, shard) for shard in log.shards()]
        self._state.note(ops)

    def appended(self, log: StreamLog, records: Iterable[Appended]) -> None:
        arn = log.arn.arn
        ops: list[Op] = []
        for one in records:
            shard = log.shard(one.shard)
            if self._stored[arn].get(one.shard) != shard.reserved:
                ops.append(self._put(arn, shard))
            position = one.number.to_bytes(_POSITION_BYTES, "big")
            values = (self._number(arn, one.shard), one.created_s, position, one.body)
            ops.append(("INSERT INTO records VALUES (?, ?, ?, ?)", values))
        self._state.note(ops)

    def trimmed(self, log: StreamLog, horizon_s: int) -> None:
        """Records created before ``horizon_s`` are gone; the file follows from time to time."""
        arn = log.arn.arn
        if horizon_s < self._trimmed_s.setdefault(arn, horizon_s) + _TRIMMED_EVERY_S:
            return
        self._trimmed_s[arn] = horizon_s
        there = {shard.shard_id: shard for shard in log.shards()}
        ops: list[Op] = []
        for shard_id, number in list(self._numbers.get(arn, {}).items()):
            ops.append(("DELETE FROM records WHERE shard = ? AND created_s < ?", (number, horizon_s)))
            shard = there.get(shard_id)
            if shard is None:
                ops += self._without(arn, shard_id, number)
            elif shard.trimmed is not None:
                ops.append(self._put(arn, shard))
        self._state.note(ops)

    def dropped(self, log: StreamLog) -> None:
        """The stream cannot be described any more."""
        arn = log.arn.arn
        ops: list[Op] = [("DELETE FROM streams WHERE arn = ?", (arn,))]
        for shard_id, number in list(self._numbers.get(arn, {}).items()):
            ops += self._without(arn, shard_id, number)
        self._numbers.pop(arn, None)
        self._state.note(ops)

    def reset(self) -> None:
        """All rows are being deleted."""
        self._numbers.clear()
        self._stored.clear()

    def _without(self, arn: str, shard_id: ShardId, number: int) -> list[Op]:
        del self._numbers[arn][shard_id]
        self._stored[arn].pop(shard_id, None)
        return [("DELETE FROM records WHERE shard = ?", (number,)), ("DELETE FROM shards WHERE number = ?", (number,))]

    def _number(self, arn: str, shard_id: ShardId) -> int:
        numbers = self._numbers.setdefault(arn, {})
        if shard_id not in numbers:
            self._last += 1
            numbers[shard_id] = self._last
        return numbers[shard_id]

    def _put(self, arn: str, shard: ShardLog) -> Op:
        row = shard_row(shard)
        self._stored.setdefault(arn, {})[shard.shard_id] = row.reserved
        return _PUT_SHARD, (self._number(arn, shard.shard_id), arn, shard.shard_id, _encode(row))

    def _restored(self, arn: str, body: bytes, seed: bytes) -> StreamLog:
        shards: dict[ShardId, tuple[ShardRow, Iterable[RecordRow]]] = {}
        self._numbers[arn], self._stored[arn] = {}, {}
        for number, name, row in self._state.rows("SELECT number, shard, body FROM shards WHERE stream = ?", (arn,)):
            assert isinstance(number, int) and isinstance(row, bytes), "as they were written"
            shard_id, shard = ShardId(str(name)), _decode(row)
            self._numbers[arn][shard_id], self._stored[arn][shard_id] = number, shard.reserved
            self._last = max(self._last, number)
            shards[shard_id] = (shard, self._records(number))
        return rebuild(parse_stream_arn(arn), _STREAM.decode(body), shards, seed=seed)

    def _records(self, shard: int) -> Iterator[RecordRow]:
        query = "SELECT position, created_s, body FROM records WHERE shard = ? ORDER BY position"
        for position, created_s, body in self._state.rows(query, (shard,)):
            assert isinstance(position, bytes) and isinstance(created_s, int) and isinstance(body, bytes), "as written"
            yield RecordRow(Position(int.from_bytes(position, "big")), created_s, body)


def _encode(row: ShardRow) -> bytes:
    return msgspec.msgpack.encode(
        _Shard(
            row.parent,
            str(row.low),
            str(row.high),
            row.created_ms,
            str(row.start),
            str(row.reserved),
            None if row.trimmed is None else str(row.trimmed),
            row.closed_s,
            None if row.end_number is None else str(row.end_number),
        )
    )


def _decode(body: bytes) -> ShardRow:
    row = _SHARD.decode(body)
    return ShardRow(
        None if row.parent is None else ShardId(row.parent),
        int(row.low),
        int(row.high),
        row.created_ms,
        Position(int(row.start)),
        int(row.reserved),
        None if row.trimmed is None else Position(int(row.trimmed)),
        row.closed_s,
        None if row.end_number is None else Position(int(row.end_number)),
    )
