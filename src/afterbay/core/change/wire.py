"""Records on the wire: GetRecords' form spliced into Lambda's, pages split, payloads joined.

Decides what the bytes of a record are on their way through (DESIGN section 2): a record's JSON is parsed no further
than its head, and changed by cutting, not by writing it anew. What a record *means* is ``record.py``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from afterbay.core.change.itemkey import item_key
from afterbay.core.change.raw import RawRecord
from afterbay.core.change.sequence import DIGITS_MAX, DIGITS_MIN
from afterbay.core.change.view import ChangeKind
from afterbay.errors import RecordError

__all__ = [
    "CREATED_S_MAX",
    "JsonValue",
    "UnreadableRecordError",
    "lambda_record",
    "payload",
    "raw_from_lambda",
    "raw_record",
    "split_page",
]

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
"""What a JSON text holds. JSON enters as this and is narrowed at once."""

CREATED_S_MAX = 10**11
"""Above every moment in seconds that is meant (year 5138): a larger number counts milli- or microseconds (S63)."""


class UnreadableRecordError(RecordError):
    """A record whose head cannot be read: it has no place in its shard that we know of.

    Nothing is lost with it: ``body`` is the record as it came, ``index`` its place in the page, ``before`` what the
    page held ahead of it, ``sequence_number`` its number if that much can be read.
    """

    def __init__(
        self,
        message: str,
        *,
        body: bytes,
        index: int = 0,
        sequence_number: str | None = None,
        before: tuple[RawRecord, ...] = (),
    ) -> None:
        named = f"sequence number {sequence_number}" if sequence_number else "sequence number not readable"
        super().__init__(f"{message} ({named})", path=f"Records[{index}]")
        self.reason = message
        self.body = body
        self.index = index
        self.sequence_number = sequence_number
        self.before = before


class _Change(msgspec.Struct, gc=False):
    Keys: Raw
    SequenceNumber: str
    ApproximateCreationDateTime: float


class _Head(msgspec.Struct, gc=False):
    """What is read of every record. Members are named as on the wire."""

    eventName: str
    dynamodb: _Change
    userIdentity: Raw | UnsetType = UNSET
    eventSourceARN: Raw | UnsetType = UNSET


class _Page(msgspec.Struct, gc=False):
    """``Records`` must be there: an error document is no empty page, and would end the shard."""

    Records: list[Raw]
    NextShardIterator: str | None = None


_heads = msgspec.json.Decoder(_Head)
_pages = msgspec.json.Decoder(_Page)
_members = msgspec.json.Decoder(dict[str, Raw])

_KINDS = frozenset(map(str, ChangeKind))
_CREATED = b'"ApproximateCreationDateTime"'
_FIRST = b'"dynamodb":{' + _CREATED + b":"
_SECONDS_DIGITS = 10
"""Of every creation time from 2001 to 2286."""
_COMMA = ord(",")
_WHOLE_SECONDS = re.compile(rb"\s*:\s*[0-9]+(?=[\s,}])")


def split_page(page: bytes, stream_arn: str) -> tuple[list[RawRecord], str | None]:
    """The records of one GetRecords answer in Lambda's form, in order, and the next iterator (None: the shard's end).

    Raises ``RecordError`` when the answer is no page at all, ``UnreadableRecordError`` at the first record whose head
    cannot be read.
    """
    try:
        answer = _pages.decode(page)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise RecordError(f"not a GetRecords answer: {_reason(broken)}") from broken
    records: list[RawRecord] = []
    tail = _arn_member(stream_arn)
    ascii_only = page.isascii()
    opening = _opening(bytes(answer.Records[0])) if answer.Records else b""
    for index, raw in enumerate(answer.Records):
        try:
            records.append(_spliced(bytes(raw), stream_arn, tail, opening, ascii_only=ascii_only))
        except RecordError as unreadable:
            raise _unreadable(bytes(raw), unreadable, index, tuple(records)) from unreadable
    return records, answer.NextShardIterator


def raw_record(raw: bytes, stream_arn: str, *, index: int = 0) -> RawRecord:
    """One record of GetRecords' form, in Lambda's. Raises ``UnreadableRecordError`` that carries ``raw``."""
    raw = raw.strip()
    try:
        return _spliced(raw, stream_arn, _arn_member(stream_arn))
    except RecordError as unreadable:
        raise _unreadable(raw, unreadable, index) from unreadable


def raw_from_lambda(body: bytes, *, index: int = 0) -> RawRecord:
    """One record that is in Lambda's form already; ``body`` stays as it is. Raises ``UnreadableRecordError``."""
    body = body.strip()
    try:
        return _headed(body, _head(body))
    except RecordError as unreadable:
        raise _unreadable(body, unreadable, index) from unreadable


def lambda_record(raw: bytes, stream_arn: str) -> bytes:
    """A record of GetRecords' form in the form that Lambda hands to a function; no member is lost.

    Rules: S59, R132 ``eventSourceARN`` is added, S63, R133 the creation time has a fraction, S65, R136 the members of
    ``userIdentity`` are in lower case.
    """
    return raw_record(raw, stream_arn).body


def payload(records: Iterable[RawRecord]) -> bytes:
    """The event that a function gets (R132): the records' bodies, joined."""
    return b'{"Records":[' + b",".join([record.body for record in records]) + b"]}"


