"""Shortcuts around the guard of a lake table, which the checks of a right one find out."""

from __future__ import annotations

import random

import pytest

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.guard import Kind
from afterbay.sinks import iceberg
from afterbay.sinks.delta import DeltaStore
from afterbay.sinks.entry import prepare_all
from afterbay.sinks.lake import LakeSink
from afterbay.sinks.lake_rows import settle
from afterbay.sinks.options import Expiry, SinkOptions
from contract import lakes, sink_suite
from contract.histories import KEYS, History, history

MIRROR = SinkOptions(ttl=Expiry.MIRROR)


class BlindStore(DeltaStore):
    """Every change is merged: tokens are not read before."""

    def stored(self, keys):
        return {}


class UnguardedStore(BlindStore):
    """A MERGE without the token condition: the last one to arrive wins."""

    newer = "true"


class UnreducedSink(LakeSink):
    """A MERGE with all changes of a batch, a key's several ones too."""

    def _attempt(self, entries, _plan):
        columns = self._store.open(["pk", "sk"])
        rows, verdicts = [], {}
        for one in entries:
            settled, verdict = settle([one], {}, columns, TombstoneRetention(), str(self))
            rows += settled
            verdicts |= verdict
        self._store.commit(rows, columns)
        return verdicts


def ends_as_the_table(sink, seed: int) -> None:
    """Whatever the verdicts are, the rows are right after batches in no order."""
    made = history(seed, changes=40, mirrored=True)
    batches = [made.changes[start : start + 8] for start in range(0, 40, 8)]
    for batch in [*batches, *made.rng.sample(batches, 3)]:
        assert not any(kind.failed for kind in sink_suite.kinds(sink, batch))
    assert sink_suite.live(sink) == made.expected()


def test_the_condition_in_the_merge_is_enough_for_the_state(tmp_path):
    ends_as_the_table(LakeSink(BlindStore(str(tmp_path / "t")), options=MIRROR), 1)


def test_a_merge_without_the_condition_goes_back_in_time(tmp_path):
    with pytest.raises(AssertionError):
        ends_as_the_table(LakeSink(UnguardedStore(str(tmp_path / "t")), options=MIRROR), 1)


def test_a_merge_without_reduction_fails(tmp_path):
    with pytest.raises(AssertionError):
        ends_as_the_table(UnreducedSink(DeltaStore(str(tmp_path / "t")), options=MIRROR), 1)


def test_a_merge_without_reduction_makes_two_rows_of_one_new_key(tmp_path):
    made, store = History(random.Random(1)), DeltaStore(str(tmp_path / "t"))
    changes = [ChangeRecord(made.put(KEYS[0], n={"N": str(number)})) for number in range(2)]
    assert len(prepare_all(changes, MIRROR)[0]) == 2
    sink = UnreducedSink(store, options=MIRROR)
    assert sink_suite.kinds(sink, changes) == [Kind.APPLIED] * 2
    assert len(list(sink.read_live())) == 2


def test_a_commit_repeated_on_a_newer_snapshot_makes_two_rows_of_one_key(tmp_path, monkeypatch):
    """What pyiceberg does by itself with a lost commit, and what the sink takes from it."""
    monkeypatch.setattr(iceberg, "_NO_REBASE", {})
    made, store, other = History(random.Random(1)), lakes.iceberg(tmp_path), LakeSink(lakes.iceberg(tmp_path))
    older, newer = (ChangeRecord(made.put(KEYS[0], n={"N": str(number)})) for number in range(2))
    sink_suite.kinds(other, [ChangeRecord(made.put(KEYS[2], n={"N": "0"}))])
    commit = store.commit

    def late(rows, columns):
        sink_suite.kinds(other, [newer])
        commit(rows, columns)

    store.commit = late
    sink_suite.kinds(LakeSink(store), [older])
    assert [row["_key"] for row in lakes.iceberg_rows(tmp_path)].count('{"pk":{"S":"a#b"},"sk":{"S":"c"}}') == 2
    store.close()
    other.close()
