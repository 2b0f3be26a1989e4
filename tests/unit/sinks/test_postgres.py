"""The PostgreSQL sink beside other writers, on tables that are not its own, with faults, and over time."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
import time
import uuid
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

import afterbay
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.errors import SettingsError, UnavailableError
from afterbay.sinks import postgres_batch
from afterbay.sinks.mending import NOTHING_HELD, OVERTAKEN, Mend
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.postgres import PostgresSink
from contract import sink_suite
from contract.histories import KEYS, History, history
from servers import server_url

DAY_S = 24 * 60 * 60
TESTS = Path(__file__).parents[2]
KEY = KEYS[2]


@pytest.fixture
def url():
    return server_url("postgres")


@pytest.fixture
def table():
    return f"t{uuid.uuid4().hex}"


@pytest.fixture
def sink(url, table):
    sink = PostgresSink(url, table)
    yield sink
    sink.close()


@pytest.fixture
def other(url):
    with psycopg.connect(url, autocommit=True) as session:
        yield session


@pytest.fixture
def made():
    return History(random.Random(1))


def verdicts(sink, *records):
    return sink.apply([ChangeRecord(one) for one in records])


def kinds(sink, *records):
    return [verdict.kind for verdict in verdicts(sink, *records)]


def test_readers_find_typed_keys_and_exact_numbers_in_the_view(sink, other, table, made):
    record = made.put(KEY, small={"N": "1E-130"}, big={"N": "9." + "9" * 37 + "E+125"}, raw={"B": "AQI="})
    record["dynamodb"]["Keys"] |= {"sk": {"N": "-12345678901234567890.123"}}
    record["dynamodb"]["NewImage"] |= {"sk": {"N": "-12345678901234567890.123"}}
    assert kinds(sink, record) == [Kind.APPLIED]
    query = f"SELECT pk, sk, item->'small', item->>'big', item->>'raw' FROM {table}_live"
    ((pk, sk, small, big, raw),) = other.execute(query.replace("item->'small'", "(item->>'small')::numeric")).fetchall()
    assert (pk, sk, raw) == (KEY[0], Decimal("-12345678901234567890.123"), "AQI=")
    assert (small, Decimal(big)) == (Decimal("1E-130"), Decimal("9." + "9" * 37 + "E+125"))


def test_the_verdicts_of_one_keys_changes_in_one_batch_are_each_their_own(sink, made):
    """Reduced to one write, and told apart all the same (E8, E10)."""
    first, second, third, fourth = (made.put(KEY, n={"N": str(n)}) for n in range(4))
    assert kinds(sink, second) == [Kind.APPLIED]
    assert kinds(sink, first, second, third, third, fourth, first) == [
        Kind.STALE,
        Kind.DUPLICATE,
        Kind.APPLIED,
        Kind.DUPLICATE,
        Kind.APPLIED,
        Kind.STALE,
    ]
    assert sink_suite.live(sink) == made.expected()


def test_a_skipped_expiry_keeps_the_item_that_its_own_batch_has_put(sink, made):
    put = made.put(KEY, n={"N": "1"})
    expiry = made.expire(KEY, mirrored=False)
    assert kinds(sink, put, expiry) == [Kind.APPLIED, Kind.SKIPPED]
    assert kinds(sink, expiry, put) == [Kind.DUPLICATE, Kind.STALE]
    assert sink_suite.live(sink) == made.expected()


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"note": {"S": "a\0b"}}, "dynamodb.NewImage.note"),
        ({"doc": {"M": {"a": {"L": [{"S": "x"}, {"S": "\0"}]}}}}, r"dynamodb.NewImage.doc.a\[1\]"),
        ({"doc": {"M": {"a\0": {"S": "x"}}}}, "dynamodb.NewImage.doc"),
        ({"tags": {"SS": ["x", "\0"]}}, "dynamodb.NewImage.tags"),
    ],
)
def test_a_text_with_a_nul_is_poison_with_its_attribute_named(sink, made, attributes, path):
    bad, good = made.put(KEYS[3], **attributes), made.put(KEY, note={"S": "\\u0000"})
    told = verdicts(sink, bad, good)
    assert [one.kind for one in told] == [Kind.POISON, Kind.APPLIED]
    assert re.search(path, told[0].reason)
    assert [one.item["note"] for one in sink.read_live()] == ["\\u0000"]


def test_what_is_stale_is_stale_though_the_server_would_refuse_it(sink, made):
    """E5: the item has moved on since, so its first text no longer keeps the shard from going on."""
    refused, newer = (ChangeRecord(made.put(KEY, note={"S": text})) for text in ("a\0b", "ab"))
    assert sink_suite.kinds(sink, [refused]) == [Kind.POISON]
    assert sink_suite.kinds(sink, [newer]) == [Kind.APPLIED]
    assert sink_suite.kinds(sink, [refused, newer]) == [Kind.STALE, Kind.DUPLICATE]


def test_a_nul_in_a_key_is_poison_too(sink, made):
    (told,) = verdicts(sink, made.put(("a\0", "b")))
    assert told.kind is Kind.POISON and "dynamodb.Keys.pk" in told.reason


def test_keys_longer_than_an_index_takes_are_written(sink, made):
    rng = random.Random(3)
    for _ in range(2):
        made.put(("".join(chr(rng.randrange(0x4E00, 0x9000)) for _ in range(680)), "k" * 1000))
    assert kinds(sink, *made.records) == [Kind.APPLIED, Kind.APPLIED]
    assert sink_suite.live(sink) == made.expected()


def test_what_the_table_refuses_is_poison_alone_and_tells_no_value(sink, other, table, made):
    """A generated column of the user's own, as the docs advise: one record does not fit it, its neighbours are in."""
    kinds(sink, made.put(KEYS[0], total={"N": "1"}))
    other.execute(
        f"ALTER TABLE {table} ADD total numeric GENERATED ALWAYS AS ((item->>'total')::numeric) STORED,"
        f" ADD CONSTRAINT positive CHECK (total > 0)"
    )
    records = [made.put(key, total={"N": "5"}) for key in KEYS]
    records[2] = made.put(KEYS[2], total={"S": "secret"})
    records[4] = made.put(KEYS[4], total={"N": "-1"})
    told = verdicts(sink, *records)
    wrong = {2, 4}
    assert [one.kind for one in told] == [Kind.POISON if n in wrong else Kind.APPLIED for n in range(len(KEYS))]
    assert "22P02" in told[2].reason and "secret" not in told[2].reason
    assert "23514 (positive)" in told[4].reason
    rows = other.execute(f"SELECT count(*), sum(total) FROM {table}").fetchone()
    assert rows == (len(KEYS) - 2, 5 * (len(KEYS) - 2))


