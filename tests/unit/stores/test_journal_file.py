"""The journal in a state file: brought into older files, read beside an engine, and never in the way of positions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.shard.position import After, Position, ShardId
from afterbay.errors import StateError
from afterbay.ports import JournalRow
from afterbay.stores import schema
from afterbay.stores.journal_file import JournalFile
from afterbay.stores.journal_rows import JournalTable
from afterbay.stores.rows import encode_shard
from afterbay.stores.sqlite import SqliteStore

ONE = ShardId("shard-1")
SAVED = SavedShard(ONE, After(Position(7)))


def a_row(number: int, size_bytes: int = 10) -> JournalRow:
    return JournalRow("m", ONE, number, number, None, b"x" * size_bytes)


def older_file(path: Path) -> bytes:
    """A state file as it was before there was a journal; its seed."""
    file = sqlite3.connect(path, isolation_level=None)
    schema.migrate(file, path, schema.MIGRATIONS[:1])
    file.execute("INSERT INTO shards VALUES ('m', ?, ?)", (ONE, encode_shard(SAVED)))
    (seed,) = file.execute("SELECT value FROM meta WHERE name = 'seed'").fetchone()
    file.close()
    return bytes(seed)


def test_a_file_without_a_journal_gets_one_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "state"
    seed = older_file(path)
    store = SqliteStore(path)
    assert (store.load("m"), store.seed()) == ((SAVED,), seed)
    store.append_journal([a_row(1)])
    store.close()
    again = SqliteStore(path)
    assert [row for _, row in again.journal_at([1], None)] == [a_row(1)]
    again.close()


def test_a_reader_refuses_an_older_file_and_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "state"
    older_file(path)
    before = path.read_bytes()
    with pytest.raises(StateError, match="no journal yet"):
        JournalFile(path)
    assert path.read_bytes() == before


def test_a_reader_makes_no_file_and_refuses_what_is_none(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="state"):
        JournalFile(tmp_path / "state")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "template").write_text("Resources: {}\n" * 100)
    with pytest.raises(StateError, match="no state file"):
        JournalFile(tmp_path / "template")


def test_a_reader_works_beside_a_store_and_sees_what_it_wrote(tmp_path: Path) -> None:
    path = tmp_path / "state"
    store = SqliteStore(path)
    with JournalFile(path) as reader:
        assert reader.seed() == store.seed()
        store.append_journal([a_row(1)])
        assert [row.first for _, row in reader.journal_holding(b"x")] == [1]
        store.append_journal([a_row(2)])
        assert [row.first for _, row in reader.journal_of_shard(None, None)] == []
        assert [row.first for _, row in reader.journal_at([2], ONE)] == [2]
    store.close()


def test_a_reader_in_the_middle_of_reading_holds_up_no_position(tmp_path: Path) -> None:
    path = tmp_path / "state"
    store = SqliteStore(path)
    store.append_journal([a_row(number, 5_000) for number in range(50)])
    reader = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    cursor = reader.execute("SELECT body FROM journal")
    cursor.fetchone()
    store.save("m", [SAVED])  # would be refused after five seconds of waiting if the reader were in its way
    assert len(cursor.fetchall()) == 49
    reader.close()
    assert store.load("m") == (SAVED,)
    store.close()


def test_the_file_does_not_grow_once_the_journal_is_full(tmp_path: Path) -> None:
    path = tmp_path / "state"
    store = SqliteStore(path, journal=JournalTable(rows_max=100, bytes_max=200_000))

    def pages() -> int:
        with sqlite3.connect(path) as file:
            found = int(file.execute("PRAGMA page_count").fetchone()[0])
        file.close()
        return found

    for _ in range(20):
        store.append_journal([a_row(1, 20_000)] * 3)
    full = pages()
    for _ in range(200):
        store.append_journal([a_row(1, 20_000)] * 3)
    assert pages() <= full + 20
    store.close()


def test_the_bounds_hold_in_a_file_that_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "state"
    store = SqliteStore(path)
    store.append_journal([a_row(number) for number in range(1, 11)])
    store.close()
    smaller = SqliteStore(path, journal=JournalTable(rows_max=4, bytes_max=35))
    smaller.append_journal([a_row(11)])
    assert [row.first for _, row in smaller.journal_holding(b"")] == [9, 10, 11]
    smaller.close()


def test_a_write_that_fails_leaves_journal_and_counts_as_they_were(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state", journal=JournalTable(rows_max=3))
    store.append_journal([a_row(1), a_row(2)])
    bad = a_row(3)._replace(body=None)  # type: ignore[arg-type]
    with pytest.raises((StateError, TypeError)):
        store.append_journal([a_row(3), bad])
    assert [row.first for _, row in store.journal_holding(b"")] == [1, 2]
    store.append_journal([a_row(3)])
    assert [row.first for _, row in store.journal_holding(b"")] == [1, 2, 3]
    store.append_journal([a_row(4)])
    assert [row.first for _, row in store.journal_holding(b"")] == [2, 3, 4]
    store.close()


@pytest.mark.parametrize(("name", "told"), [("none", "is not there"), ("folder", "is a folder")])
def test_what_is_no_file_is_told_as_what_it_is(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StateError, match=f"{name} {told}"):
        JournalFile(tmp_path / name)
