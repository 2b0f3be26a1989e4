"""What the journal keeps: one entry for each thing that happened to records, as a range; never an image.

Decides what an entry says and how it is written. Where rows are kept is ``stores``', what becomes an entry is
``engine/journal.py``'s. A row names mapping, shard, range and request id beside the entry, so that it is found
without being read. The tag of an entry is the version of its form; a new form gets a new tag, but a member that may be
left out is no new form.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import Enum
from typing import Literal

import msgspec

from afterbay.telemetry.marks import MARK_BYTES

__all__ = [
    "Answered",
    "Entry",
    "LetterStep",
    "Lettered",
    "Lifecycle",
    "Lost",
    "Passed",
    "Read",
    "Resting",
    "Sent",
    "SinkReason",
    "Told",
    "Verdicts",
    "decode",
    "encode",
    "indexes_of_mark",
    "pack",
    "unpack",
    "verdicts_of",
]

LINE_CHARS_MAX = 65_536
"""What ``into`` prints is far shorter, a few hundred characters a sink; anything may be printed by anyone."""

_VERDICT_LINE = '{"afterbay":"verdicts"'


class Read(msgspec.Struct, frozen=True, gc=False, tag="read-1", kw_only=True):
    """A page. ``positions`` and ``marks`` (``KeyMarks``) tell of its records, in order; ``keys`` only where they may be
    kept in clear. ``filtered_out`` of them reach no batch. ``end``: the shard ends behind it."""

    at_ms: int
    positions: bytes
    marks: bytes
    filtered_out: int
    end: bool = False
    keys: list[bytes] | None = None


class Sent(msgspec.Struct, frozen=True, gc=False, tag="sent-1", kw_only=True):
    """A delivery began. ``attempts`` reached the function before. No ``positions``: a window's final invocation.
    ``why`` the batch was closed when it was (R54, R55)."""

    at_ms: int
    lane: int
    generation: int
    attempts: int
    positions: bytes
    why: str = ""


class Answered(msgspec.Struct, frozen=True, gc=False, tag="answered-1", kw_only=True, omit_defaults=True):
    """A delivery came back. ``outcome`` is the kind's name; ``reason`` says why it failed.

    ``failed_from``: what lies before this position is done. ``failed_some``: these positions failed (pipes, queues).
    ``error_type`` and ``error_message``: what the failure said of itself, the message only where keys are in clear.
    """

    at_ms: int
    lane: int
    outcome: Literal["Delivered", "FailedFrom", "FailedSome", "Failed", "NotReached"]
    reason: str = ""
    failed_from: str | None = None
    failed_some: list[str] | None = None
    retry_after_s: float | None = None
    error_type: str | None = None
    error_message: str | None = None


class Resting(msgspec.Struct, frozen=True, gc=False, tag="resting-1", kw_only=True):
    """A failed batch waits ``delay_s`` (before jitter)."""

    at_ms: int
    lane: int
    delay_s: float


class LetterStep(Enum):
    """How far a dead letter is."""

    ASKED = "asked"
    STORED = "stored"
    SENT = "sent"
    FAILED = "failed"


class Lettered(msgspec.Struct, frozen=True, gc=False, tag="letter-1", kw_only=True):
    """A dead letter came one step further; ``tries`` sends failed before. ``condition`` is R110's."""

    at_ms: int
    step: LetterStep
    condition: str
    destination: str
    count: int
    invoke_count: int
    tries: int = 0


class Passed(msgspec.Struct, frozen=True, gc=False, tag="passed-1", kw_only=True):
    """The saved position moved over this range: a restart never reads it again. ``end``: and the shard is done."""

    at_ms: int
    end: bool = False


class Told(msgspec.Struct, frozen=True, gc=False, tag="told-1", kw_only=True):
    """A notice, as the log has it. With a range if it is about the records of a batch, else about the shard."""

    at_ms: int
    notice: str
    detail: str


class Lifecycle(msgspec.Struct, frozen=True, gc=False, tag="lifecycle-1", kw_only=True, omit_defaults=True):
    """Something that was asked of the mapping, or of a shard, by the name of its event. ``detail``: what just."""

    at_ms: int
    event: str
    detail: str = ""


class SinkReason(msgspec.Struct, frozen=True, gc=False):
    """Why a sink failed so many ``records``."""

    sink: str
    kind: str
    reason: str
    records: int


class Verdicts(msgspec.Struct, frozen=True, gc=False, tag="verdicts-1", kw_only=True):
    """What the sinks of one invocation said (E8). ``sinks``: label -> verdict's name -> records."""

    at_ms: int
    records: int
    failed: int
    sinks: dict[str, dict[str, int]]
    reasons: list[SinkReason]


class Lost(msgspec.Struct, frozen=True, gc=False, tag="lost-1", kw_only=True):
    """So many rows are missing before this one: the store did not take them in time."""

    at_ms: int
    rows: int


Entry = Read | Sent | Answered | Resting | Lettered | Passed | Told | Lifecycle | Verdicts | Lost

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Entry] = msgspec.msgpack.Decoder(Entry)

encode = _ENCODER.encode


def decode(body: bytes) -> Entry:
    """Raises ``msgspec.MsgspecError`` for bytes that are no entry of ours."""
    return _DECODER.decode(body)


def pack(positions: Sequence[int]) -> tuple[int, int, bytes]:
    """The lowest and the highest of ``positions`` (one at least) and, packed, all of them in their order.

    Sequence numbers have up to 40 digits (S46), Kinesis' 56: kept is how far each is above the lowest, in eight bytes
    where that is enough.
    """
    first = positions[0]
    offsets = [position - first for position in positions]
    try:
        return first, positions[-1], struct.pack(f">B{len(offsets)}Q", 8, *offsets)
    except struct.error:  # far apart, or in no order
        first, last = min(positions), max(positions)
        width = max(1, ((last - first).bit_length() + 7) // 8)
        wide = [(position - first).to_bytes(width, "big") for position in positions]
        return first, last, b"".join((bytes((width,)), *wide))


def unpack(first: int, packed: bytes) -> list[int]:
    """What ``pack`` was given; ``first`` is the lowest of it."""
    if not packed:
        return []
    width = packed[0]
    return [first + int.from_bytes(packed[at : at + width], "big") for at in range(1, len(packed), width)]


def indexes_of_mark(read: Read, mark: bytes) -> list[int]:
    """Which records of a page have this mark."""
    found: list[int] = []
    at = read.marks.find(mark)
    while at >= 0:
        if at % MARK_BYTES == 0:
            found.append(at // MARK_BYTES)
        at = read.marks.find(mark, at + 1)
    return found


class _VerdictLine(msgspec.Struct, gc=False):
    """The line of ``handler.report``."""

    request_id: str | None
    records: int
    failed: int
    sinks: list[dict[str, str | int]]
    reasons: list[SinkReason]


_LINES = msgspec.json.Decoder(_VerdictLine)


def verdicts_of(text: str, at_ms: int) -> tuple[str | None, Verdicts] | None:
    """The verdicts in a line of a function's log, and the request id that it names; None for any other line."""
    if not text.startswith(_VERDICT_LINE) or len(text) > LINE_CHARS_MAX:
        return None
    try:
        line = _LINES.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None  # it only looks like one
    sinks = {
        str(one.get("sink", "")): {name: count for name, count in one.items() if isinstance(count, int)}
        for one in line.sinks
    }
    made = Verdicts(at_ms=at_ms, records=line.records, failed=line.failed, sinks=sinks, reasons=line.reasons)
    return line.request_id, made
