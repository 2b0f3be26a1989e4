"""``verify`` beside a consumer that lags less than its wait: whatever the table does meanwhile, nothing is told as
damage; and damage that nobody mends is told, however busy the rest is."""

from __future__ import annotations

import asyncio
import random
from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.backfill.notebook import Notebook
from afterbay.backfill.verify import Verification, VerifyOptions
from afterbay.core.change.record import ChangeRecord
from afterbay.sinks.memory import MemoryRow, MemorySink
from unit.backfill.sides import TABLE, FakeTable, Time, both_sides, key

KEYS = ("a", "b", "c", "d")
WAIT_S = 10.0
CALL_S = 0.05


class World:
    """Time passes with each call and each pause; changes are written in it and arrive ``lag_s`` later, in order."""

    def __init__(self, seed: int, lag_s: float, pace_s: float) -> None:
        self.rng = random.Random(seed)
        self.lag_s = lag_s
        self.pace_s = pace_s
        self.time = Time(lambda now_s: self.live())
        self.table = FakeTable({}, page=2, before=lambda call: self.tick())
        self.sink = MemorySink()
        self.stream: list[tuple[float, ChangeRecord]] = []
        self.delivered = 0
        self.written_s = 0.0
        self.quiet: set[str] = set()

    def tick(self) -> None:
        self.time.now_s += CALL_S
        self.live()

    def live(self) -> None:
        """Everything that was written and arrived by now."""
        while self.written_s + self.pace_s <= self.time.now_s:
            self.written_s += self.pace_s
            self.write(self.written_s)
        while self.delivered < len(self.stream):
            written_s, change = self.stream[self.delivered]
            if written_s + self.lag_s > self.time.now_s:
                return
            assert not self.sink.apply([change])[0].failed
            self.delivered += 1

    def write(self, at_s: float) -> None:
        pk, number = self.rng.choice(KEYS), len(self.stream) + 1
        if pk in self.quiet:
            return
        items = self.table.items
        # Few values, so that an item comes back to what it was.
        new = None if self.rng.random() < 0.3 else {"pk": {"S": pk}, "v": {"N": str(self.rng.randrange(2))}}
        if new == items.get(pk):
            return
        kind = "REMOVE" if new is None else "MODIFY" if pk in items else "INSERT"
        images = {"OldImage": items.pop(pk)} if pk in items else {}
        if new is not None:
            items[pk] = images["NewImage"] = new
        inner = {
            "ApproximateCreationDateTime": 1767607872.0,
            "Keys": {"pk": {"S": pk}},
            "SequenceNumber": str(10**20 + number),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            **images,
        }
        record = {"eventName": kind, "eventSource": "aws:dynamodb", "eventSourceARN": TABLE.stream_arn}
        self.stream.append((at_s, ChangeRecord({**record, "dynamodb": inner})))

    async def verify(self):
        both = both_sides(self.table, self.sink)
        options = VerifyOptions(wait_s=WAIT_S)
        with closing(both.holdings), closing(Notebook()) as notebook:
            return await Verification(both, options, newest=None, pace=self.time.pace).run(notebook)

    def settle(self) -> None:
        for _ in range(100):
            self.tick()


worlds = st.builds(
    World,
    st.integers(0, 2**32),
    st.floats(0.0, WAIT_S / 2),
    st.sampled_from([0.03, 0.2, 1.0, 3.0]),
)


@settings(max_examples=80)
@given(worlds)
def test_changes_on_their_way_are_never_damage(world):
    world.settle()
    report = asyncio.run(world.verify())
    assert report.damaged == 0, report.samples


@settings(max_examples=40)
@given(worlds, st.sampled_from(KEYS), st.booleans())
def test_damage_that_stays_is_told_however_busy_the_rest_is(world, pk, there):
    world.settle()
    world.quiet.add(pk)
    world.time.now_s += world.lag_s
    world.live()
    rows = world.sink._store.rows
    rows[key(pk)] = MemoryRow(
        rows[key(pk)].token if key(pk) in rows else "0" * 64, {"pk": pk, "v": 7} if there else None
    )
    report = asyncio.run(world.verify())
    wanted = there or pk in world.table.items
    assert (key(pk) in [one.key for one in report.samples]) is wanted
    assert report.damaged == int(wanted)
