"""Which rows the events and commands of a mapping become, one by one."""

from __future__ import annotations

from datetime import UTC, datetime

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.commands import Command, SavePositions, WakeAt
from afterbay.core.mapping.events import (
    Event,
    PositionsForgotten,
    PositionsLoaded,
    PositionsSaved,
    RecordsRead,
    SkipRequested,
    Woke,
)
from afterbay.core.shard.position import After, Position, ShardEnd, ShardId, TrimHorizon
from afterbay.engine.journal import Journal
from afterbay.engine.meter import Handled
from afterbay.engine.scribe import _HIGHEST, Scribe
from afterbay.ports import JournalRow
from afterbay.stores.memory import MemoryStore
from afterbay.telemetry.journal import Lifecycle, Passed, Read, decode
from afterbay.telemetry.marks import KeyMarks
from unit.core.mapping.driving import settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE, TWO = ShardId("one"), ShardId("two")


def handled(event: Event, *commands: Command) -> Handled:
    return Handled("m", settings(), NOW, event, commands, None, 0, 0)


def page(*positions: int, shard: ShardId = ONE, end: bool = False) -> RecordsRead:
    return RecordsRead(shard, 1, tuple(RawRecord(b"{}", n, ItemKey(b"k"), 0.0, "INSERT") for n in positions), end)


class Written:
    """A scribe, and its rows."""

    def __init__(self) -> None:
        self.rows: list[JournalRow] = []
        self._scribe = Scribe("m", KeyMarks(b"seed"), self.rows.append, keys_in_clear=False)

    def tell(self, event: Event, *commands: Command) -> None:
        self._scribe.handled(handled(event, *commands))

    def save(self, *rows: SavedShard, forget: tuple[ShardId, ...] = ()) -> None:
        self.tell(Woke(), SavePositions(rows, forget))
        self.tell(PositionsSaved())

    def passed(self) -> list[tuple[str, int | None, int | None, bool]]:
        found = [(row, decode(row.body)) for row in self.rows]
        return [(row.shard, row.first, row.last, e.end) for row, e in found if isinstance(e, Passed)]


def test_what_moves_no_record_leaves_no_row() -> None:
    written = Written()
    written.tell(page())
    written.tell(Woke(), WakeAt(NOW))
    written.tell(PositionsLoaded(()))
    written.save(SavedShard(ONE, TrimHorizon()))
    assert written.rows == []


def test_the_end_of_a_shard_is_told_even_by_an_empty_page() -> None:
    written = Written()
    written.tell(page(end=True))
    (row,) = written.rows
    entry = decode(row.body)
    assert isinstance(entry, Read) and entry.end
    assert (row.shard, row.first, row.last) == (ONE, None, None)


def test_positions_are_passed_once_from_where_they_stood() -> None:
    written = Written()
    written.tell(PositionsLoaded((SavedShard(ONE, After(Position(10))), SavedShard(TWO, TrimHorizon()))))
    for position in (12, 12, 15):
        written.save(SavedShard(ONE, After(Position(position))))
    written.save(SavedShard(TWO, After(Position(3))))
    assert written.passed() == [(ONE, 11, 12, False), (ONE, 13, 15, False), (TWO, 1, 3, False)]


def test_nothing_is_passed_before_it_is_safe() -> None:
    written = Written()
    written.tell(Woke(), SavePositions((SavedShard(ONE, After(Position(5))),)))
    assert written.passed() == []
    written.tell(PositionsSaved())
    assert written.passed() == [(ONE, 1, 5, False)]


def test_a_shard_that_was_read_to_its_end_is_passed_whole_and_one_that_never_was_is_not() -> None:
    written = Written()
    written.tell(page(4, 5, end=True))
    written.save(SavedShard(ONE, ShardEnd()), SavedShard(TWO, ShardEnd()))  # TWO: closed before LATEST
    written.save(SavedShard(ONE, ShardEnd()))
    assert written.passed() == [(ONE, 1, _HIGHEST, True)]


def test_a_shard_that_is_forgotten_begins_anew() -> None:
    written = Written()
    written.save(SavedShard(ONE, After(Position(5))))
    written.save(forget=(ONE,))
    written.save(SavedShard(ONE, After(Position(5))))
    assert written.passed() == [(ONE, 1, 5, False)] * 2


async def test_a_deleted_mapping_begins_anew() -> None:
    store = MemoryStore(b"seed")
    journal = Journal(store)
    for _ in range(2):
        journal.handled(handled(Woke(), SavePositions((SavedShard(ONE, After(Position(5))),))))
        journal.handled(handled(PositionsSaved()))
        journal.handled(handled(PositionsForgotten()))
    await journal.close()
    assert [(row.first, row.last) for _, row in store.journal_at([5], None)] == [(1, 5), (1, 5)]


def test_a_skip_is_told_of_its_shard_with_how_far_it_goes() -> None:
    written = Written()
    written.tell(SkipRequested(ONE, Position(7)))
    (row,) = written.rows
    entry = decode(row.body)
    assert isinstance(entry, Lifecycle) and (entry.event, entry.detail) == ("SkipRequested", "through 7")
    assert (row.shard, row.first, row.request_id) == (ONE, None, None)
