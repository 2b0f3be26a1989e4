"""Sequence numbers and tokens: ordered as numbers, kept as text (E1 to E4, S46 to S58).

Decides what comes after what, and what a change is called. What a token does in a sink is ``core.guard``'s.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from decimal import Decimal

from afterbay.core.change.arn import parse_stream_arn
from afterbay.core.change.number import number_text
from afterbay.core.change.value import TypedItem, canonical, decode_item
from afterbay.errors import RecordError, SettingsError

__all__ = [
    "DIGITS_MAX",
    "DIGITS_MIN",
    "EPOCH_CHARS",
    "LOWEST_TOKEN",
    "TOKEN_CHARS",
    "SequenceNumber",
    "SequenceToken",
    "document_id",
    "idempotency_key",
    "readable_key",
    "stream_label",
    "token",
]

DIGITS_MIN = 21
DIGITS_MAX = 40
"""How long a sequence number of DynamoDB Streams is (S46)."""

EPOCH_CHARS = 23
TOKEN_CHARS = EPOCH_CHARS + 1 + DIGITS_MAX

LOWEST_TOKEN = "0" * TOKEN_CHARS
"""The token of a backfilled image (E13): below the token of every change, above "nothing stored"."""

_DIGITS = re.compile(r"[1-9][0-9]{20,39}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_EPOCH = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SequenceNumber:
    """A sequence number of DynamoDB Streams. It fits no 64-bit integer and no double (S47): ``text`` keeps every digit.

    Ordered as an integer (S49), within one lineage only (S52). Raises ``RecordError``.
    """

    text: str

    def __post_init__(self) -> None:
        if _DIGITS.fullmatch(self.text) is None:
            shown = self.text if len(self.text) <= DIGITS_MAX + 8 else f"{self.text[:DIGITS_MAX]}..."
            raise RecordError(
                f"{shown!r} is not a sequence number",
                hint=f"it has {DIGITS_MIN} to {DIGITS_MAX} digits, without sign or leading zero (S46)",
            )

    @property
    def number(self) -> int:
        return int(self.text)

    @property
    def padded(self) -> str:
        """40 digits: compares correctly as text (S49)."""
        return self.text.zfill(DIGITS_MAX)

    def __str__(self) -> str:
        return self.text

    def __lt__(self, other: SequenceNumber) -> bool:
        return self.padded < other.padded

    def __le__(self, other: SequenceNumber) -> bool:
        return self.padded <= other.padded

    def __gt__(self, other: SequenceNumber) -> bool:
        return self.padded > other.padded

    def __ge__(self, other: SequenceNumber) -> bool:
        return self.padded >= other.padded


@dataclass(frozen=True, slots=True, order=True)
class SequenceToken:
    """The stored form of a change's place (E2): ``epoch``, a slash, the number in 40 digits; 64 characters in all.

    ``str`` of it compares as text in every store. Raises ``SettingsError`` for an epoch of another form: tokens of
    different width would not compare.
    """

    epoch: str
    number: int

    def __post_init__(self) -> None:
        if _EPOCH.fullmatch(self.epoch) is None:
            raise SettingsError(
                f"{self.epoch!r} cannot be the epoch of a token",
                hint=f"a stream label has {EPOCH_CHARS} characters, as 2026-01-01T00:00:00.000 (E2)",
            )
        if not 0 <= self.number < 10**DIGITS_MAX:
            raise RecordError(f"a sequence number has at most {DIGITS_MAX} digits (S46)")

    def __str__(self) -> str:
        return f"{self.epoch}/{self.number:040d}"

    @classmethod
    def parse(cls, text: str) -> SequenceToken:
        """Read a stored token back. The lowest token names no change and is refused like any other text."""
        epoch, slash, digits = text.partition("/")
        if len(text) != TOKEN_CHARS or not slash or not (digits.isascii() and digits.isdecimal()):
            raise RecordError(
                f"{text[:TOKEN_CHARS]!r} is not a sequence token",
                hint=f"it is a stream label, a slash and {DIGITS_MAX} digits, {TOKEN_CHARS} characters in all (E2)",
            )
        return cls(epoch, int(digits))


def token(epoch: str, number: SequenceNumber) -> str:
    """The token of a change (E2). ``epoch`` is the stream's label, or the moment of a move kept with the checkpoint."""
    if _EPOCH.fullmatch(epoch) is None:
        return str(SequenceToken(epoch, number.number))  # raises
    return f"{epoch}/{number.padded}"


def stream_label(arn: str) -> str:
    """The label in a stream ARN; the epoch of its tokens, unless the mapping moved here from another stream (E2)."""
    return parse_stream_arn(arn).label


def idempotency_key(keys: TypedItem, change_token: str) -> str:
    """What makes a change the same change everywhere (E4): a hash of its key, ``#``, its token.

    The hash is base64url without padding: 108 characters in all, which a queue takes as a deduplication id.
    """
    return f"{_digest64(canonical(keys))}#{change_token}"


def readable_key(keys: TypedItem, change_token: str) -> str:
    """``pk#sk#token`` for people (E4). Two keys never give one text: ``#``, ``%``, ``/`` are escaped in the parts."""
    return "#".join([*map(_escaped, _parts(keys)), change_token])


def document_id(keys: TypedItem, *, bytes_max: int | None = None) -> str:
    """What an item is called in a store of documents or objects (interfaces.md section 4).

    A lone string key as it is; else the parts joined as E4 joins them. What is longer than ``bytes_max`` in UTF-8 is
    replaced by its SHA-256 in hex, and so is what looks like one, or two items could share a name. Parts stand in the
    order of their attributes' names, since a record's ``Keys`` have no order of their own (S69): so a live record, a
    backfilled item and a redrive give the same id.
    """
    values = [keys[name] for name in sorted(keys)]
    parts = _parts(keys)
    lone = len(parts) == 1 and isinstance(values[0], dict) and "S" in values[0]
    whole = parts[0] if lone else "#".join(map(_escaped, parts))
    encoded = whole.encode()
    if bytes_max is not None and (len(encoded) > bytes_max or _SHA256.fullmatch(whole)):
        return hashlib.sha256(encoded).hexdigest()
    return whole


def _digest64(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode("ascii")


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace("#", "%23").replace("/", "%2F")


def _parts(keys: TypedItem) -> list[str]:
    """The key's values as text: strings as they are, numbers normalised, binary as base64."""
    parts: list[str] = []
    for name, value in sorted(decode_item(keys, "Keys").items()):
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, bytes):
            parts.append(b64encode(value).decode("ascii"))
        elif isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise RecordError("a key attribute is a string, a number or binary", path=f"Keys.{name}")
        else:
            parts.append(number_text(value))
    if not parts:
        raise RecordError("a record's key has at least one attribute", path="Keys")
    return parts
