"""One batch of a lake sink: reduced to the newest per key, tried again when another writer was first, not for ever."""

from __future__ import annotations

import random

import pytest

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.errors import ConflictError, SettingsError, UnavailableError
from afterbay.sinks import lake
from afterbay.sinks.lake import COMMITS_MAX, LakeSink
from afterbay.sinks.lake_columns import Columns
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.reduced import Stored
from contract.histories import KEYS, History

KEY = KEYS[2]


class Store:
    """A table in memory whose commits fail as told, one fault each; ``after`` says whether it is written all the
    same."""

    def __init__(self, *faults, after=False):
        self.faults, self.after = list(faults), after
        self.tokens: dict[str, Stored] = {}
        self.commits: list[list] = []
        self.closed = False

    def __str__(self):
        return "delta:t"

    def open(self, keys):
        return Columns(keys)

    def stored(self, keys):
        return {key: self.tokens[key] for key in keys if key in self.tokens}

    def commit(self, rows, columns):
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or self.after:
            self.commits.append(list(rows))
            self.tokens |= {row.key: Stored(row.token, row.deleted) for row in rows}
        if fault is not None:
            raise fault

    def live(self):
        return iter(())

    def purge(self, before_s):
        if self.faults:
            raise self.faults.pop(0)
        return before_s

    def compact(self):
        self.purge(0)

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """How long the sink would have waited."""
    waited = []
    monkeypatch.setattr(lake.time, "sleep", waited.append)
    return waited


def lost():
    return ConflictError("delta:t: another writer was first", code="CommitFailedError")


def kinds(sink, *records):
    return [verdict.kind for verdict in sink.apply([ChangeRecord(record) for record in records])]


def test_a_batch_is_one_commit_with_the_newest_row_of_each_key():
    store, made = Store(), History(random.Random(1))
    records = [made.put(KEY, n={"N": "1"}), made.put(KEYS[3]), made.delete(KEY), made.put(KEY, n={"N": "2"})]
    assert kinds(LakeSink(store), *records, records[0]) == [Kind.APPLIED] * 4 + [Kind.STALE]
    ((first, second),) = store.commits
    assert first.cells["n"] == "2" and first.token == ChangeRecord(records[3]).token and not second.deleted


def test_a_batch_that_changes_nothing_commits_nothing():
    store, made = Store(), History(random.Random(1))
    record = made.put(KEY)
    sink = LakeSink(store)
    assert kinds(sink, record) + kinds(sink, record) == [Kind.APPLIED, Kind.DUPLICATE] and len(store.commits) == 1


def test_a_lost_race_is_tried_again_on_what_is_there_then(pauses):
    store, made = Store(lost(), lost()), History(random.Random(1))
    assert kinds(LakeSink(store), made.put(KEY)) == [Kind.APPLIED]
    assert len(store.commits) == 1 and len(pauses) == 2


def test_races_lost_without_end_are_retryable(pauses):
    store, made = Store(*[lost() for _ in range(COMMITS_MAX)]), History(random.Random(1))
    sink = LakeSink(store)
    bad, good = made.put(KEYS[3], n={"N": "many"}), made.put(KEY)
    verdicts = sink.apply([ChangeRecord(bad), ChangeRecord(good)])
    assert [one.kind for one in verdicts] == [Kind.POISON, Kind.RETRYABLE]
    assert f"{COMMITS_MAX} times" in verdicts[1].reason and len(pauses) == COMMITS_MAX - 1
    assert kinds(sink, good) == [Kind.APPLIED]


@pytest.mark.parametrize("fault", [UnavailableError("delta:t: no answer", code="OSError"), lost()])
def test_a_commit_whose_answer_is_lost_is_a_duplicate_when_it_comes_again(fault):
    store, made = Store(fault, after=True), History(random.Random(1))
    sink, record = LakeSink(store), made.put(KEY)
    first = kinds(sink, record)
    assert first == [Kind.DUPLICATE if isinstance(fault, ConflictError) else Kind.RETRYABLE]
    assert kinds(sink, record) == [Kind.DUPLICATE] and len(store.commits) == 1


def test_a_wrong_table_fails_the_whole_call():
    with pytest.raises(SettingsError, match="wrong"):
        LakeSink(Store(SettingsError("wrong"))).apply([ChangeRecord(History(random.Random(1)).put(KEY))])


def test_tokens_of_another_form_are_a_wrong_setting():
    store, made = Store(), History(random.Random(1))
    record = ChangeRecord(made.put(KEY))
    store.tokens = {'{"pk":{"S":"plain"},"sk":{"S":"0"}}': Stored("7", deleted=False)}
    with pytest.raises(SettingsError, match="another form"):
        LakeSink(store).apply([record])


def test_an_attribute_that_has_no_column_fails_its_record_alone():
    store, made = Store(), History(random.Random(1))
    bad, good = made.put(KEY, _tok={"S": "x"}), made.put(KEYS[3])
    sink = LakeSink(store)
    verdicts = sink.apply([ChangeRecord(bad), ChangeRecord(good)])
    assert [one.kind for one in verdicts] == [Kind.POISON, Kind.APPLIED] and "'_tok'" in verdicts[0].reason
    without = LakeSink(store, options=SinkOptions(without=frozenset({"_tok"})))
    assert kinds(without, bad) == [Kind.APPLIED]


def test_a_skipped_expiry_moves_the_token_of_what_is_there():
    store, made = Store(), History(random.Random(1))
    sink = LakeSink(store)
    put = made.put(KEY, n={"N": "1"})
    expiry, again = made.expire(KEY, mirrored=False), made.expire(KEY, mirrored=False)
    assert kinds(sink, put, expiry) == [Kind.APPLIED, Kind.SKIPPED]
    assert kinds(sink, again) == [Kind.SKIPPED]
    (merged,), (kept,) = store.commits
    assert merged.cells["n"] == "1" and merged.token == ChangeRecord(expiry).token and not merged.keeps
    assert kept.keeps and not kept.deleted and kept.token == ChangeRecord(again).token


def test_a_purge_is_tried_again_and_says_what_it_did():
    assert LakeSink(Store(lost())).purge(12.5) == 12
    with pytest.raises(ConflictError, match="times"):
        LakeSink(Store(*[lost() for _ in range(COMMITS_MAX)])).compact()


def test_closing_closes_the_store():
    store = Store()
    LakeSink(store, options=SinkOptions(ttl=Expiry.MIRROR)).close()
    assert store.closed
