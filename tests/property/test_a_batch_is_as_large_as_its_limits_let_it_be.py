"""BatchSize and 6 MB bound a batch, and nothing else does: what waits joins until one of them is met (R54 to R58)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.change.wire import payload
from unit.core.mapping.driving import World, record
from unit.core.mapping.driving import settings as mapping

LIMIT = 6 * 1024 * 1024
FRAME = len(b'{"Records":[]}')
BODIES = {
    size: b"x" * size
    for size in (2, 700, 1_000_000, LIMIT // 2 - 8, LIMIT // 2 - 7, LIMIT - FRAME, LIMIT - FRAME + 1, LIMIT + 9)
}
SIZES = st.lists(st.sampled_from(sorted(BODIES)), min_size=1, max_size=14)


def check(sizes: list[int], batch_size: int) -> None:
    stream = {"s": [record(n, body=BODIES[size]) for n, size in enumerate(sizes, start=1)]}
    world = World(mapping(batch_size=batch_size), stream).start().run(5)
    assert [n for batch in world.delivered for n in batch] == list(range(1, len(sizes) + 1))
    for batch in world.batches:
        held, sent = len(batch.records), len(payload(batch.records))
        assert 1 <= held <= batch_size
        assert sent <= LIMIT or held == 1, "a record that alone exceeds the limit is tried alone (R57)"
        following = batch.records[-1].position + 1
        if held < batch_size and following <= len(sizes):
            assert sent + 1 + sizes[following - 1] > LIMIT, "the next one would have fitted (R56)"


@settings(max_examples=100)
@given(SIZES, st.integers(1, 9))
def test_a_batch_holds_what_fits_and_no_less(sizes: list[int], batch_size: int) -> None:
    check(sizes, batch_size)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=1500)
@given(SIZES, st.integers(1, 9))
def test_the_same_over_many_more_streams(sizes: list[int], batch_size: int) -> None:
    check(sizes, batch_size)
