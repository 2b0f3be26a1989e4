"""What the journal knows of one record, or of every record of an item.

Decides which rows belong to a record. A range alone does not tell: lanes of a shard overlap, and positions mean nothing
in another shard. So a page and a delivery name their records one by one, and what else happened to a delivery is found
by its request id. Works on any ``JournalReader``: an engine's store, or a state file beside a running engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import StateError
from afterbay.ports import JournalReader, JournalRow
from afterbay.telemetry.journal import Entry, Passed, Read, Sent, decode, indexes_of_mark, unpack
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
    """``places`` are the records found, each once; ``entries`` all that happened to them, in order. ``stories`` has for
    each place what is about that record, or about its shard or mapping as a whole.

    A record that is among a page's, in no delivery, and passed was left out by the filter, or had been finished by an
    earlier run. No place: it was never read, or its page is no longer kept; what is known of the shard is told all the
    same. ``more``: the item has older records, which are not told.
    """

    places: tuple[Place, ...]
    entries: tuple[Recorded, ...]
    more: bool = False
    stories: tuple[tuple[Recorded, ...], ...] = ()


def recall(journal: JournalReader, asked: KeyMark | Position, shard: str | None = None) -> Account:
    """Everything about the record at a position, or about the records of an item; ``shard`` None: in any shard.

    Raises ``StateError`` when the journal cannot be read.
    """
    if isinstance(asked, int):
        return _account(journal, [asked], shard, more=False)
    found: dict[int, None] = {}
    for page in _decoded(journal.journal_holding(asked)):
        if isinstance(page.entry, Read) and shard in (None, page.shard):
            positions = unpack(page.first or 0, page.entry.positions)
            found |= dict.fromkeys(positions[index] for index in indexes_of_mark(page.entry, asked))
    told = list(found)[-RECORDS_MAX:]
    return _account(journal, told, shard, more=len(told) < len(found))


def _account(journal: JournalReader, positions: Sequence[int], shard: str | None, *, more: bool) -> Account:
    around = _Around(journal, positions, shard)
    places = around.places()
    homes = dict.fromkeys((place.mapping, place.shard) for place in places)
    of_shards = {home: _decoded(journal.journal_of_shard(*home)) for home in homes}
    stories = [_in_order([*around.story(place), *of_shards[place.mapping, place.shard]]) for place in places]
    if not places and shard is not None:
        return Account((), _in_order(_decoded(journal.journal_of_shard(None, shard))), more)
    return Account(places, _in_order([one for story in stories for one in story]), more, tuple(stories))


def _in_order(entries: Iterable[Recorded]) -> tuple[Recorded, ...]:
    """Each once."""
    by_number = {one.number: one for one in entries}
    return tuple(by_number[number] for number in sorted(by_number))


class _Around:
    """The rows whose ranges hold some positions, and what else names their requests."""

    def __init__(self, journal: JournalReader, positions: Iterable[int], shard: str | None) -> None:
        self._wanted = frozenset(positions)
        self._rows = _decoded(journal.journal_at(self._wanted, shard))
        self._named = {one.number: self._wanted.intersection(_records_of(one)) for one in self._rows}
        requests = {one.request_id for one in self._rows if one.request_id is not None}
        self._by_request: dict[str | None, list[Recorded]] = {}
        for one in _decoded(journal.journal_of_requests(requests)):
            self._by_request.setdefault(one.request_id, []).append(one)

    def places(self) -> tuple[Place, ...]:
        """The records that a page or a delivery names, in the order in which they were first met."""
        found: dict[tuple[str, str, int], bytes | None] = {}
        for one in self._rows:
            for position in sorted(self._named[one.number]):
                where = (one.mapping, one.shard, position)
                found[where] = found.get(where) or _key_of(one, position)
        return tuple(Place(mapping, ShardId(s), Position(p), key) for (mapping, s, p), key in found.items())

    def story(self, place: Place) -> list[Recorded]:
        """All that happened to one record in one mapping."""
        position = place.position
        here = [
            one
            for one in self._rows
            if (one.mapping, one.shard) == (place.mapping, place.shard)
            and one.first is not None
            and one.last is not None
            and one.first <= position <= one.last
        ]
        requests = {
            one.request_id for one in here if isinstance(one.entry, Sent) and position in self._named[one.number]
        }
        kept = [one for one in here if self._concerns(one, position, requests)]
        for request in requests:
            loose = self._by_request.get(request, ())
            kept += [one for one in loose if one.first is None and one.mapping in ("", place.mapping)]
        return kept

    def _concerns(self, one: Recorded, position: int, requests: set[str | None]) -> bool:
        match one.entry:
            case Read() | Sent():
                return position in self._named[one.number]
            case Passed():
                return True
            case _ if one.request_id is None:
                return True  # told of records that were dropped before they were sent
            case _:
                return one.request_id in requests or self._never_sent(one.request_id)

    def _never_sent(self, request_id: str) -> bool:
        """True for a batch that was too old to be delivered even once: its range is all there is."""
        return not any(isinstance(one.entry, Sent) for one in self._by_request[request_id])


def _records_of(one: Recorded) -> list[int]:
    return unpack(one.first or 0, one.entry.positions) if isinstance(one.entry, Read | Sent) else []


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
