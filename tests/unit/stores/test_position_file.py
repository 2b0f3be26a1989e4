"""Positions read beside the engine that writes them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.shard.position import After, Position, ShardId
from afterbay.errors import StateError
from afterbay.stores.position_file import PositionFile
from afterbay.stores.sqlite import SqliteStore

SAVED = SavedShard(ShardId("s"), After(Position(7)))


def test_what_an_engine_saved_is_read_while_it_runs(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    store.save("m", [SAVED])
    with PositionFile(tmp_path / "state") as file:
        assert file.load("m") == (SAVED,) and file.load("other") == () and file.letters("m") == 0
        later = SavedShard(SAVED.shard, After(Position(8)))
        store.save("m", [later])
        assert file.load("m") == (later,), "it holds nobody up, and sees what comes"
    store.close()


def test_a_file_that_is_none_or_not_there_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(StateError):
        PositionFile(tmp_path / "state")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "letter").write_text("Dear all\n" * 100)
    with pytest.raises(StateError, match="no state file"):
        PositionFile(tmp_path / "letter")


def test_a_row_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state"
    store = SqliteStore(path)
    store.save("m", [SAVED])
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE shards SET body = x'ff'")
    connection.close()
    with PositionFile(path) as file, pytest.raises(StateError, match="cannot be read"):
        file.load("m")
