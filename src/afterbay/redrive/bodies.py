"""The records that a letter points at: read again from the stream, or taken from where their bodies were kept.

Decides where they are taken from and which of them the owner's filter leaves out. Rules: E16 the closed range and
nothing else, filtered as the mapping does; E18 what the stream has dropped is lost unless somebody kept it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec

from afterbay.core.change.kinesis import raw_from_kinesis
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.change.source import SourceKind
from afterbay.core.change.wire import raw_from_lambda
from afterbay.core.mapping.filters import Passes
from afterbay.core.pipe.filters import compiler_of
from afterbay.errors import RecordError
from afterbay.redrive.letter import DeadLetter, LetterKind
from afterbay.sources.span import Reread, Span
from afterbay.targets.archive import Archive, archive_key_of

__all__ = ["Bodies", "BodiesFrom", "Reader", "compile_filters", "find_bodies", "source_kind"]

Reader = Callable[[Span], Awaitable[Reread]]
"""Reads a span again, from whichever service has it."""


class BodiesFrom(Enum):
    """Where records were had from."""

    STREAM = "stream"
    PAYLOAD = "payload"
    ARCHIVE = "archive"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Bodies:
    """``records`` are those that the owner hands on, in order; ``left_out`` those that its filter keeps back.

    ``lost`` says why the stream has them no more, also where ``come_from`` another place; ``come_from`` None: they are
    nowhere. ``unreadable``: they cannot be had now, or one of them is no record that can be read.
    """

    records: tuple[RawRecord, ...] = ()
    left_out: tuple[RawRecord, ...] = ()
    come_from: BodiesFrom | None = None
    lost: str | None = None
    unreadable: str | None = None


def source_kind(stream_arn: str) -> SourceKind:
    return SourceKind.KINESIS if ":kinesis:" in stream_arn else SourceKind.TABLE


def compile_filters(patterns: Sequence[str], stream_arn: str, owner_arn: str) -> Passes | None:
    """The test that the owner, a mapping's function or a pipe, has its records pass; None: no filters.

    Raises ``PatternError``.
    """
    return compiler_of(owner_arn)(tuple(patterns), source_kind(stream_arn))


async def find_bodies(letter: DeadLetter, passes: Passes | None, read: Reader, archive: Archive | None) -> Bodies:
    """The records of a letter. Raises ``ServiceError``."""
    try:
        return await _find(letter, passes, read, archive)
    except RecordError as broken:
        return Bodies(unreadable=str(broken))


async def _find(letter: DeadLetter, passes: Passes | None, read: Reader, archive: Archive | None) -> Bodies:
    if letter.kind is LetterKind.RULE:
        assert letter.event is not None, "a rule's letter is the event"
        return Bodies((_of_event(letter.event, letter.sent_s),), come_from=BodiesFrom.EVENT)
    if letter.kind is LetterKind.POISON:
        assert letter.event is not None, "a poison record comes with its letter"
        return Bodies(tuple(_of_payload(letter.event, letter.stream_arn)), come_from=BodiesFrom.EVENT)
    if letter.span is None:
        return Bodies(lost=letter.why)
    told = await read(letter.span)
    lost = told.lost or _first_is_missing(told.records, letter.span)
    short = None
    if lost is None:
        if told.records[-1].position == letter.span.last:
            return _filtered(told.records, passes, BodiesFrom.STREAM, None)
        # A letter is removed once what was read of it is sent: a part of it is not enough.
        short = lost = f"the shard shows nothing of the range behind {told.records[-1].position} now"
    if letter.event is not None:
        return _filtered(_of_payload(letter.event, letter.stream_arn), passes, BodiesFrom.PAYLOAD, lost)
    kept = None if archive is None else await archive.get(_archive_key(letter, letter.span))
    if kept is not None:
        return _filtered(_of_payload(kept, letter.stream_arn), passes, BodiesFrom.ARCHIVE, lost)
    return Bodies(lost=lost) if short is None else Bodies(unreadable=short)


def _first_is_missing(records: Sequence[RawRecord], span: Span) -> str | None:
    """A batch's first number is a record's. Where another one comes first, the stream has dropped it: Kinesis begins
    with the oldest that it has, and says nothing."""
    if records and records[0].position == span.first:
        return None
    return "trimmed: the shard does not have the first of these records any more"


def _filtered(records: Sequence[RawRecord], passes: Passes | None, origin: BodiesFrom, lost: str | None) -> Bodies:
    if passes is None:
        return Bodies(tuple(records), (), origin, lost)
    handed_on: list[RawRecord] = []
    left_out: list[RawRecord] = []
    for record in records:
        (handed_on if passes(record.body) else left_out).append(record)
    return Bodies(tuple(handed_on), tuple(left_out), origin, lost)


def _archive_key(letter: DeadLetter, span: Span) -> str:
    ends = (int(span.first), int(span.last))
    return archive_key_of(letter.stream_arn, letter.shard, letter.owner, ends, letter.count, letter.request_id)


class _Event(msgspec.Struct):
    Records: list[msgspec.Raw]


_events = msgspec.json.Decoder(_Event)


def _of_payload(event: bytes, stream_arn: str) -> list[RawRecord]:
    """The records of what a function got (R132, R137)."""
    try:
        bodies = [bytes(one) for one in _events.decode(event).Records]
        if source_kind(stream_arn) is SourceKind.KINESIS:
            return [raw_from_kinesis(one) for one in bodies]
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise RecordError("the bodies that were kept are no event of records", path="payload") from error
    return [raw_from_lambda(one, index=index) for index, one in enumerate(bodies)]


def _of_event(event: bytes, sent_s: float | None) -> RawRecord:
    """A bus's event stands for one record, though it need not carry any."""
    return RawRecord(event, 0, ItemKey(b""), sent_s or 0.0, "event")
