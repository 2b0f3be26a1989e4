"""A replay sends each archived event of its time once, minute after minute, and no other (B74)."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.bus.archive import Archived
from afterbay.core.bus.envelope import Event
from afterbay.core.bus.replay import Replay, in_minutes

starts = st.floats(0, 10_000)
lengths = st.floats(0.5, 2_000)
times = st.lists(st.integers(0, 13_000), max_size=60)


@given(starts, lengths, times)
def test_each_event_comes_once_in_the_order_of_minutes(start: float, length: float, times_s: list[int]) -> None:
    replay = Replay(name="r", arn="", archive_arn="", bus_arn="", from_s=start, until_s=start + length, started_s=0.0)
    events = [
        Archived(
            event=Event(id=str(number), detail_type="t", source="s", account="1", time_s=time_s, region="r"),
            archived_s=0.0,
            counted_bytes=0,
        )
        for number, time_s in enumerate(times_s)
    ]
    minutes = in_minutes(replay, events)
    sent = [one for minute in minutes for one in minute]
    wanted = [one for one in events if start <= one.event.time_s <= start + length]
    assert sorted(one.event.id for one in sent) == sorted(one.event.id for one in wanted)
    for minute in minutes:
        moments = [one.event.time_s for one in minute]
        assert max(moments) - min(moments) < 60
    for earlier, later in pairwise(minutes):
        assert max(one.event.time_s for one in earlier) < min(one.event.time_s for one in later)