def _spliced(raw: bytes, stream_arn: str, tail: bytes, opening: bytes = b"", *, ascii_only: bool = False) -> RawRecord:
    """``opening``: how another record of the page begins (``_opening``); most begin with the same bytes."""
    head = _head(raw, ascii_only=ascii_only)
    if head.userIdentity is UNSET and head.eventSourceARN is UNSET:
        begin = len(opening)
        end = begin + _SECONDS_DIGITS
        known = begin and raw.startswith(opening) and raw[begin:end].isdigit() and raw[end] == _COMMA
        if known or (end := _end_of_digits(raw)):
            return _headed(b"".join((raw[:end], b".0", raw[end:-1], tail)), head)
    try:
        return _headed(_rebuilt(raw, stream_arn), head)
    except (msgspec.DecodeError, UnicodeDecodeError) as broken:
        raise RecordError(f"a record cannot be taken apart: {_reason(broken)}") from broken


def _opening(raw: bytes) -> bytes:
    """The bytes before the digits of the creation time in the order in which the service writes: it is the first member
    of the first object inside the record, and that is ``dynamodb``; no backslash before it: the quotes are what they
    seem. Empty in any other order. Whatever follows, JSON that begins with these bytes has its creation time there.
    """
    start = raw.find(_FIRST)
    in_order = start > 0 and raw.find(b"{", 1, start) < 0 and raw.find(b"\\", 0, start) < 0
    return raw[: start + len(_FIRST)] if in_order else b""


def _end_of_digits(raw: bytes) -> int:
    """Where the whole seconds of the creation time end; 0 where only parsing can tell.

    ``raw`` is valid JSON with that member. Out of the service's order it is found by name, if no backslash hides
    another spelling and the name in quotes stands in the record once: an attribute of that name, or such a text, makes
    it two.
    """
    if opening := _opening(raw):
        end = raw.find(b",", len(opening))
        if raw[len(opening) : end].isdigit():
            return end
    if b"\\" in raw or raw.count(_CREATED) != 1:
        return 0
    digits = _WHOLE_SECONDS.match(raw, raw.find(_CREATED) + len(_CREATED))
    return digits.end() if digits is not None else 0


def _rebuilt(raw: bytes, stream_arn: str) -> bytes:
    """The same by taking the record apart. Members that nobody here knows are kept, in their order."""
    record = _members.decode(raw)
    change = _members.decode(record["dynamodb"])
    change["ApproximateCreationDateTime"] = Raw(_seconds(bytes(change["ApproximateCreationDateTime"])))
    record["dynamodb"] = Raw(msgspec.json.encode(change))
    if "userIdentity" in record:
        record["userIdentity"] = _lower_identity(record["userIdentity"])
    record["eventSourceARN"] = Raw(msgspec.json.encode(stream_arn))
    return msgspec.json.encode(record)


def _lower_identity(identity: Raw) -> Raw:
    """``Type`` and ``PrincipalId`` in Lambda's spelling (S65); what is no object stays, and is told when read."""
    if not bytes(identity).startswith(b"{"):
        return identity
    members = _members.decode(identity)
    spelled = {"Type": "type", "PrincipalId": "principalId"}
    return Raw(msgspec.json.encode({spelled.get(name, name): value for name, value in members.items()}))


def _seconds(number: bytes) -> bytes:
    """A creation time with a fraction: ``1789649451`` -> ``1789649451.0``, ``1.4648E9`` -> ``1464800000.0`` (S5)."""
    if b"e" in number.lower():
        return msgspec.json.encode(float(number))
    return number if b"." in number else number + b".0"


def _head(raw: bytes, *, ascii_only: bool = False) -> _Head:
    """The typed head of a record that is UTF-8 throughout: one that is not would spoil the whole batch's payload."""
    try:
        if not ascii_only and not raw.isascii():
            raw.decode()
        return _heads.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise RecordError(f"the head of a record cannot be read: {_reason(broken)}") from broken


def _headed(body: bytes, head: _Head) -> RawRecord:
    change = head.dynamodb
    digits = change.SequenceNumber
    if not (DIGITS_MIN <= len(digits) <= DIGITS_MAX and digits.isascii() and digits.isdecimal() and digits[0] != "0"):
        raise RecordError(f"SequenceNumber has {DIGITS_MIN} to {DIGITS_MAX} digits, without leading zero (S46)")
    if head.eventName not in _KINDS:
        raise RecordError(f"eventName is one of {', '.join(ChangeKind)} (S59)")
    created_s = change.ApproximateCreationDateTime
    if not 0 <= created_s < CREATED_S_MAX:
        raise RecordError("ApproximateCreationDateTime counts epoch seconds (S63)")
    return RawRecord(body, int(digits), item_key(bytes(change.Keys)), created_s, head.eventName)


@lru_cache(maxsize=256)
def _arn_member(stream_arn: str) -> bytes:
    return b',"eventSourceARN":' + msgspec.json.encode(stream_arn) + b"}"


def _unreadable(
    body: bytes, error: RecordError, index: int, before: tuple[RawRecord, ...] = ()
) -> UnreadableRecordError:
    return UnreadableRecordError(
        str(error), body=body, index=index, sequence_number=_sequence_number(body), before=before
    )


def _sequence_number(body: bytes) -> str | None:
    """The number of a record whose head is not whole, or None. For messages only, so looked for as text."""
    found = re.search(rb'"SequenceNumber"\s*:\s*"([0-9]{21,40})"', body)
    return found[1].decode("ascii") if found else None


def _reason(error: Exception) -> str:
    """What msgspec says of the shape; it names members and types, never values."""
    return "nested too deep" if isinstance(error, RecursionError) else str(error)
