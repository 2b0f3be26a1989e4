"""Parents before children.

Decides which shards may be read now, given what the stream lists and what is saved (S25 to S36). Listing, and the
order in time, are the machine's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from afterbay.core.shard.position import ShardId

__all__ = ["ShardDescription", "children_of", "created_at", "leaves", "may_start", "roots"]

_OF_TABLES = re.compile(r"shardId-([0-9]{20})-.+")


@dataclass(frozen=True, slots=True)
class ShardDescription:
    """A shard as the stream lists it. ``parents``: none, one (DynamoDB), or two (a Kinesis merge).

    ``closed`` is what the listing says; a shard with a listed child is closed whatever it says (S26).
    """

    shard: ShardId
    parents: tuple[ShardId, ...] = ()
    closed: bool = False


def created_at(shard: ShardId) -> datetime | None:
    """When a table's shard was opened, by its id (S17); None for an id of another form, as Kinesis has them."""
    named = _OF_TABLES.fullmatch(shard)
    try:
        return None if named is None else datetime.fromtimestamp(int(named[1]) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # digits that are no time


def children_of(shard: ShardId, listed: Mapping[ShardId, ShardDescription]) -> tuple[ShardId, ...]:
    return tuple(one.shard for one in listed.values() if shard in one.parents)


def roots(listed: Mapping[ShardId, ShardDescription]) -> tuple[ShardId, ...]:
    """Shards without a listed parent: where a first start at TRIM_HORIZON begins (S36, S21)."""
    return tuple(one.shard for one in listed.values() if not any(parent in listed for parent in one.parents))


def leaves(listed: Mapping[ShardId, ShardDescription], *, stream_disabled: bool = False) -> tuple[ShardId, ...]:
    """Shards that take writes: where a first start at LATEST begins.

    Rules: S26 a shard with a listed child is closed, S23 the leaves of a disabled stream count as open.
    """
    parents = {parent for one in listed.values() for parent in one.parents}
    return tuple(
        one.shard for one in listed.values() if one.shard not in parents and (stream_disabled or not one.closed)
    )


def may_start(shard: ShardDescription, unfinished: Collection[ShardId]) -> bool:
    """True when no parent is still to be read (S35, S48).

    ``unfinished`` are the shards that are listed or being read and not at their end. A parent that is in none of
    these was finished, was skipped by the starting position, or was trimmed away (S21): nobody waits for it.
    """
    return not any(parent in unfinished for parent in shard.parents)
