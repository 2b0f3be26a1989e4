"""The outbox of a state file, read beside the engine that writes it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from afterbay.errors import StateError
from afterbay.stores.outbox_file import read_outbox
from afterbay.stores.sqlite import SqliteStore
from unit.targets.test_archive import letter


def test_the_outbox_of_a_running_engine_is_read_in_the_order_of_turns(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    try:
        for name in ("r-1", "r-2"):
            assert store.store_letter(letter(request_id=name, event=b"{}"), outbox_max=10)
        store.letter_failed(store.outbox(limit=1)[0].number, "the queue is gone")
        told = read_outbox(tmp_path / "state")
        assert [(one.letter.request_id, one.tries, one.last_error) for one in told] == [
            ("r-2", 0, None),
            ("r-1", 1, "the queue is gone"),
        ]
        assert {one.letter.event for one in told} == {b""}, "a list needs no bodies"
    finally:
        store.close()


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="state"):
        read_outbox(tmp_path / "state")
    assert list(tmp_path.iterdir()) == []


def test_another_programs_file_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(StateError, match="no state file"):
        read_outbox(tmp_path / "other")


def test_a_letter_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    store.store_letter(letter(), outbox_max=10)
    store.close()
    with sqlite3.connect(tmp_path / "state") as file:
        file.execute("UPDATE letters SET body = x'00'")
    file.close()
    with pytest.raises(StateError, match="cannot be read"):
        read_outbox(tmp_path / "state")
