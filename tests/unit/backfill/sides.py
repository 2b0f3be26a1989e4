"""A table in memory, read as the service answers, and time that passes only when somebody waits."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from afterbay.backfill.both import BothSides
from afterbay.backfill.compare import Promise
from afterbay.backfill.holdings import holdings_of
from afterbay.backfill.items import TableItems, TableShape
from afterbay.backfill.settle import Pace
from afterbay.core.change.value import canonical
from afterbay.sinks.where import WhereSink

TABLE = TableShape(
    "orders",
    {"pk": "S"},
    0,
    "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-05T10:11:12.345",
    None,
)
NOW_S = 1_800_000_000.0


def key(pk: str) -> str:
    return canonical({"pk": {"S": pk}}).decode()


class Time:
    """``moved`` hears of each pause, before it is over."""

    def __init__(self, moved: Callable[[float], None] = lambda now_s: None) -> None:
        self.now_s = 0.0
        self._moved = moved
        self.pauses: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds
        self._moved(self.now_s)

    @property
    def pace(self) -> Pace:
        return Pace(lambda: self.now_s, self.pause)


class FakeTable:
    """Answers the calls of a ``TableItems``; ``items`` by partition key. ``before`` runs before every answer."""

    def __init__(
        self, items: dict[str, dict], *, page: int = 3, before: Callable[[str], None] = lambda call: None
    ) -> None:
        self.items = items
        self.page = page
        self.before = before
        self.calls: list[tuple[str, dict]] = []

    async def call(self, service: str, operation: str, **parameters):
        self.calls.append((operation, parameters))
        self.before(operation)
        answer: Callable[..., dict] = getattr(self, operation)
        return answer(**parameters)

    def scan(self, *, ConsistentRead, Segment=0, TotalSegments=1, ExclusiveStartKey=None, Limit=None, **_):
        assert ConsistentRead
        mine = [pk for pk in sorted(self.items) if crc32(pk.encode()) % TotalSegments == Segment]
        after = "" if ExclusiveStartKey is None else ExclusiveStartKey["pk"]["S"]
        rest = [pk for pk in mine if pk > after]
        page = rest[: min(self.page, Limit or self.page)]
        more = {"LastEvaluatedKey": {"pk": {"S": page[-1]}}} if len(rest) > len(page) else {}
        return {"Items": [self.items[pk] for pk in page], **more}

    def batch_get_item(self, *, RequestItems, **_):
        ((name, wanted),) = RequestItems.items()
        assert wanted["ConsistentRead"]
        assert len(wanted["Keys"]) <= 100
        keys = [one["pk"]["S"] for one in wanted["Keys"]]
        left = wanted["Keys"][self.page :]
        unprocessed = {"UnprocessedKeys": {name: {"Keys": left, "ConsistentRead": True}}} if left else {}
        return {"Responses": {name: [self.items[pk] for pk in keys[: self.page] if pk in self.items]}, **unprocessed}


def both_sides(table: FakeTable, sink, *, described: TableShape = TABLE, now_s: float = NOW_S, **promise) -> BothSides:
    where = sink.where if isinstance(sink, WhereSink) else None
    shown = Promise(frozenset({"pk"}), where=where, ttl_attribute=described.ttl_attribute, **promise)
    return BothSides(TableItems(table, described), holdings_of(sink), shown, now_s=lambda: now_s)
