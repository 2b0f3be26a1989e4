"""Records on the wire: GetRecords' form spliced into Lambda's, payloads joined.

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
    "KINDS",
    "OPENING_END",
    "Head",
    "JsonValue",
    "UnreadableRecordError",
    "arn_member",
    "body_of",
    "heads",
    "lambda_record",
    "opening_of",
    "payload",
    "raw_from_lambda",
    "raw_record",
    "reason",
    "spliced",
    "unreadable_record",
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


class Head(msgspec.Struct, gc=False):
    """What is read of every record. Members are named as on the wire."""

    eventName: str
    dynamodb: _Change
    userIdentity: Raw | UnsetType = UNSET
    eventSourceARN: Raw | UnsetType = UNSET


heads = msgspec.json.Decoder(Head)
"""A record's bytes -> its head. All of them are checked to be JSON; that they are UTF-8 is for others to see."""

_members = msgspec.json.Decoder(dict[str, Raw])

KINDS = frozenset(map(str, ChangeKind))
"""What ``eventName`` may be (S59)."""

_CREATED = b'"ApproximateCreationDateTime"'
OPENING_END = b'"dynamodb":{' + _CREATED + b":"
"""What stands before the creation time where it is the first member of the change, as the service writes it."""

_BACKSLASH = ord("\\")

_WHOLE_SECONDS = re.compile(rb"\s*:\s*[0-9]+(?=[\s,}])")


def raw_record(raw: bytes, stream_arn: str, *, index: int = 0) -> RawRecord:
    """One record of GetRecords' form, in Lambda's. Raises ``UnreadableRecordError`` that carries ``raw``."""
    raw = raw.strip()
    try:
        return spliced(raw, stream_arn)
    except RecordError as unreadable:
        raise unreadable_record(raw, unreadable, index) from unreadable


def raw_from_lambda(body: bytes, *, index: int = 0) -> RawRecord:
    """One record that is in Lambda's form already; ``body`` stays as it is. Raises ``UnreadableRecordError``."""
    body = body.strip()
    try:
        return _headed(body, _head(body))
    except RecordError as unreadable:
        raise unreadable_record(body, unreadable, index) from unreadable


def lambda_record(raw: bytes, stream_arn: str) -> bytes:
    """A record of GetRecords' form in the form that Lambda hands to a function; no member is lost.

    Rules: S59, R132 ``eventSourceARN`` is added, S63, R133 the creation time has a fraction, S65, R136 the members of
    ``userIdentity`` are in lower case.
    """
    return raw_record(raw, stream_arn).body


def payload(records: Iterable[RawRecord]) -> bytes:
    """The event that a function gets (R132): the records' bodies, joined."""
    return b'{"Records":[' + b",".join([record.body for record in records]) + b"]}"


def spliced(raw: bytes, stream_arn: str) -> RawRecord:
    """``raw_record`` for bytes without blanks around them. Raises ``RecordError``."""
    head = _head(raw)
    return _headed(body_of(raw, head, stream_arn), head)


def body_of(raw: bytes, head: Head, stream_arn: str) -> bytes:
    """A record of GetRecords' form, of which ``head`` was read, in Lambda's. Raises ``RecordError``."""
    if head.userIdentity is UNSET and head.eventSourceARN is UNSET and (end := _end_of_digits(raw)):
        return b"".join((raw[:end], b".0", raw[end:-1], arn_member(stream_arn)))
    try:
        return _rebuilt(raw, stream_arn)
    except (msgspec.DecodeError, UnicodeDecodeError) as broken:
        raise RecordError(f"a record cannot be taken apart: {reason(broken)}") from broken


def opening_of(raw: bytes) -> bytes:
    """The bytes before the digits of the creation time in the order in which the service writes: it is the first member
    of the first object inside the record, and that is ``dynamodb``; no backslash before it: the quotes are what they
    seem. Empty in any other order. Whatever follows, JSON that begins with these bytes has its creation time there.
    """
    start = raw.find(OPENING_END)
    in_order = start > 0 and raw.find(b"{", 1, start) < 0 and raw.find(b"\\", 0, start) < 0
    return raw[: start + len(OPENING_END)] if in_order else b""


def _end_of_digits(raw: bytes) -> int:
    """Where the whole seconds of the creation time end; 0 where only parsing can tell.

    ``raw`` is valid JSON with that member. Out of the service's order it is found by name, if no backslash hides
    another spelling and the name in quotes stands in the record once: an attribute of that name, or such a text, makes
    it two.
    """
    behind = raw.find(_CREATED) + len(_CREATED)
    if opening := opening_of(raw[: behind + 1]):
        end = raw.find(b",", len(opening))
        if raw[len(opening) : end].isdigit():
            return end
    if raw.find(_CREATED, behind) > 0 or _BACKSLASH in raw:
        return 0
    digits = _WHOLE_SECONDS.match(raw, behind)
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


def _head(raw: bytes) -> Head:
    """The typed head of a record that is UTF-8 throughout: one that is not would spoil the whole batch's payload."""
    try:
        if not raw.isascii():
            raw.decode()
        return heads.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise RecordError(f"the head of a record cannot be read: {reason(broken)}") from broken


def _headed(body: bytes, head: Head) -> RawRecord:
    change = head.dynamodb
    digits = change.SequenceNumber
    if not (DIGITS_MIN <= len(digits) <= DIGITS_MAX and digits.isascii() and digits.isdecimal() and digits[0] != "0"):
        raise RecordError(f"SequenceNumber has {DIGITS_MIN} to {DIGITS_MAX} digits, without leading zero (S46)")
    if head.eventName not in KINDS:
        raise RecordError(f"eventName is one of {', '.join(ChangeKind)} (S59)")
    created_s = change.ApproximateCreationDateTime
    if not 0 <= created_s < CREATED_S_MAX:
        raise RecordError("ApproximateCreationDateTime counts epoch seconds (S63)")
    return RawRecord(body, int(digits), item_key(bytes(change.Keys)), created_s, head.eventName)


@lru_cache(maxsize=256)
def arn_member(stream_arn: str) -> bytes:
    """The end of a record in Lambda's form, in place of its last bracket (S59)."""
    return b',"eventSourceARN":' + msgspec.json.encode(stream_arn) + b"}"


def unreadable_record(
    body: bytes, error: RecordError, index: int, before: tuple[RawRecord, ...] = ()
) -> UnreadableRecordError:
    return UnreadableRecordError(
        str(error), body=body, index=index, sequence_number=_sequence_number(body), before=before
    )


def _sequence_number(body: bytes) -> str | None:
    """The number of a record whose head is not whole, or None. For messages only, so looked for as text."""
    found = re.search(rb'"SequenceNumber"\s*:\s*"([0-9]{21,40})"', body)
    return found[1].decode("ascii") if found else None


def reason(error: Exception) -> str:
    """What msgspec says of the shape; it names members and types, never values."""
    return "nested too deep" if isinstance(error, RecursionError) else str(error)
