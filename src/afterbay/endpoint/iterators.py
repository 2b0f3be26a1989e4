"""Shard iterators as text: what they hold, how old they may be (S11, S41).

An iterator holds all that it means, so it works after a restart, and any number of times.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import EndpointError

__all__ = ["ITERATOR_LIFE", "ShardIterator"]

ITERATOR_LIFE = timedelta(minutes=15)
"""From issue to the last use (S41)."""


@dataclass(frozen=True, slots=True)
class ShardIterator:
    """A place behind ``position`` in a shard, handed out at ``issued``."""

    stream_arn: str
    shard: ShardId
    position: Position
    issued: datetime

    def __str__(self) -> str:
        held = msgspec.json.encode([self.shard, str(self.position), self.issued.timestamp()])
        return f"{self.stream_arn}|1|{b64encode(held).decode()}"

    @staticmethod
    def parse(text: str) -> ShardIterator:
        """Read an iterator that this or an earlier process wrote. Raises ``EndpointError``."""
        arn, _, rest = text.partition("|")
        form, _, opaque = rest.partition("|")
        try:
            if form != "1":
                raise ValueError("unknown form")
            shard, position, issued = msgspec.json.decode(b64decode(opaque, validate=True), type=tuple[str, str, float])
            when = datetime.fromtimestamp(issued, UTC)
            return ShardIterator(arn, ShardId(shard), Position(int(position)), when)
        except (ValueError, OverflowError, OSError, binascii.Error, msgspec.MsgspecError) as error:
            raise EndpointError("ValidationException", "Invalid ShardIterator") from error

    def check_age(self, now: datetime) -> None:
        """Raises ``EndpointError`` if it was issued more than 15 minutes ago."""
        if now - self.issued > ITERATOR_LIFE:
            raise EndpointError("ExpiredIteratorException", "The provided iterator exceeds the maximum age allowed.")
