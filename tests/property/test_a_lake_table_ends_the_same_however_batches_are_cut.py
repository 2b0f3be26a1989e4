"""Reducing a batch to the newest change of each key (E10) ends as writing its changes one by one, replays included."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.sinks.entry import prepare_all
from afterbay.sinks.lake_columns import Columns
from afterbay.sinks.lake_rows import LakeRow, settle
from afterbay.sinks.options import SinkOptions
from afterbay.sinks.reduced import Stored
from contract.histories import history

recorded = functools.cache(lambda seed: history(seed, changes=30).changes)


def ended(batches: list[list[ChangeRecord]]) -> dict[str, LakeRow]:
    """The rows of a table after these batches."""
    table: dict[str, LakeRow] = {}
    for batch in batches:
        stored = {key: Stored(row.token, row.deleted) for key, row in table.items()}
        entries, _ = prepare_all(batch, SinkOptions())
        rows, _ = settle(entries, stored, Columns(["pk", "sk"]), TombstoneRetention(), "delta:t")
        assert len({row.key for row in rows}) == len(rows)
        for row in rows:
            there = table.get(row.key)
            kept = row.keeps and there is not None
            table[row.key] = replace(there, token=row.token, expires_s=row.expires_s) if kept else row
    return table


@given(st.integers(1, 5), st.lists(st.integers(0, 29), max_size=12), st.lists(st.integers(1, 40), max_size=6))
def test_a_lake_table_ends_the_same_however_batches_are_cut(seed, replayed, cuts):
    changes = recorded(seed)
    sent = [*changes, *(changes[place] for place in replayed)]
    edges = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    batches = [sent[start:end] for start, end in itertools.pairwise(edges)]
    assert ended(batches) == ended([[change] for change in sent])
