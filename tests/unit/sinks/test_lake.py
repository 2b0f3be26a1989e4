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
from afterbay.sinks.mending import NOTHING_HELD, OVERTAKEN, Held, Mend
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

    def held(self, keys):
        if self.faults:
            raise self.faults.pop(0)
        return {key: (self.tokens[key].token, None) for key in keys if key in self.tokens}

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


# ---- single items looked up and mended (E14)


def key_of(key):
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def mend_of(key, seen, **attributes):
    """Without attributes: the item is gone."""
    return Mend(key_of(key), {**key_of(key), **attributes} if attributes else None, seen, 1_767_700_000.0)


def test_mends_are_one_commit_without_those_that_were_overtaken():
    store, made = Store(), History(random.Random(1))
    sink = LakeSink(store)
    records = [made.put(key) for key in KEYS[:3]]
    kinds(sink, *records)
    seen = [held.token for held in sink.look_up([key_of(key) for key in KEYS[:4]])]
    assert seen == [ChangeRecord(record).token for record in records] + [None]
    kinds(sink, made.put(KEYS[1]))
    mends = [
        mend_of(KEYS[0], seen[0], n={"N": "2"}),
        mend_of(KEYS[1], seen[1], n={"N": "2"}),
        mend_of(KEYS[2], seen[2]),
        mend_of(KEYS[3], None, n={"N": "2"}),
        mend_of(KEYS[4], None),
    ]
    told = [one.kind for one in sink.mend(mends)]
    assert told == [Kind.APPLIED, Kind.STALE, Kind.APPLIED, Kind.APPLIED, Kind.SKIPPED]
    changed, gone, new = store.commits[-1]
    assert all(row.mends and not row.keeps for row in store.commits[-1]) and len(store.commits) == 3
    assert (changed.token, changed.cells["n"], gone.token, gone.deleted) == (seen[0], "2", seen[2], True)
    assert gone.expires_s == 1_767_700_000 + 8 * 24 * 60 * 60 and new.token == "0" * 64
    assert sink.mend(mends[1:2]) == [OVERTAKEN] and len(store.commits) == 3


def test_a_mend_that_lost_a_race_is_overtaken_by_what_is_there_then():
    store, made = Store(), History(random.Random(1))
    sink = LakeSink(store)
    kinds(sink, made.put(KEY), made.put(KEYS[3]))
    mine, theirs = (held.token for held in sink.look_up([key_of(KEY), key_of(KEYS[3])]))
    commit = store.commit

    def first_overtaken(rows, columns):
        store.commit = commit
        kinds(LakeSink(store), made.put(KEYS[3]))
        raise lost()

    store.commit = first_overtaken
    told = sink.mend([mend_of(KEY, mine, n={"N": "2"}), mend_of(KEYS[3], theirs, n={"N": "2"})])
    assert [one.kind for one in told] == [Kind.APPLIED, Kind.STALE]
    assert [row.key for row in store.commits[-1]] == ['{"pk":{"S":"plain"},"sk":{"S":"0"}}']


def test_mends_whose_answer_is_lost_write_the_same_again():
    store, made = Store(), History(random.Random(1))
    sink = LakeSink(store)
    kinds(sink, made.put(KEY))
    mend = mend_of(KEY, sink.look_up([key_of(KEY)])[0].token, n={"N": "2"})
    store.faults, store.after = [UnavailableError("delta:t: no answer", code="OSError")], True
    assert [one.kind for one in sink.mend([mend]) + sink.mend([mend])] == [Kind.RETRYABLE, Kind.APPLIED]


def test_an_image_that_has_no_column_fails_its_mend_alone():
    store = Store()
    told = LakeSink(store).mend([mend_of(KEY, None, _tok={"S": "x"}), mend_of(KEYS[3], None, n={"N": "1"})])
    assert [one.kind for one in told] == [Kind.POISON, Kind.APPLIED] and "'_tok'" in told[0].reason
    with pytest.raises(SettingsError, match="wrong"):
        LakeSink(Store(SettingsError("wrong"))).mend([mend_of(KEY, None, n={"N": "1"})])


def test_a_look_up_tells_what_the_store_tells():
    store = Store(UnavailableError("delta:t: no answer", code="OSError"))
    store.tokens = {'{"pk":{"S":"plain"},"sk":{"S":"0"}}': Stored("t", deleted=True)}
    with pytest.raises(UnavailableError, match="no answer"):
        LakeSink(store).look_up([key_of(KEY)])
    assert LakeSink(store).look_up([key_of(KEY), key_of(KEYS[3])]) == [Held("t", None), NOTHING_HELD]
