"""GetRecords answers cut into records in Lambda's form.

Decides where one record of a page ends and the next begins. Every record of every stream passes here: a page is cut
where records seem to begin, each piece is parsed once, for its head, which proves the cut, and what is checked of heads
is checked of all of them together. What cannot be cut is taken apart by parsing the page; that says what is wrong and
where, too. What a record's own bytes become is ``wire.py``'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw

from afterbay.core.change.itemkey import item_keys
from afterbay.core.change.raw import RawRecord
from afterbay.core.change.sequence import DIGITS_MAX, DIGITS_MIN
from afterbay.core.change.wire import (
    CREATED_S_MAX,
    KINDS,
    OPENING_END,
    Head,
    arn_member,
    body_of,
    heads,
    opening_of,
    reason,
    spliced,
    unreadable_record,
)
from afterbay.errors import RecordError

__all__ = ["split_page"]


class _Page(msgspec.Struct, gc=False):
    """``Records`` must be there: an error document is no empty page, and would end the shard."""

    Records: list[Raw]
    NextShardIterator: str | None = None


class _NotCut(Exception):
    """The page has no form that is cut, or a record that needs a closer look."""


_pages = msgspec.json.Decoder(_Page)

_RECORDS = b'"Records":['
_BETWEEN = re.compile(rb',(?=\{"(?:awsRegion|dynamodb|event|userIdentity))')
"""A comma between two records, as it seems: the next one begins with a member that records have."""

_SECONDS_DIGITS = 10
"""Of every creation time from 2001 to 2286."""
_COMMA, _BRACE = b",}"

_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def split_page(page: bytes, stream_arn: str) -> tuple[list[RawRecord], str | None]:
    """The records of one GetRecords answer in Lambda's form, in order, and the next iterator (None: the shard's end).

    Raises ``RecordError`` when the answer is no page at all, ``UnreadableRecordError`` at the first record whose head
    cannot be read.
    """
    try:
        return _cut(page, stream_arn)
    except (_NotCut, RecordError, *_BROKEN):
        return _parsed(page, stream_arn)


def _parsed(page: bytes, stream_arn: str) -> tuple[list[RawRecord], str | None]:
    """``split_page`` for any page: what ``_cut`` agrees with."""
    try:
        answer = _pages.decode(page)
    except _BROKEN as broken:
        raise RecordError(f"not a GetRecords answer: {reason(broken)}") from broken
    records: list[RawRecord] = []
    for index, raw in enumerate(answer.Records):
        try:
            records.append(spliced(bytes(raw), stream_arn))
        except RecordError as error:
            raise unreadable_record(bytes(raw), error, index, tuple(records)) from error
    return records, answer.NextShardIterator


def _cut(page: bytes, stream_arn: str) -> tuple[list[RawRecord], str | None]:
    """``split_page`` for a page written without blanks, as the service does.

    What stands between the brackets of ``Records`` is a list of records if each piece of it is one whole object, and
    it is the page's if the page without it is one. Raises ``_NotCut``, ``RecordError`` or msgspec's errors when that
    cannot be shown.
    """
    begin, end = page.find(_RECORDS) + len(_RECORDS), page.rfind(b"]")
    if not len(_RECORDS) <= begin < end:
        raise _NotCut
    _pages.decode(page[:begin] + b"]}")  # the bracket opens the page's own list, not one inside a member
    answer = _pages.decode(page[:begin] + page[end:])
    if not page.isascii():
        page.decode()  # msgspec does not look at what it skips
    raws = _BETWEEN.split(memoryview(page)[begin:end])
    read = list(map(heads.decode, raws))
    bodies = _bodies(raws, read, _opening_in(page, begin), stream_arn)
    return _headed(bodies, read), answer.NextShardIterator


def _bodies(raws: Sequence[bytes], read: Sequence[Head], opening: bytes, stream_arn: str) -> list[bytes]:
    """``opening``: what most of ``raws`` begin with."""
    begin = len(opening)
    end = begin + _SECONDS_DIGITS
    tail = arn_member(stream_arn)
    bodies: list[bytes] = []
    for raw, head in zip(raws, read, strict=True):
        is_plain = head.userIdentity is UNSET and head.eventSourceARN is UNSET and raw[-1] == _BRACE
        if is_plain and raw.startswith(opening) and raw[begin:end].isdigit() and raw[end] == _COMMA:
            bodies.append(b"".join((raw[:end], b".0", raw[end:-1], tail)))
        else:
            bodies.append(body_of(raw.strip(), head, stream_arn))
    return bodies


def _headed(bodies: Sequence[bytes], read: Sequence[Head]) -> list[RawRecord]:
    """Raises ``_NotCut`` where one of them has no place in a shard."""
    changes = [head.dynamodb for head in read]
    numbers = [change.SequenceNumber for change in changes]
    digits, sizes = "".join(numbers), list(map(len, numbers))
    created_s = [change.ApproximateCreationDateTime for change in changes]
    names = [head.eventName for head in read]
    if not (
        digits.isascii()
        and digits.isdecimal()
        and min(sizes) >= DIGITS_MIN
        and max(sizes) <= DIGITS_MAX
        and min(numbers) >= "1"  # no leading zero
        and min(created_s) >= 0
        and max(created_s) < CREATED_S_MAX
        and KINDS.issuperset(names)
    ):
        raise _NotCut
    keys = item_keys([bytes(change.Keys) for change in changes])
    return list(map(RawRecord, bodies, map(int, numbers), keys, created_s, names))


def _opening_in(page: bytes, begin: int) -> bytes:
    """What the first record in the service's order begins with, up to the digits of its creation time."""
    at = page.find(OPENING_END, begin)
    opening = opening_of(page[page.rfind(b"{", begin, at) : at + len(OPENING_END)]) if at > 0 else b""
    if not opening:
        raise _NotCut
    return opening