def test_a_later_change_of_a_refused_key_is_written(sink, other, table, made):
    kinds(sink, made.put(KEYS[0], n={"N": "1"}))
    other.execute(f"ALTER TABLE {table} ADD CHECK (item->>'n' <> 'bad')")
    changes = [made.put(KEY, n={"S": text}) for text in ("good", "bad", "good", "bad")]
    assert kinds(sink, *changes) == [Kind.APPLIED, Kind.POISON, Kind.APPLIED, Kind.POISON]
    made.items[KEY]["n"] = {"S": "good"}
    assert sink_suite.live(sink) == made.expected()


WRITER = """
import random, sys
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.postgres import PostgresSink
from contract.histories import history
made = history(7, changes=200, mirrored=True)
changes = made.changes
random.Random(int(sys.argv[3])).shuffle(changes)
sink = PostgresSink(sys.argv[1], sys.argv[2], options=SinkOptions(ttl=Expiry.MIRROR))
input()
for start in range(0, len(changes), 9):
    told = sink.apply(changes[start : start + 9])
    assert not any(one.failed for one in told), told
sink.close()
"""


def test_processes_writing_at_once_end_in_the_tables_state_without_deadlocks(url, table, sink):
    """Each writes the whole history in an order of its own; the table and its view are made by whichever is first."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, table, str(seed)], cwd=TESTS, stdin=subprocess.PIPE, text=True
        )
        for seed in (1, 2, 3)
    ]
    try:
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.close()
        assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert sink_suite.live(sink) == history(7, changes=200, mirrored=True).expected()


class Overtaken(PostgresSink):
    """Another writer is faster each time, between the look at what is stored and the write."""

    def __init__(self, *given, between, **options):
        super().__init__(*given, **options)
        self.between = between

    def _applied(self, entries):
        look = postgres_batch._reduced

        def overtaken(*given):
            told = look(*given)
            if self.between:
                others, self.between = self.between, []
                others.pop(0)()
                self.between = others
            return told

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(postgres_batch, "_reduced", overtaken)
            return super()._applied(entries)


@pytest.mark.parametrize("ttl", list(Expiry))
def test_a_change_that_lands_in_between_is_seen_before_anything_is_written(url, table, made, ttl):
    """An expiry that is skipped must not make a tombstone of an item that came meanwhile, nor an old put replace it."""
    first = made.put(KEY, n={"N": "1"})
    second = made.put(KEY, n={"N": "2"})
    expiry = made.expire(KEY, mirrored=ttl is Expiry.MIRROR)
    options = SinkOptions(ttl=ttl)
    fast = PostgresSink(url, table, options=options)
    assert kinds(fast, made.put(KEYS[3])) == [Kind.APPLIED]
    slow = Overtaken(url, table, options=options, between=[lambda: kinds(fast, second)])
    last = Kind.APPLIED if ttl is Expiry.MIRROR else Kind.SKIPPED
    assert kinds(slow, first, expiry) == [Kind.STALE, last]
    assert sink_suite.live(slow) == made.expected()
    fast.close()
    slow.close()


def test_a_batch_waits_for_the_other_writers_transaction_and_then_knows_it(url, table, sink, made):
    """Its look at what is stored came too early; the statement itself finds out, and looks again."""
    kinds(sink, *(made.put(key, n={"N": "1"}) for key in KEYS))
    older, newer = made.put(KEY, n={"N": "2"}), made.put(KEY, n={"N": "3"})
    told = []
    thread = threading.Thread(target=lambda: told.extend(kinds(sink, older)), daemon=True)
    with psycopg.connect(url) as writer, psycopg.connect(url, autocommit=True) as looking:
        token = ChangeRecord(newer).token
        writer.execute(f"UPDATE {table} SET _tok = %s, item = item || '{{\"n\": 3}}' WHERE pk = %s", (token, KEY[0]))
        thread.start()
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
        until = time.monotonic() + 20
        while not looking.execute(waits, (f"%{table}%",)).fetchone():
            assert time.monotonic() < until and not told, told
        writer.commit()
    thread.join(30)
    assert told == [Kind.STALE]
    # KEY and another one have that partition key.
    assert sorted(one.item["n"] for one in sink.read_live()) == [1, 1, 1, 1, 3, 3]


def test_a_lost_session_is_retryable_and_the_next_batch_has_another(sink, other, made):
    first, second = made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"})
    kinds(sink, first)
    other.execute("SELECT pg_terminate_backend(%s)", (sink._session.info.backend_pid,))
    told = verdicts(sink, second)
    assert [one.kind for one in told] == [Kind.RETRYABLE] and "AdminShutdown 57P01" in told[0].reason
    assert kinds(sink, second) == [Kind.APPLIED]
    other.execute("SELECT pg_terminate_backend(%s)", (sink._session.info.backend_pid,))
    with pytest.raises(UnavailableError, match="57P01"):
        list(sink.read_live())
    assert sink_suite.live(sink) == made.expected()


class CutAfter(PostgresSink):
    """The server commits, and its answer does not arrive."""

    cut = True

    def _applied(self, entries):
        return self._unheard(super()._applied(entries))

    def _mended(self, seen, entries):
        return self._unheard(super()._mended(seen, entries))

    def _unheard(self, told):
        if self.cut:
            self.cut = False
            self._session.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return told


def test_a_batch_whose_answer_is_lost_is_told_duplicate_when_it_comes_again(url, table, made):
    sink = CutAfter(url, table)
    records = [made.put(KEY, n={"N": "1"}), made.put(KEYS[3]), made.delete(KEYS[3])]
    assert kinds(sink, *records) == [Kind.RETRYABLE] * 3
    assert kinds(sink, *records) == [Kind.STALE if n == 1 else Kind.DUPLICATE for n in range(3)]
    assert sink_suite.live(sink) == made.expected()
    sink.close()


def test_a_server_that_is_away_is_retryable_and_the_password_is_not_told(made):
    sink = afterbay.sink("postgresql://user:secret@127.0.0.1:9/orders?table=t&connect_timeout=2")
    (told,) = verdicts(sink, made.put(KEY))
    assert told.kind is Kind.RETRYABLE and "127.0.0.1" in told.reason
    with pytest.raises(UnavailableError) as read:
        list(sink.read_live())
    assert "secret" not in f"{told.reason}{sink}{read.value}"


def test_a_server_without_tls_is_told_where_the_address_wants_it(url, made):
    (told,) = verdicts(afterbay.sink(f"{url}?table=t&sslmode=require"), made.put(KEY))
    assert told.kind is Kind.RETRYABLE and "SSL" in told.reason


def test_a_dropped_table_is_made_again_by_the_retry(sink, other, table, made):
    records = [made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"})]
    kinds(sink, records[0])
    other.execute(f"DROP TABLE {table} CASCADE")
    assert kinds(sink, records[1]) == [Kind.RETRYABLE]
    assert kinds(sink, records[1]) == [Kind.APPLIED]


def test_a_table_of_another_shape_is_refused_and_left_alone(sink, other, table, made):
    other.execute(f"CREATE TABLE {table} (id int)")
    other.execute(f"INSERT INTO {table} VALUES (1)")
    with pytest.raises(SettingsError, match="id integer"):
        kinds(sink, made.put(KEY))
    with pytest.raises(SettingsError, match="id integer"):
        list(sink.read_live())
    assert other.execute(f"SELECT * FROM {table}").fetchall() == [(1,)]


def test_a_view_name_that_is_taken_is_refused_and_nothing_is_made(sink, other, table, made):
    other.execute(f"CREATE TABLE {table}_live (id int)")
    with pytest.raises(SettingsError, match="42P07"):
        kinds(sink, made.put(KEY))
    assert other.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,)


def test_a_source_with_another_key_is_refused_and_nothing_of_its_batch_written(sink, made):
    first, second = made.put(KEY), made.put(KEYS[3])
    second["dynamodb"] |= {"Keys": {"id": {"S": "1"}}, "NewImage": {"id": {"S": "1"}}}
    with pytest.raises(SettingsError, match="table="):
        kinds(sink, first, second)
    assert list(sink.read_live()) == []


@pytest.mark.parametrize("name", ["_tok", "_id", "item", "ctid", "k" * 64])
def test_a_key_attribute_that_cannot_be_a_column_is_refused(sink, made, name):
    record = made.put(KEY)
    record["dynamodb"] |= {"Keys": {name: {"S": "1"}}, "NewImage": {name: {"S": "1"}}}
    with pytest.raises(SettingsError, match="cannot be a column"):
        kinds(sink, record)


@pytest.mark.parametrize("name", ['a"b', "PK", "100%", "%s", "order", "a;--"])
def test_any_other_key_attribute_is_a_column(sink, made, name):
    record = made.put(KEY)
    record["dynamodb"] |= {"Keys": {name: {"B": "AQI="}}, "NewImage": {name: {"B": "AQI="}}}
    assert kinds(sink, record) == [Kind.APPLIED]
    assert [one.item for one in sink.read_live()] == [{name: "AQI="}]


def test_a_table_may_be_in_a_schema(url, other, made):
    schema = f"s{uuid.uuid4().hex}"
    sink = afterbay.sink(f"{url}?table={schema}.orders")
    with pytest.raises(SettingsError, match="3F000"):
        kinds(sink, made.put(KEY))
    other.execute(f"CREATE SCHEMA {schema}")
    assert kinds(sink, made.put(KEY)) == [Kind.APPLIED]
    assert other.execute(f"SELECT pk FROM {schema}.orders_live").fetchall() == [(KEY[0],)]
    sink.close()


def test_tokens_of_another_form_are_refused(sink, other, table, made):
    kinds(sink, made.put(KEY))
    other.execute(f"UPDATE {table} SET _tok = '7'")
    with pytest.raises(SettingsError, match="another form"):
        kinds(sink, made.put(KEY))
    other.execute(f"UPDATE {table} SET _tok = repeat('0', 64)")
    assert kinds(sink, made.put(KEY)) == [Kind.APPLIED]


def at(record, created_s):
    record["dynamodb"]["ApproximateCreationDateTime"] = created_s
    return record


def test_tombstones_are_purged_by_a_later_batch_and_not_before(sink, other, table, made):
    start = 1_767_607_872
    kinds(sink, at(made.put(KEY), start), at(made.delete(KEY), start + 1))

    def tombstones():
        return other.execute(f"SELECT count(*) FROM {table} WHERE _deleted").fetchone()[0]

    kinds(sink, at(made.put(KEYS[3]), start + 8 * DAY_S))
    assert tombstones() == 1
    kinds(sink, at(made.put(KEYS[3]), start + 8 * DAY_S + 2))
    assert tombstones() == 0


def test_a_purge_does_not_wait_for_a_locked_tombstone(sink, other, table, made):
    start = 1_767_607_872
    kinds(sink, at(made.put(KEY), start), at(made.delete(KEY), start))
    other.execute("BEGIN")
    other.execute(f"SELECT FROM {table} WHERE pk = %s FOR UPDATE", (KEY[0],))
    assert kinds(sink, at(made.put(KEYS[3]), start + 9 * DAY_S)) == [Kind.APPLIED]
    other.execute("ROLLBACK")


# ---- single items looked up and mended (E14)

NOW_S = 1_767_700_000.0


def key_of(key):
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def mend_of(key, seen, **attributes):
    """Without attributes: the item is gone."""
    return Mend(key_of(key), {**key_of(key), **attributes} if attributes else None, seen, NOW_S)


@pytest.mark.parametrize("gone", [False, True])
def test_a_skipped_expiry_keeps_what_a_mend_made_of_the_item_in_between(url, table, made, gone):
    """The mend leaves the token as it was, so a token alone would not tell that there is a tombstone, or none, now."""
    put, delete = made.put(KEY, n={"N": "1"}), made.delete(KEY)
    made.put(KEY, n={"N": "2"})
    expiry = made.expire(KEY, mirrored=True)
    fast = PostgresSink(url, table, options=SinkOptions(ttl=Expiry.MIRROR))
    kinds(fast, put, *(() if gone else (delete,)))
    (held,) = fast.look_up([key_of(KEY)])
    mend = mend_of(KEY, held.token) if gone else mend_of(KEY, held.token, n={"N": "2"})
    slow = Overtaken(url, table, between=[lambda: fast.mend([mend])])
    assert kinds(slow, expiry) == [Kind.SKIPPED]
    (after,) = slow.look_up([key_of(KEY)])
    assert after.token == ChangeRecord(expiry).token
    assert (after.item and after.item["n"]) == (None if gone else 2)
    assert len(sink_suite.live(slow)) == (0 if gone else 1)
    fast.close()
    slow.close()


def test_a_mend_waits_for_the_other_writers_transaction_and_is_overtaken(sink, url, table, made):
    kinds(sink, *(made.put(key, n={"N": "1"}) for key in KEYS))
    (held,) = sink.look_up([key_of(KEY)])
    token, told = ChangeRecord(made.put(KEY, n={"N": "2"})).token, []
    thread = threading.Thread(
        target=lambda: told.extend(sink.mend([mend_of(KEY, held.token, n={"N": "0"})])), daemon=True
    )
    with psycopg.connect(url) as writer, psycopg.connect(url, autocommit=True) as looking:
        writer.execute(f"UPDATE {table} SET _tok = %s, item = item || '{{\"n\": 2}}' WHERE pk = %s", (token, KEY[0]))
        thread.start()
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
        until = time.monotonic() + 20
        while not looking.execute(waits, (f"%{table}%",)).fetchone():
            assert time.monotonic() < until and not told, told
        writer.commit()
    thread.join(30)
    assert told == [OVERTAKEN] and sink.look_up([key_of(KEY)])[0].item["n"] == 2


def test_a_tombstone_that_was_purged_since_is_overtaken_and_stays_away(sink, other, table, made):
    kinds(sink, made.put(KEY), made.delete(KEY))
    (held,) = sink.look_up([key_of(KEY)])
    assert held.token and held.item is None
    other.execute(f"DELETE FROM {table}")
    mends = [mend_of(KEY, held.token, n={"N": "1"}), mend_of(KEYS[3], None, n={"N": "1"})]
    assert [one.kind for one in sink.mend(mends)] == [Kind.STALE, Kind.APPLIED]
    assert sink.look_up([key_of(KEY)]) == [NOTHING_HELD]


def test_a_tombstone_of_a_mend_is_kept_for_its_retention_from_the_read(sink, other, table, made):
    kinds(sink, made.put(KEY))
    (held,) = sink.look_up([key_of(KEY)])
    assert [one.kind for one in sink.mend([mend_of(KEY, held.token)])] == [Kind.APPLIED]
    row = other.execute(f"SELECT item, _deleted, _expires FROM {table}").fetchone()
    assert row == (None, True, int(NOW_S) + 8 * DAY_S)


def test_a_mend_whose_answer_is_lost_writes_the_same_again(url, table, made):
    sink = CutAfter(url, table)
    sink.cut = False
    kinds(sink, made.put(KEY, n={"N": "1"}))
    (held,) = sink.look_up([key_of(KEY)])
    sink.cut = True
    mend = mend_of(KEY, held.token, n={"N": "2"})
    assert [one.kind for one in sink.mend([mend]) + sink.mend([mend])] == [Kind.RETRYABLE, Kind.APPLIED]
    assert sink.look_up([key_of(KEY)])[0].item["n"] == 2
    sink.close()


def test_what_the_table_cannot_take_is_poison_alone_in_a_mend_too(sink, other, table, made):
    kinds(sink, made.put(KEYS[0], n={"N": "1"}))
    other.execute(f"ALTER TABLE {table} ADD CHECK (item->>'n' <> 'bad')")
    texts = [{"S": "a\0"}, {"S": "good"}, {"S": "bad"}, {"N": "many"}]
    told = sink.mend([mend_of(key, None, n=text) for key, text in zip(KEYS[1:], texts, strict=False)])
    assert [one.kind for one in told] == [Kind.POISON, Kind.APPLIED, Kind.POISON, Kind.POISON]


def test_looking_up_on_a_server_that_is_away_is_told(made):
    away = afterbay.sink("postgresql://user:secret@127.0.0.1:9/orders?table=t&connect_timeout=2")
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1"):
        away.look_up([key_of(KEY)])
    assert [one.kind for one in away.mend([mend_of(KEY, None, n={"N": "1"})])] == [Kind.RETRYABLE]
