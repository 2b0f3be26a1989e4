"""When the shards are listed: at the start, at shard ends, and every minute (S22, S28 to S30)."""

from __future__ import annotations

from datetime import datetime, timedelta

from afterbay.core.mapping.commands import Command, ListShards, Notice, Tell
from afterbay.core.mapping.events import ListingFailed, ShardsListed
from afterbay.core.mapping.retry import backoff_s
from afterbay.core.shard.position import ShardId

__all__ = ["Listings"]

INTERVAL = timedelta(seconds=60)
"""A full listing besides the ones at shard ends (S29): children can appear late, and a listing is no snapshot."""

INTERVAL_WITHOUT_SHARDS = timedelta(seconds=1)
"""The same while there is none yet: a new stream's shards may be missing while it is ENABLING (S22)."""

CHILDREN_ASKED_MAX = 10
CHILDREN_DELAY_FIRST_S = 0.05
CHILDREN_DELAY_MAX_S = 1.0
"""How often a finished shard's children are asked for before the periodic listing has to find them (S28)."""


class Listings:
    """Asks, and asks again. ``failure`` is why the last listing did not come, None once one came."""

    def __init__(self) -> None:
        self.failure: str | None = None
        self.next_at: datetime | None = None
        self._ended = False
        self._gone = False
        self._asked_for: set[ShardId | None] = set()
        self._failures = 0
        self._children_asked: dict[ShardId, int] = {}
        self._pin_latest = False

    @property
    def over(self) -> bool:
        """The stream is gone, or disabled and every listing that was asked for came: no other shard will (S23)."""
        return self._gone or (self._ended and not self._asked_for)

    def ask(self, *, pin_latest: bool = False) -> ListShards:
        """A full listing, now."""
        self.next_at = None
        self._pin_latest = pin_latest
        self._asked_for.add(None)
        return ListShards(pin_latest=pin_latest)

    def ask_children(self, parent: ShardId) -> ListShards:
        """The children of a shard that is done (S28), now."""
        self._asked_for.add(parent)
        return ListShards(children_of=parent)

    def failed(self, event: ListingFailed) -> list[Command]:
        """The same listing again, later each time; the first failure is told."""
        reason, parent = event.reason, event.children_of
        told: list[Command] = [] if self.failure is not None else [Tell(Notice.SOURCE_FAILED, parent, reason)]
        self.failure = reason
        self._gone = self._gone or event.gone
        self._failures += 1
        pin_latest = self._pin_latest and parent is None
        return [*told, ListShards(children_of=parent, pin_latest=pin_latest, delay_s=backoff_s(self._failures))]

    def came(self, event: ShardsListed, now: datetime) -> list[Command]:
        """Note a listing; the children of a finished shard are asked for again while there are none."""
        commands: list[Command] = []
        if self.failure is not None:
            commands.append(Tell(Notice.SOURCE_RECOVERED, event.children_of, "the shards are listed again"))
        self.failure = None
        self._gone = False
        self._ended = event.stream_disabled
        self._asked_for.discard(event.children_of)
        self._failures = 0
        if event.children_of is not None:
            return commands + self._children_again(event.children_of, event)
        if event.complete:
            self.next_at = now + (INTERVAL if event.shards or event.stream_disabled else INTERVAL_WITHOUT_SHARDS)
        return commands

    def due(self, now: datetime) -> bool:
        return self.next_at is not None and now >= self.next_at

    def clear(self) -> None:
        """The mapping stops reading: nothing is waited for."""
        self.next_at = None
        self._gone = self._ended = False
        self._asked_for.clear()
        self._children_asked.clear()

    def _children_again(self, parent: ShardId, event: ShardsListed) -> list[Command]:
        asked = self._children_asked.get(parent, 0) + 1
        if event.shards or event.stream_disabled or asked >= CHILDREN_ASKED_MAX:
            self._children_asked.pop(parent, None)
            return []
        self._children_asked[parent] = asked
        self._asked_for.add(parent)
        delay_s = min(CHILDREN_DELAY_MAX_S, CHILDREN_DELAY_FIRST_S * 2.0**asked)
        return [ListShards(children_of=parent, delay_s=delay_s)]
