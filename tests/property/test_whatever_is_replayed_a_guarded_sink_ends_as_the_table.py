"""Duplicates, shuffles across keys, batch cuts: the sink ends in the state of the table's own history (E5 to E10)."""

from __future__ import annotations

import itertools
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.sinks.memory import MemorySink
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.sqlite import SqliteSink
from contract.histories import History, history


@st.composite
def deliveries(draw) -> tuple[History, Expiry, list[list[ChangeRecord]]]:
    """A history and its batches: every key's changes in order, keys mingled anyhow, any batch once more later."""
    ttl = draw(st.sampled_from(Expiry))
    made = history(draw(st.integers(0, 2**32)), changes=draw(st.integers(1, 25)), mirrored=ttl is Expiry.MIRROR)
    lanes: dict[str, list[ChangeRecord]] = {}
    for change in made.changes:
        lanes.setdefault(repr(change.keys), []).append(change)
    turns = draw(st.permutations([key for key, changes in lanes.items() for _ in changes]))
    mingled = [lanes[key].pop(0) for key in turns]
    cuts = sorted({0, len(mingled), *draw(st.lists(st.integers(0, len(mingled)), max_size=6))})
    batches = []
    for start, end in itertools.pairwise(cuts):
        batches.append(mingled[start:end])
        for again in draw(st.lists(st.integers(0, len(batches) - 1), max_size=2)):
            batches.append(batches[again])
    return made, ttl, batches


def ends_as_the_table(sink, made, batches) -> None:
    for batch in batches:
        assert not any(verdict.failed for verdict in sink.apply(batch))
    assert {one.key: one.item for one in sink.read_live()} == made.expected()
    replayed = {verdict.kind for batch in batches for verdict in sink.apply(batch)}
    assert replayed <= {Kind.DUPLICATE, Kind.STALE}
    assert {one.key: one.item for one in sink.read_live()} == made.expected()


@settings(max_examples=60)
@given(deliveries())
def test_memory(delivered):
    made, ttl, batches = delivered
    ends_as_the_table(MemorySink(options=SinkOptions(ttl=ttl)), made, batches)


@settings(max_examples=20)
@given(deliveries())
def test_sqlite(delivered):
    made, ttl, batches = delivered
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(SqliteSink(Path(folder) / "sink.db", "copy", options=SinkOptions(ttl=ttl))) as sink,
    ):
        ends_as_the_table(sink, made, batches)
