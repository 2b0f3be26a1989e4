"""What the journal knows of one record, or of every record of an item.

Decides which rows belong to a record. A range alone does not tell: lanes of a shard overlap, and positions mean nothing
in another shard. So a page and a delivery name their records one by one, and what else happened to a delivery is found
by its request id. Works on any ``JournalReader``: an engine's store, or a state file beside a running engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import StateError
from afterbay.ports import JournalReader, JournalRow
from afterbay.telemetry.journal import Entry, Lettered, Passed, Read, Sent, Told, decode, indexes_of_mark, unpack
from afterbay.telemetry.marks import KeyMark

__all__ = ["Account", "Place", "Recorded", "recall"]

RECORDS_MAX = 100
"""Of an item that changes all the time: the last ones are told."""


@dataclass(frozen=True, slots=True)
class Place:
    """A record that was asked for. ``key`` is the item's canonical key where the journal keeps it in clear."""

    mapping: str
    shard: ShardId
    position: Position
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row of the journal, read. ``number`` rises with time; ``first`` and ``last`` are its range."""

    number: int
    mapping: str
    shard: str
    first: int | None
    last: int | None
    request_id: str | None
    entry: Entry

    @property
    def at(self) -> datetime:
        """When, UTC."""
        return datetime.fromtimestamp(self.entry.at_ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Account:
    """``places`` are the records found, each once; ``entries`` all that happened to them, in order.

    A record that is among a page's, in no delivery, and passed was left out by the filter, or had been finished by an
    earlier run. No place: it was never read, or its page is no longer kept; what is known of the shard is told all the
    same. ``more``: the item has older records, which are not told.
    """

    places: tuple[Place, ...]
    entries: tuple[Recorded, ...]
    more: bool = False


def recall(journal: JournalReader, asked: KeyMark | Position, shard: str | None = None) -> Account:
    """Everything about the record at a position, or about the records of an item; ``shard`` None: in any shard.

    Raises ``StateError`` when the journal cannot be read.
    """
    if isinstance(asked, int):
        return _account(journal, _of_position(journal, asked, shard), shard, more=False)
    pages = [one for one in _decoded(journal.journal_holding(asked)) if shard in (None, one.shard)]
    found: dict[Position, None] = {}
    for page in pages:
        if isinstance(page.entry, Read):
            positions = unpack(page.first or 0, page.entry.positions)
            found |= dict.fromkeys(Position(positions[index]) for index in indexes_of_mark(page.entry, asked))
    told = list(found)[-RECORDS_MAX:]
    stories = [_of_position(journal, position, shard) for position in told]
    return _account(journal, [one for story in stories for one in story], shard, more=len(told) < len(found))


@dataclass(frozen=True, slots=True)
class _Story:
    """What one mapping did with one record."""

    place: Place
    entries: tuple[Recorded, ...]


def _of_position(journal: JournalReader, position: Position, shard: str | None) -> list[_Story]:
    around = _decoded(journal.journal_at(position, shard))
    named = {(one.mapping, one.shard): one for one in around if _names(one, position)}
    stories: list[_Story] = []
    for mapping, in_shard in named:
        here = [one for one in around if (one.mapping, one.shard) == (mapping, in_shard)]
        requests = {one.request_id for one in here if isinstance(one.entry, Sent) and _names(one, position)}
        unsent = _never_sent(journal, here)
        kept = [one for one in here if _concerns(one, position, requests, unsent)]
        key = next((key for one in kept if (key := _key_of(one, position)) is not None), None)
        by_request = _decoded(journal.journal_of_requests({one for one in requests if one is not None}))
        kept += [one for one in by_request if one.first is None and one.mapping in ("", mapping)]
        stories.append(_Story(Place(mapping, ShardId(in_shard), position, key), tuple(kept)))
    return stories


def _account(journal: JournalReader, stories: Iterable[_Story], shard: str | None, *, more: bool) -> Account:
    told = list(stories)
    places = tuple(dict.fromkeys(story.place for story in told))
    entries = {one.number: one for story in told for one in story.entries}
    of_shards = [journal.journal_of_shard(mapping, name) for mapping, name in {(p.mapping, p.shard) for p in places}]
    if not places and shard is not None:
        of_shards.append(journal.journal_of_shard(None, shard))
    for rows in of_shards:
        entries |= {one.number: one for one in _decoded(rows)}
    return Account(places, tuple(entries[number] for number in sorted(entries)), more)


def _names(one: Recorded, position: int) -> bool:
    """True for a page or a delivery that holds this very record."""
    return isinstance(one.entry, Read | Sent) and position in unpack(one.first or 0, one.entry.positions)


def _concerns(one: Recorded, position: int, requests: set[str | None], unsent: set[str]) -> bool:
    match one.entry:
        case Read() | Sent():
            return _names(one, position)
        case Passed():
            return True
        case Told() if one.request_id is None:
            return True  # of records that were dropped before they were sent
        case _:
            return one.request_id in requests or one.request_id in unsent


def _never_sent(journal: JournalReader, rows: Iterable[Recorded]) -> set[str]:
    """Requests of dead letters whose batch was too old to be delivered even once: their range is all there is."""
    lettered = {one.request_id for one in rows if isinstance(one.entry, Lettered) and one.request_id is not None}
    if not lettered:
        return set()
    sent = {one.request_id for one in _decoded(journal.journal_of_requests(lettered)) if isinstance(one.entry, Sent)}
    return lettered - sent


def _key_of(one: Recorded, position: int) -> bytes | None:
    if not isinstance(one.entry, Read) or one.entry.keys is None:
        return None
    return one.entry.keys[unpack(one.first or 0, one.entry.positions).index(position)]


def _decoded(rows: Iterable[tuple[int, JournalRow]]) -> list[Recorded]:
    try:
        return [
            Recorded(number, row.mapping, row.shard, row.first, row.last, row.request_id, decode(row.body))
            for number, row in rows
        ]
    except msgspec.MsgspecError as error:
        raise StateError(f"the journal holds an entry that cannot be read: {error}") from error
