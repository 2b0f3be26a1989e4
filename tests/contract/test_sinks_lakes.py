"""Delta Lake and Iceberg tables: what a reader of the columns sees, and several writers of one table at once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import LOWEST_TOKEN, Kind
from afterbay.errors import SettingsError, UnavailableError
from afterbay.sinks.delta import DeltaStore
from afterbay.sinks.iceberg import IcebergStore
from afterbay.sinks.lake import LakeSink
from afterbay.sinks.lake_columns import OWN
from afterbay.sinks.mending import Mend
from afterbay.sinks.options import Expiry, SinkOptions
from contract import lakes
from contract.histories import KEYS, History, history
from contract.sink_suite import kinds, live

KEY = KEYS[2]
DAY_S = 24 * 60 * 60


@pytest.fixture(params=["delta", "iceberg"])
def lake(request, tmp_path):
    """``make()``: a store on the one table of this test; ``make.rows()``: its rows as another program reads them."""

    class Lake:
        kind = request.param
        folder = str(tmp_path / "copy")

        def __init__(self):
            self.made = []

        def __call__(self):
            self.made.append(DeltaStore(self.folder) if self.kind == "delta" else lakes.iceberg(tmp_path))
            return self.made[-1]

        def rows(self) -> list[dict]:
            if self.kind == "delta":
                return DeltaTable(self.folder).to_pyarrow_table().to_pylist()
            return lakes.iceberg_rows(tmp_path)

    made = Lake()
    yield made
    for store in made.made:
        store.close()


def changes(*records: dict) -> list[ChangeRecord]:
    return [ChangeRecord(record) for record in records]


def test_columns_hold_the_attributes_as_text(lake):
    made, sink = History(random.Random(1)), LakeSink(lake())
    first = made.put(
        KEY,
        n={"N": "12345678901234567890.123456789"},
        paid={"BOOL": True},
        raw={"B": "AQA="},
        tags={"SS": ["z", "x"]},
        m={"M": {"l": {"L": [{"S": "1.5"}, {"N": "1.50"}]}}},
        gone={"NULL": True},
        **{"order.total": {"N": "1E+2"}},
    )
    second = made.put(KEYS[3], extra={"S": "only sometimes"})
    assert kinds(sink, changes(first)) + kinds(sink, changes(second)) == [Kind.APPLIED] * 2
    one, two = sorted(lake.rows(), key=lambda row: row["sk"])
    assert {name: value for name, value in one.items() if value is not None} == {
        "pk": "plain",
        "sk": "0",
        "_key": '{"pk":{"S":"plain"},"sk":{"S":"0"}}',
        "_item": '{"pk":"plain","sk":"0","n":12345678901234567890.123456789,"paid":true,"raw":"AQA=","tags":["x","z"],'
        '"m":{"l":["1.5",1.5]},"gone":null,"order.total":100}',
        "_tok": ChangeRecord(first).token,
        "_deleted": False,
        "n": "12345678901234567890.123456789",
        "paid": "true",
        "raw": "AQA=",
        "tags": '["x","z"]',
        "m": '{"l":["1.5",1.5]}',
        "order%2Etotal": "100",
    }
    assert "gone" in one and two["extra"] == "only sometimes" and two["n"] is None


def test_an_attribute_that_changes_its_type_stays_one_column(lake):
    made, sink = History(random.Random(1)), LakeSink(lake())
    for value in ({"N": "1"}, {"S": "one"}, {"BOOL": False}, {"L": [{"N": "1"}]}):
        assert kinds(sink, changes(made.put(KEY, total=value))) == [Kind.APPLIED]
        assert live(sink) == made.expected()
    assert [row["total"] for row in lake.rows()] == ["[1]"]


def test_an_attribute_that_is_gone_is_null(lake):
    made, sink = History(random.Random(1)), LakeSink(lake())
    kinds(sink, changes(made.put(KEY, a={"S": "x"}, b={"S": "x"}), made.put(KEY, b={"S": "y"})))
    kinds(sink, changes(made.put(KEY, B={"S": "z"})))
    (row,) = lake.rows()
    assert (row["a"], row["b"]) == (None, "z") and "B" not in row
    assert live(sink) == made.expected()


@pytest.mark.parametrize("name", ["_keeps", "_mends", "%keeps", "%mends"])
def test_an_attribute_named_like_a_flag_of_the_merge_is_one_like_any_other(lake, name):
    made, sink = History(random.Random(1)), LakeSink(lake())
    for _ in range(2):
        assert kinds(sink, changes(made.put(KEY, **{name: {"S": "mine"}}))) == [Kind.APPLIED]
    assert live(sink) == made.expected()


def test_a_mend_leaves_what_a_change_would_have_left(lake):
    made, sink = History(random.Random(1)), LakeSink(lake())
    sink.apply(changes(made.put(KEY, n={"N": "1"}, old={"S": "x"}), made.put(KEYS[3], n={"N": "1"})))
    keys = [{"pk": {"S": key[0]}, "sk": {"S": key[1]}} for key in (KEY, KEYS[3], KEYS[4])]
    seen = [held.token for held in sink.look_up(keys)]
    images = [{**keys[0], "n": {"N": "2.50"}, "new": {"S": "y"}}, None, {**keys[2], "n": {"N": "3"}}]
    told = sink.mend([Mend(*one, read_s=1_767_700_000.0) for one in zip(keys, images, seen, strict=True)])
    assert [one.kind for one in told] == [Kind.APPLIED] * 3
    changed, gone, first = sorted(lake.rows(), key=lambda row: (row["pk"] != KEY[0], row["sk"]))
    assert (changed["n"], changed["old"], changed["new"], changed["_tok"]) == ("2.5", None, "y", seen[0])
    assert {name for name, value in gone.items() if value is not None} == {*OWN, "pk", "sk"} - {"_item"}
    assert (gone["_deleted"], gone["_tok"], gone["_expires"]) == (True, seen[1], 1_767_700_000 + 8 * DAY_S)
    assert (first["n"], first["_tok"]) == ("3", LOWEST_TOKEN)


def test_a_tombstone_has_its_key_and_its_time_only(lake):
    made, sink = History(random.Random(1)), LakeSink(lake())
    put, delete = made.put(KEY, n={"N": "1"}), made.delete(KEY)
    kinds(sink, changes(put))
    kinds(sink, changes(delete))
    (row,) = lake.rows()
    assert row["_deleted"] and row["_expires"] == 1767607872 + 8 * DAY_S
    assert (row["pk"], row["sk"], row["n"], row["_item"]) == ("plain", "0", None, None)


def test_a_purge_takes_old_tombstones_and_nothing_else(lake):
    made, sink = History(random.Random(1)), LakeSink(lake())
    assert sink.purge(0) == 0
    kinds(sink, changes(made.put(KEY), made.put(KEYS[3]), made.delete(KEYS[3])))
    assert sink.purge(1767607872 + 8 * DAY_S) == 0 and len(lake.rows()) == 2
    assert sink.purge(1767607872 + 8 * DAY_S + 1) == 1 and len(lake.rows()) == 1
    assert live(sink) == made.expected()
    assert kinds(sink, changes(made.put(KEYS[3]))) == [Kind.APPLIED]


def test_compaction_changes_no_row(lake):
    made, sink = History(random.Random(1)), LakeSink(lake())
    sink.compact()
    for number in range(4):
        kinds(sink, changes(made.put(KEYS[number], n={"N": str(number)})))
    before = sorted(lake.rows(), key=str)
    sink.compact()
    assert sorted(lake.rows(), key=str) == before
    assert kinds(sink, changes(made.put(KEY))) == [Kind.APPLIED] and live(sink) == made.expected()


def test_two_writers_with_different_progress_end_in_the_tables_state(lake):
    """Both make the table, both send everything, one from the end: each keeps losing races to the other."""
    made = history(11, changes=36, mirrored=True)
    # The catalog is there before them: of two that make one in SQLite at the same time, pyiceberg does not close the
    # connection of the one that was second (Python 3.13 tells of it, in whichever test it is found).
    assert live(LakeSink(lake())) == {}
    ready = threading.Barrier(2)

    def write(batches: list[list[ChangeRecord]]) -> None:
        sink = LakeSink(lake(), options=SinkOptions(ttl=Expiry.MIRROR))
        ready.wait()
        for batch in batches:
            while any(kind is Kind.RETRYABLE for kind in kinds(sink, batch)):
                pass

    batches = [made.changes[start : start + 9] for start in range(0, 36, 9)]
    with ThreadPoolExecutor(2) as writers:
        list(writers.map(write, (batches, batches[::-1])))
    assert live(LakeSink(lake())) == made.expected()
    rows = lake.rows()
    assert len({row["_key"] for row in rows}) == len(rows)


def test_a_writer_that_was_overtaken_merges_anew(lake):
    """Between its read and its commit another writer puts the same new key: no second row, and a true verdict."""
    made = History(random.Random(1))
    older, newer = changes(made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"}))
    other = LakeSink(lake())
    kinds(other, changes(made.put(KEYS[3])))
    overtaken, commit = lake(), None

    def late(rows, columns):
        overtaken.commit = commit
        assert kinds(other, [newer]) == [Kind.APPLIED]
        commit(rows, columns)

    commit, overtaken.commit = overtaken.commit, late
    assert kinds(LakeSink(overtaken), [older]) == [Kind.STALE]
    assert len(lake.rows()) == 2 and live(other) == made.expected()


def test_a_commit_whose_answer_is_lost_is_told_duplicate(lake):
    made, store = History(random.Random(1)), lake()
    commit = store.commit

    def unanswered(rows, columns):
        commit(rows, columns)
        store.commit = commit
        raise UnavailableError("no answer", code="OSError")

    store.commit = unanswered
    sink, (change,) = LakeSink(store), changes(made.put(KEY))
    assert kinds(sink, [change]) + kinds(sink, [change]) == [Kind.RETRYABLE, Kind.DUPLICATE]
    assert live(sink) == made.expected()


def test_data_files_that_are_gone_are_retryable(lake, tmp_path):
    made, sink = History(random.Random(1)), LakeSink(lake())
    kinds(sink, changes(made.put(KEY)))
    for file in tmp_path.rglob("*.parquet"):
        file.unlink()
    assert kinds(sink, changes(made.put(KEY))) == [Kind.RETRYABLE]
    with pytest.raises(UnavailableError, match=lake.kind):
        live(sink)


def test_another_tables_sink_is_refused(lake):
    record = History(random.Random(1)).put(KEY)
    kinds(LakeSink(lake()), changes(record))
    record["dynamodb"]["Keys"] = {"id": {"S": "a"}}
    with pytest.raises(SettingsError, match="never null"):
        LakeSink(lake()).apply(changes(record))


def test_a_delta_table_that_no_sink_made_is_refused(tmp_path):
    write_deltalake(tmp_path / "theirs", pa.table({"n": [1]}))
    sink = LakeSink(DeltaStore(str(tmp_path / "theirs")))
    for act in (
        lambda: sink.apply(changes(History(random.Random(1)).put(KEY))),
        lambda: sink.purge(0),
        lambda: live(sink),
    ):
        with pytest.raises(SettingsError, match="no sink made it"):
            act()


def test_a_folder_that_cannot_be_made_is_retryable(tmp_path):
    (tmp_path / "file").write_text("")
    (verdict,) = LakeSink(DeltaStore(str(tmp_path / "file" / "t"))).apply(changes(History(random.Random(1)).put(KEY)))
    assert verdict.kind is Kind.RETRYABLE and "file/t" in verdict.reason


@pytest.mark.parametrize(
    ("properties", "word"),
    [
        ({}, "PYICEBERG_CATALOG__NOWHERE__"),
        ({"type": "sql", "uri": "nosuch://user:secret@host/db"}, "not configured"),
        ({"uri": "nosuch://user:secret@host/db"}, r"//\*\*\*@host"),
        ({"type": "sql", "uri": "sqlite://"}, "warehouse"),
    ],
)
def test_a_catalog_that_is_not_configured_is_named(properties, word):
    store = IcebergStore("nowhere", "shop.t", properties=properties)
    with pytest.raises(SettingsError, match=word) as told:
        LakeSink(store).apply(changes(History(random.Random(1)).put(KEY)))
    assert "iceberg:nowhere/shop.t" in str(told.value) and "secret" not in str(told.value)
    store.close()


def test_a_catalog_that_cannot_be_opened_is_retryable(tmp_path):
    made, sink = History(random.Random(1)), LakeSink(lakes.iceberg(tmp_path))
    kinds(sink, changes(made.put(KEY)))
    sink.close()
    (tmp_path / "catalog.db").unlink()
    (tmp_path / "catalog.db").mkdir()
    assert kinds(sink, changes(made.put(KEY))) == [Kind.RETRYABLE]


def test_a_function_without_code_finds_its_catalog_in_the_environment(tmp_path):
    """As pyiceberg is configured, in a process of its own; and no library of it warns of anything."""
    made = History(random.Random(1))
    made.put(KEY, n={"N": "1"})
    program = "import json, sys, afterbay.handler as h; print(json.dumps(h.into_sink(json.load(sys.stdin), None)))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        input=json.dumps({"Records": made.records}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ
        | {"AFTERBAY_SINK": f"iceberg:tests/{lakes.NAME}"}
        | {f"PYICEBERG_CATALOG__TESTS__{name.upper()}": value for name, value in lakes.configuration(tmp_path).items()},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"batchItemFailures": []}
    assert [row["n"] for row in lakes.iceberg_rows(tmp_path)] == ["1"]


def test_an_operators_retry_setting_is_taken_back(tmp_path):
    """pyiceberg would repeat a lost commit on the newer snapshot, past the guard."""
    made = History(random.Random(1))
    with closing(LakeSink(lakes.iceberg(tmp_path))) as sink:
        kinds(sink, changes(made.put(KEY)))
    lakes.set_properties(tmp_path, {"commit.retry.num-retries": "4"})
    with closing(LakeSink(lakes.iceberg(tmp_path))) as sink:
        kinds(sink, changes(made.put(KEY)))
    assert lakes.properties(tmp_path)["commit.retry.num-retries"] == "0"
