"""E14 between any two steps of live changes: a repair writes nothing older than what is stored, tells the truth about
each key, and the sink ends as the table."""

from __future__ import annotations

import asyncio
import random
from contextlib import closing

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.backfill.compare import Promise
from afterbay.backfill.holdings import SinkHoldings
from afterbay.backfill.repair import mend_keys
from afterbay.backfill.settle import Pace
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import LOWEST_TOKEN
from afterbay.core.change.value import canonical
from afterbay.core.guard import Kind
from afterbay.sinks.live import live_item
from afterbay.sinks.memory import MemoryRow, MemorySink

LABEL = "2026-01-05T10:11:12.345"
ARN = f"arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/{LABEL}"
KEYS = ("a", "b", "c")
DAMAGES = ("none", "missing", "old", "wrong", "back", "token")


class World:
    """A table, its stream, a consumer that delivers from it, and a sink that a repair works on at the same time.

    ``v`` of an item is the number of the change that wrote it.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.table: dict[str, dict] = {}
        self.stream: list[ChangeRecord] = []
        self.delivered = 0
        self.sink = MemorySink()
        self.holdings = SinkHoldings(self.sink)
        self.at_read: dict[str, int] = {}

    def write(self) -> None:
        pk, number = self.rng.choice(KEYS), len(self.stream) + 1
        kind, images = "REMOVE", {}
        if pk in self.table and self.rng.random() < 0.4:
            images["OldImage"] = self.table.pop(pk)
        else:
            kind = "MODIFY" if pk in self.table else "INSERT"
            old = {"OldImage": self.table[pk]} if pk in self.table else {}
            self.table[pk] = {"pk": {"S": pk}, "v": {"N": str(number)}}
            images = {"NewImage": self.table[pk], **old}
        inner = {
            "ApproximateCreationDateTime": 1767607872.0,
            "Keys": {"pk": {"S": pk}},
            "SequenceNumber": str(10**20 + number),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            **images,
        }
        if kind == "REMOVE" and not images:
            return
        self.stream.append(
            ChangeRecord({"eventName": kind, "eventSource": "aws:dynamodb", "eventSourceARN": ARN, "dynamodb": inner})
        )

    def deliver(self, count: int) -> None:
        batch = self.stream[self.delivered : self.delivered + count]
        assert not any(verdict.failed for verdict in self.sink.apply(batch))
        self.delivered += len(batch)

    def happen(self) -> None:
        """Live changes, and a consumer that now and then starts again further back."""
        for _ in range(self.rng.randrange(3)):
            self.write()
        if self.rng.random() < 0.2:
            self.delivered = self.rng.randint(0, self.delivered)
        self.deliver(self.rng.randrange(4))

    def damage(self, pk: str, how: str) -> None:
        key = canonical({"pk": {"S": pk}}).decode()
        rows = self.sink._store.rows
        row = rows.get(key)
        if row is None or how == "none":
            return
        if how == "missing":
            del rows[key]
        elif how == "wrong":
            rows[key] = MemoryRow(row.token, {"pk": pk, "v": -1})
        elif how == "back":
            rows[key] = MemoryRow(row.token, {"pk": pk, "v": 0})
        elif how == "token":
            rows[key] = MemoryRow(LOWEST_TOKEN, row.item)
        else:
            rows[key] = MemoryRow(row.token, None)

    def newest_change(self, pk: str) -> int:
        """The number of the table's last change of a key."""
        made = [number for number, one in enumerate(self.stream, 1) if one.keys["pk"] == pk]
        return made[-1] if made else 0

    def stored_change(self, key: str) -> int:
        """The number of the change whose token the sink has for a key."""
        row = self.sink.rows().get(key)
        return 0 if row is None or row.token == LOWEST_TOKEN else int(row.token.partition("/")[2]) - 10**20

    # ---- what the repair does, with the world going on before each step

    async def look_up(self, keys):
        self.happen()
        found = self.sink.look_up(keys)
        self.happen()
        return found

    async def read(self, keys):
        self.happen()
        self.at_read = {one["pk"]["S"]: self.newest_change(one["pk"]["S"]) for one in keys}
        found = [self.table.get(one["pk"]["S"]) for one in keys]
        self.happen()
        return found

    async def mend(self, mends):
        self.happen()
        stored = [self.stored_change(canonical(one.keys).decode()) for one in mends]
        told = self.sink.mend(mends)
        for one, verdict, number in zip(mends, told, stored, strict=True):
            if verdict.kind is Kind.APPLIED:
                assert self.at_read[one.keys["pk"]["S"]] >= number, "an older image over a newer change"
        self.happen()
        return told

    async def pause(self, seconds: float) -> None:
        if self.rng.random() < 0.5:
            self.happen()


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32), damage=st.tuples(*[st.sampled_from(DAMAGES)] * len(KEYS)))
def test_a_repair_never_takes_a_newer_change_back(seed, damage):
    world = World(seed)
    with closing(world.holdings):
        for _ in range(8):
            world.happen()
        for pk, how in zip(KEYS, damage, strict=True):
            world.damage(pk, how)
        keys = [{"pk": {"S": pk}} for pk in KEYS]
        mended = asyncio.run(
            mend_keys(
                keys,
                read=world.read,
                holdings=world,
                promise=Promise(frozenset({"pk"})),
                now_s=lambda: 1_800_000_000.0,
                pace=Pace(lambda: 0.0, world.pause),
            )
        )
    told = [*mended.repaired, *mended.agreed, *mended.failed]
    assert sorted(told) == sorted(canonical(one).decode() for one in keys), "each key is told once"
    world.deliver(len(world.stream))
    expected = (live_item(one, frozenset({"pk"})) for one in world.table.values())
    assert {one.key: one.item for one in world.sink.read_live()} == {one.key: one.item for one in expected}
