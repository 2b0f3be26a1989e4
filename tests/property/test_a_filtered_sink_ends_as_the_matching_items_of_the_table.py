"""``where=`` under any order of replay: the matching items of the table's final state are live, no others (E6)."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

import afterbay
from afterbay.core.guard import Kind
from afterbay.sinks.live import live_item
from afterbay.sinks.memory import MemorySink
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.where import WhereSink, read_where
from contract.histories import history

FILTERS = (
    {"tags": {"SS": ["x"]}},
    {"extra": {"S": [{"exists": False}]}},
    {"n": {"N": [{"suffix": "1"}, {"suffix": "4"}, {"suffix": "7"}]}},
    {"$or": [{"pk": {"S": ["a"]}}, {"extra": {"S": [{"prefix": "only"}]}, "tags": {"SS": ["z"]}}]},
)


@st.composite
def deliveries(draw):
    """A history, a filter (and the same asked by hand), and its changes in any order and number, each at least once.

    Expiries are mirrored: a skipped one keeps no item that comes later.
    """
    made = history(draw(st.integers(0, 2**32)), changes=draw(st.integers(1, 25)), mirrored=True)
    changes = made.changes
    order = draw(st.permutations([*changes, *draw(st.lists(st.sampled_from(changes), max_size=10))]))
    return made, draw(st.sampled_from(FILTERS)), order, draw(st.integers(1, 9))


def wanted(where, item) -> bool:
    """The filters above, read off the item without the pattern engine."""
    tags, extra = item["tags"]["SS"], "extra" in item
    match FILTERS.index(where):
        case 0:
            return "x" in tags
        case 1:
            return not extra
        case 2:
            return item["n"]["N"][-1] in "147"
        case _:
            return item["pk"]["S"] == "a" or (extra and "z" in tags)


def ends_as_the_matching_items(sink, made, where, order, size) -> None:
    found = (live_item(item, frozenset({"pk", "sk"})) for item in made.items.values() if wanted(where, item))
    expected = {one.key: one.item for one in found}
    for start in range(0, len(order), size):
        assert not any(verdict.failed for verdict in sink.apply(order[start : start + size]))
    assert {one.key: one.item for one in sink.read_live()} == expected
    assert {verdict.kind for verdict in sink.apply(order)} <= {Kind.DUPLICATE, Kind.STALE}
    assert {one.key: one.item for one in sink.read_live()} == expected


@settings(max_examples=80)
@given(deliveries())
def test_memory(delivered):
    made, where, order, size = delivered
    mirror = SinkOptions(ttl=Expiry.MIRROR)
    sink = WhereSink(MemorySink(options=mirror), read_where(where, "test"))
    ends_as_the_matching_items(sink, made, where, order, size)


@settings(max_examples=20)
@given(deliveries())
def test_sqlite(delivered):
    made, where, order, size = delivered
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{quote(str(Path(folder) / 'sink.db'))}?table=copy&ttl=mirror"
        with closing(afterbay.sink(address, where=where)) as sink:
            ends_as_the_matching_items(sink, made, where, order, size)
