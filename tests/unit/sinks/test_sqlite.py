"""The SQLite sink beside other writers, on files that are not its own, and over time."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.errors import SettingsError, UnavailableError
from afterbay.sinks.sqlite import SqliteSink
from contract.histories import KEYS, History, history

DAY_S = 24 * 60 * 60
TESTS = Path(__file__).parents[2]


def opened(file):
    return closing(sqlite3.connect(file, isolation_level=None))


def kinds(sink, *records):
    return [verdict.kind for verdict in sink.apply([ChangeRecord(one) for one in records])]


@pytest.fixture
def made():
    return History(random.Random(1))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "sink.db"


@pytest.fixture
def sink(file):
    sink = SqliteSink(file, "copy", busy_s=0.05)
    yield sink
    sink.close()


def test_a_file_in_use_fails_the_whole_batch_as_retryable_and_a_retry_mends_it(sink, file, made):
    records = [made.put(KEYS[2], n={"N": "1"}), made.put(KEYS[3], n={"N": "2"})]
    with opened(file) as other:
        other.execute("BEGIN EXCLUSIVE")
        verdicts = sink.apply([ChangeRecord(one) for one in records])
        assert [one.kind for one in verdicts] == [Kind.RETRYABLE, Kind.RETRYABLE]
        assert "SQLITE_BUSY" in verdicts[0].reason
        with pytest.raises(UnavailableError, match="SQLITE_BUSY"):
            list(sink.read_live())
        other.execute("ROLLBACK")
    assert kinds(sink, *records) == [Kind.APPLIED, Kind.APPLIED]


WRITER = """
import random, sys
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.sqlite import SqliteSink
from contract.histories import history
made = history(7, mirrored=True)
changes = made.changes
random.Random(int(sys.argv[2])).shuffle(changes)
sink = SqliteSink(sys.argv[1], "copy", options=SinkOptions(ttl=Expiry.MIRROR), busy_s=60)
input()
for start in range(0, len(changes), 3):
    assert not any(one.failed for one in sink.apply(changes[start : start + 3]))
sink.close()
"""


def test_two_processes_writing_at_once_end_in_the_tables_state(file):
    """Both write the whole history, each in an order of its own; the table is made by whichever is first."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file), str(seed)], cwd=TESTS, stdin=subprocess.PIPE, text=True
        )
        for seed in (1, 2)
    ]
    try:
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.close()
        assert [writer.wait(60) for writer in writers] == [0, 0]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    with closing(SqliteSink(file, "copy")) as sink:
        assert {one.key: one.item for one in sink.read_live()} == history(7, mirrored=True).expected()


def test_a_place_that_cannot_be_a_file_says_what_is_wrong_with_it(tmp_path, made):
    for place, words in (
        (tmp_path, r"is a folder, not a file \(name a file in it, as in sqlite:///.*/copy\.db\?table=T\)"),
        (tmp_path / "gone" / "x.db", r"there is no folder for it \(make .*/gone first\)"),
        (tmp_path / "file" / "x.db", "there is no folder for it"),
    ):
        (tmp_path / "file").touch()
        with closing(SqliteSink(place, "copy")) as sink, pytest.raises(SettingsError, match=words):
            sink.apply([ChangeRecord(made.put(KEYS[2]))])


def test_a_table_of_another_shape_is_refused_and_left_alone(sink, file, made):
    with opened(file) as other:
        other.execute("CREATE TABLE copy (id INTEGER PRIMARY KEY, name TEXT)")
        other.execute("INSERT INTO copy VALUES (1, 'theirs')")
    with pytest.raises(SettingsError, match=r"copy has columns id, name"):
        sink.apply([ChangeRecord(made.put(KEYS[2]))])
    with pytest.raises(SettingsError, match=r"copy has columns id, name"):
        list(sink.read_live())
    with opened(file) as other:
        assert other.execute("SELECT * FROM copy").fetchall() == [(1, "theirs")]


def test_a_source_with_another_key_is_refused_and_nothing_of_its_batch_written(sink, made):
    first, other = made.put(KEYS[2]), made.put(KEYS[3])
    change = other["dynamodb"]
    change["Keys"] = {"id": {"S": "1"}}
    change["NewImage"] = {"id": {"S": "1"}}
    with pytest.raises(SettingsError, match=r"table="):
        sink.apply([ChangeRecord(first), ChangeRecord(other)])
    assert list(sink.read_live()) == []


def test_a_name_that_another_sinks_view_has_is_refused(sink, file, made):
    record = made.put(KEYS[2])
    with closing(SqliteSink(file, "COPY_live")) as first:
        assert kinds(first, record) == [Kind.APPLIED]
    with pytest.raises(SettingsError, match="COPY_live"):
        kinds(sink, record)


@pytest.mark.parametrize("name", ["_TOK", "Item"])
def test_a_key_attribute_named_like_a_column_of_ours_is_refused(sink, made, name):
    record = made.put(KEYS[2])
    record["dynamodb"] |= {"Keys": {name: {"S": "1"}}, "NewImage": {name: {"S": "1"}}}
    with pytest.raises(SettingsError, match=name):
        kinds(sink, record)


def test_a_file_that_is_no_database_is_refused(sink, file, made):
    file.write_text("no database, but a text that is long enough to be looked at\n" * 20)
    with pytest.raises(SettingsError, match="is no SQLite database"):
        kinds(sink, made.put(KEYS[2]))
    with pytest.raises(SettingsError, match="is no SQLite database"):
        list(sink.read_live())


def at(record, created_s):
    record["dynamodb"]["ApproximateCreationDateTime"] = created_s
    return record


def test_a_tombstone_stays_for_its_retention_and_is_then_purged(sink, file, made):
    """E7: eight days, by the creation times of the changes themselves."""
    put, delete = at(made.put(KEYS[2]), 1_000), at(made.delete(KEYS[2]), 1_000)
    assert kinds(sink, put, delete) == [Kind.APPLIED, Kind.APPLIED]
    assert kinds(sink, at(made.put(KEYS[3]), 1_000 + 8 * DAY_S), put) == [Kind.APPLIED, Kind.STALE]
    with opened(file) as other:
        assert other.execute("SELECT count(*) FROM copy WHERE _deleted").fetchone() == (1,)
        late = at(made.put(KEYS[4]), 1_001 + 8 * DAY_S)
        assert kinds(sink, late, put) == [Kind.APPLIED, Kind.STALE]  # purged after the batch, not in it
        assert other.execute("SELECT count(*) FROM copy WHERE _deleted").fetchone() == (0,)
    assert len(list(sink.read_live())) == 2


def test_a_token_of_another_form_is_a_clear_error(sink, file, made):
    """E2: one sink never mixes tokens of two kinds of source."""
    first, second = made.put(KEYS[2]), made.put(KEYS[2], n={"N": "2"})
    assert kinds(sink, first) == [Kind.APPLIED]
    with opened(file) as other:
        other.execute("UPDATE copy SET _tok = '0001767607872000000'")
    with pytest.raises(SettingsError, match="token of another form"):
        kinds(sink, second)
    with opened(file) as other:
        assert other.execute("SELECT _tok FROM copy").fetchall() == [("0001767607872000000",)]


def test_a_table_dropped_under_the_sink_is_made_anew_by_the_retry(sink, file, made):
    record = made.put(KEYS[2])
    kinds(sink, record)
    with opened(file) as other:
        other.executescript("DROP VIEW copy_live; DROP TABLE copy")
    assert kinds(sink, record) == [Kind.RETRYABLE]
    assert kinds(sink, record) == [Kind.APPLIED]
