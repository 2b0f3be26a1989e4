"""What only a file can do: be locked, be old or new, be damaged, and survive its process."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.shard.position import After, Position, ShardId
from afterbay.errors import StateError
from afterbay.stores import schema, sqlite
from afterbay.stores.sqlite import SqliteStore

ONE = ShardId("shard-1")

WRITER = """
import sys
from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.shard.position import After, Position, ShardId
from afterbay.ports import JournalRow
from afterbay.stores.sqlite import SqliteStore

store = SqliteStore(sys.argv[1])
shard = ShardId("shard-1")
number = 0
while True:
    number += 1
    letter = Letter(
        mapping="m", shard=shard, request_id=f"{number:09}", destination="d", function_arn="f", stream_arn="s",
        condition=Condition.RECORD_AGE_EXCEEDED, invoke_count=1, first=Position(number), last=Position(number),
        first_created_s=0.0, last_created_s=0.0, count=1, event=b"x" * 20_000,
    )
    assert store.store_letter(letter, outbox_max=1_000_000)
    store.append_journal([JournalRow("m", shard, number, number, None, b"x" * 20_000)] * 3)
    store.save("m", [SavedShard(shard, After(Position(number)))])
    print(number, flush=True)
"""


def test_a_second_store_is_refused_in_one_line_that_names_file_and_process(tmp_path: Path) -> None:
    path = tmp_path / "state"
    store = SqliteStore(path)
    with pytest.raises(StateError) as refused:
        SqliteStore(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    assert f"process {os.getpid()}" in str(refused.value)
    store.close()
    SqliteStore(path).close()


def test_a_link_to_the_file_is_the_same_file(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    (tmp_path / "other").symlink_to(tmp_path / "state")
    with pytest.raises(StateError, match="in use"):
        SqliteStore(tmp_path / "other")
    store.close()


def test_only_the_owner_may_read_what_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.touch(mode=0o644)
    store = SqliteStore(path)
    store.save("m", [SavedShard(ONE, After(Position(1)))])
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    store.close()
    assert set(modes) >= {"state", "state-wal", "state.lock"}
    assert set(modes.values()) == {0o600}


def test_everything_is_there_after_the_file_is_opened_again(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    seed = store.seed()
    store.save("m", [SavedShard(ONE, After(Position(7)))])
    store.close()
    again = SqliteStore(tmp_path / "state")
    assert (again.seed(), again.load("m")) == (seed, (SavedShard(ONE, After(Position(7))),))
    again.close()


@pytest.mark.parametrize("after_lines", [1, 7, 40])
def test_a_killed_writer_leaves_a_whole_file_and_no_checkpoint_without_its_letter(
    tmp_path: Path, after_lines: int
) -> None:
    path = tmp_path / "state"
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        said = 0
        for _ in range(after_lines):
            said = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
    assert child.wait() == -signal.SIGKILL

    store = SqliteStore(path)  # the lock went with the process
    (saved,) = store.load("m")
    letters = [entry.letter.last for entry in store.outbox(limit=1_000_000)]
    journal = [row.first for _, row in store.journal_holding(b"x")]
    store.close()
    assert isinstance(saved.at, After)
    assert journal[: 3 * said] == [number for number in range(1, said + 1) for _ in range(3)]
    assert len(journal) % 3 == 0, "a piece of the journal is there whole, or not at all"
    assert saved.at.position >= said, "what was answered is there"
    assert letters[: saved.at.position] == list(range(1, saved.at.position + 1)), "each passed record has its letter"
    assert len(letters) - saved.at.position in (0, 1)
    with sqlite3.connect(path) as check:
        assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()


def numbered_letter(number: int) -> Letter:
    return Letter(
        mapping="m",
        shard=ONE,
        request_id=f"r{number}",
        destination="d",
        function_arn="f",
        stream_arn="s",
        condition=Condition.RECORD_AGE_EXCEEDED,
        invoke_count=1,
        first=Position(number),
        last=Position(number),
        first_created_s=0.0,
        last_created_s=0.0,
        count=1,
    )


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state"
    SqliteStore(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StateError, match=r"form 99.*newer afterbay") as refused:
        SqliteStore(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)


def test_an_older_file_is_brought_forward_with_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "state"
    store = SqliteStore(path)
    store.save("m", [SavedShard(ONE, After(Position(7)))])
    store.close()
    file = sqlite3.connect(path, isolation_level=None)
    schema.migrate(file, path, (*schema.MIGRATIONS, ("ALTER TABLE shards ADD COLUMN note TEXT",)))
    assert file.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS) + 1,)
    assert file.execute("SELECT shard, note FROM shards").fetchall() == [(ONE, None)]
    file.close()


def test_letters_and_their_numbers_come_through_the_change_of_their_key(tmp_path: Path) -> None:
    """Form 2 kept one letter for each request id; what was sent by then is remembered, and no number is reused."""
    path = tmp_path / "state"
    store = SqliteStore(path)
    for number in (1, 2, 3):
        store.store_letter(numbered_letter(number), outbox_max=10)
    store.letter_sent(store.outbox(limit=1)[0].number)
    kept = [(entry.number, entry.letter) for entry in store.outbox(limit=10)]
    store.close()
    file = sqlite3.connect(path, isolation_level=None)
    for table in ("letters", "sent"):  # as form 2 had them
        (made,) = file.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        file.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
        file.execute(made.replace(f'"{table}"', table).replace("request_id, last)", "request_id)"))
        file.execute(f"INSERT INTO {table} SELECT * FROM old_{table}")
        file.execute(f"DROP TABLE old_{table}")
    file.execute("CREATE UNIQUE INDEX letters_by_turn ON letters (turn)")
    file.execute("PRAGMA user_version = 2")
    file.close()
    again = SqliteStore(path)
    assert [(entry.number, entry.letter) for entry in again.outbox(limit=10)] == kept
    assert again.store_letter(numbered_letter(1), outbox_max=10) and again.outbox_size() == 2, "it was sent"
    for entry in again.outbox(limit=10):
        again.letter_sent(entry.number)
    again.store_letter(numbered_letter(4), outbox_max=10)
    assert again.outbox(limit=1)[0].number > max(number for number, _ in kept)
    again.close()


def test_a_migration_that_fails_leaves_the_older_form_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    SqliteStore(path).close()
    file = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(file, path, (*schema.MIGRATIONS, ("DROP TABLE shards", "DROP TABLE no_such_table")))
    file.close()
    SqliteStore(path).close()


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(StateError, match="no state file"):
        SqliteStore(path)
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    other.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    text = "Resources: {}\n" * 100
    path.write_text(text)
    path.chmod(0o644)
    with pytest.raises(StateError, match="no state file"):
        SqliteStore(path)
    assert path.read_text() == text
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"gone/state cannot be opened: No such file"):
        SqliteStore(tmp_path / "gone" / "state")


def test_a_row_that_cannot_be_read_is_named_as_the_files_fault(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    store.save("m", [SavedShard(ONE, After(Position(7)))])
    store.close()
    with sqlite3.connect(tmp_path / "state") as file:
        file.execute("UPDATE shards SET body = x'00'")
    file.close()
    store = SqliteStore(tmp_path / "state")
    with pytest.raises(StateError, match="a row that cannot be read"):
        store.load("m")
    store.close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    store.close()
    store.close()
    with pytest.raises(StateError, match="was closed"):
        store.load("m")


def test_what_is_remembered_of_sent_letters_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "SENT_MAX", 3)
    store = SqliteStore(tmp_path / "state")
    for number in range(5):
        letter = Letter(
            mapping="m",
            shard=ONE,
            request_id=str(number),
            destination="d",
            function_arn="f",
            stream_arn="s",
            condition=Condition.RECORD_AGE_EXCEEDED,
            invoke_count=1,
            first=Position(number),
            last=Position(number),
            first_created_s=0.0,
            last_created_s=0.0,
            count=1,
        )
        store.store_letter(letter, outbox_max=10)
        store.letter_sent(store.outbox(limit=1)[0].number)
    store.close()
    with sqlite3.connect(tmp_path / "state") as file:
        assert file.execute("SELECT request_id FROM sent ORDER BY number").fetchall() == [("2",), ("3",), ("4",)]
    file.close()
