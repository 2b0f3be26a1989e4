"""Messages of moto's queues and records of its Kinesis streams as rows: what a call changed, and putting them back.

moto tells nobody what a call did to a queue: what is there is compared with what is stored. For moto's thread alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from afterbay.endpoint.protocol import ACCOUNT
from afterbay.endpoint.state.state import Op, State

if TYPE_CHECKING:
    from moto.kinesis.models import Stream
    from moto.sqs.models import Message, Queue

__all__ = ["KinesisRows", "MessageRows"]

_Fingerprint: TypeAlias = tuple[object, ...]
_PUT_MESSAGE = "INSERT INTO messages VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"


class _Message(msgspec.Struct, frozen=True, tag_field="form", tag="message-1"):
    """moto's message, its attributes as they are there. ``pending``: it was received and not yet deleted."""

    attributes: dict[str, object]
    pending: bool


class _Record(msgspec.Struct, frozen=True, tag_field="form", tag="kinesis-1"):
    partition_key: str
    explicit_hash_key: str
    data: str
    created_s: float


class MessageRows:
    """The messages of every queue, with receive counts, visibility and receipt handles."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[str, dict[str, _Fingerprint]] = {}
        self._place = 0

    def changes(self, only: frozenset[str] | None = None) -> list[Op]:
        """What to store now. ``only``: names of the queues that can have changed, with their dead-letter queues."""
        ops: list[Op] = []
        there: set[str] = set()
        for queue in list(_queues()):
            there.add(queue.queue_arn)
            if only is None or queue.name in only:
                ops += self._of(queue)
                dead = queue.dead_letter_queue
                if only is not None and dead is not None and dead.name not in only:
                    ops += self._of(dead)
        for arn in self._known.keys() - there:
            del self._known[arn]
            ops.append(("DELETE FROM messages WHERE queue = ?", (arn,)))
        return ops

    def additions(self) -> list[Op]:
        """What to store after a call that can only have added messages: at the ends of queues, looked for there."""
        ops: list[Op] = []
        for queue in _queues():
            known = self._known.setdefault(queue.queue_arn, {})
            new: list[Message] = []
            for message in reversed(_messages(queue)):
                if message.id in known:
                    break
                new.append(message)
            ops += [self._put(queue, message) for message in reversed(new)]
        return ops

    def restore(self) -> None:
        """Put the stored messages back into queues that are there again."""
        from moto.sqs.models import Message

        queues = {queue.queue_arn: queue for queue in _queues()}
        for queue in queues.values():  # what calls that were made again have sent
            vars(queue)["_messages"] = []
            queue.pending_messages.clear()
        rows = self._state.rows("SELECT queue, message, place, body FROM messages ORDER BY place")
        decoder = msgspec.msgpack.Decoder(_Message)
        for arn, name, place, body in rows:
            assert isinstance(body, bytes) and isinstance(place, int), "as they were written"
            self._place = max(self._place, place)
            home = queues.get(str(arn))
            if home is None:
                continue
            row = decoder.decode(body)
            message: object = Message(str(name), "")
            assert isinstance(message, Message)  # moto's metaclass hides it
            vars(message).update(row.attributes)
            _messages(home).append(message)
            if row.pending:
                home.pending_messages.add(message)
            self._known.setdefault(home.queue_arn, {})[message.id] = _fingerprint(home, message)

    def reset(self) -> None:
        self._known.clear()

    def _of(self, queue: Queue) -> list[Op]:
        arn = queue.queue_arn
        known = self._known.get(arn, {})
        now = {message.id: (message, _fingerprint(queue, message)) for message in _messages(queue)}
        gone = "DELETE FROM messages WHERE queue = ? AND message = ?"
        ops: list[Op] = [(gone, (arn, name)) for name in known.keys() - now.keys()]
        self._known[arn] = {
            name: fingerprint for name, (_, fingerprint) in now.items() if known.get(name) == fingerprint
        }
        ops += [self._put(queue, message) for name, (message, _) in now.items() if name not in self._known[arn]]
        return ops

    def _put(self, queue: Queue, message: Message) -> Op:
        self._known[queue.queue_arn][message.id] = _fingerprint(queue, message)
        self._place += 1
        return _PUT_MESSAGE, (queue.queue_arn, message.id, self._place, _encode(queue, message))


class KinesisRows:
    """The records of every Kinesis stream. Its shards come back with the calls that made them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[str, dict[str, int]] = {}

    def changes(self) -> list[Op]:
        """What to store now: records are only added, and go with their stream."""
        ops: list[Op] = []
        there: set[str] = set()
        for home, stream in _streams():
            there.add(home)
            known = self._known.setdefault(home, {})
            for shard_id, shard in stream.shards.items():
                last = known.get(shard_id, 0)
                for number in reversed(shard.records):
                    if number <= last:
                        break
                    known[shard_id] = max(known.get(shard_id, 0), number)
                    one = shard.records[number]
                    row = _Record(one.partition_key, one.explicit_hash_key or "", one.data, one.created_at)
                    values = (home, shard_id, number, msgspec.msgpack.encode(row))
                    ops.append(("INSERT INTO kinesis_records VALUES (?, ?, ?, ?)", values))
        for home in self._known.keys() - there:
            del self._known[home]
            ops.append(("DELETE FROM kinesis_records WHERE stream = ?", (home,)))
        return ops

    def restore(self) -> None:
        """Put the stored records back into streams that are there again."""
        rows = self._state.rows("SELECT stream, shard, number, body FROM kinesis_records ORDER BY number")
        if not rows:
            return
        from datetime import UTC, datetime

        from moto.kinesis.models import Record

        streams = dict(_streams())
        decoder = msgspec.msgpack.Decoder(_Record)
        for home, shard_id, number, body in rows:
            assert isinstance(body, bytes) and isinstance(number, int), "as they were written"
            stream = streams.get(str(home))
            if stream is None or str(shard_id) not in stream.shards:
                continue
            row = decoder.decode(body)
            record: object = Record(row.partition_key, row.data, number, row.explicit_hash_key)
            assert isinstance(record, Record)  # moto's metaclass hides it
            record.created_at = row.created_s
            record.created_at_datetime = datetime.fromtimestamp(row.created_s, UTC).replace(
                tzinfo=record.created_at_datetime.tzinfo
            )
            stream.shards[str(shard_id)].records[number] = record
            self._known.setdefault(str(home), {})[str(shard_id)] = number

    def reset(self) -> None:
        self._known.clear()


def _queues() -> Iterable[Queue]:
    from moto.sqs.models import sqs_backends

    for backend in list(sqs_backends[ACCOUNT].values()):
        yield from backend.queues.values()


def _streams() -> Iterable[tuple[str, Stream]]:
    from moto.kinesis.models import kinesis_backends

    for region, backend in list(kinesis_backends[ACCOUNT].items()):
        for name, stream in backend.streams.items():
            yield f"{region}/{name}", stream


def _messages(queue: Queue) -> list[Message]:
    found: list[Message] = vars(queue)["_messages"]
    return found


def _fingerprint(queue: Queue, message: Message) -> _Fingerprint:
    """What a call can change of a message."""
    return (
        message.approximate_receive_count,
        message.visible_at,
        message.delayed_until,
        message.receipt_handle,
        message in queue.pending_messages,
    )


def _encode(queue: Queue, message: Message) -> bytes:
    return msgspec.msgpack.encode(_Message(vars(message), message in queue.pending_messages))
