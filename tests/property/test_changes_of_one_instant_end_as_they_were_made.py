"""Whatever order changes of one item and one time arrive in, and however often, the item ends as the last one left it
(S94)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.change.view import ChangeKind
from afterbay.core.shard.resequence import Arrival, Fate, ItemOrder


@st.composite
def arrivals(draw: st.DrawFn) -> list[Arrival]:
    """Changes of one item: up to three instants of up to five changes each, shuffled within the instant, repeated."""
    made: list[Arrival] = []
    image, number = 0, 0
    for instant in range(draw(st.integers(1, 3))):
        tied = []
        for _ in range(draw(st.integers(1, 5))):
            number += 1
            tied.append(Arrival(f"e{number}", ChangeKind.MODIFY, 100 * instant + 100, image, number))
            image = number
        repeats = draw(st.lists(st.sampled_from(tied), max_size=3))
        made += draw(st.permutations([*tied, *repeats]))
    return made


@given(arrivals())
def test_changes_of_one_instant_end_as_they_were_made(came):
    item = ItemOrder(time_us=0, image=0)
    settled = []
    for one in came:
        settled += item.take(one, 0.0, reorder_window_s=1.0)
    assert item.image == max(one.new for one in came)
    assert not item.held, "the whole chain of an instant came: nothing is left to wait for"
    assert len(settled) == len(came)
    assert all(one.fate is not Fate.UNORDERED for one in settled)
    last = [one for one in came if one.time_us == item.time_us]
    assert item.chain == sorted(set(last), key=lambda one: one.new), "in the order of their images"
