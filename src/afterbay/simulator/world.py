"""A world: what is written, what fails and when, and the settings of the mapping that reads it. Made from a seed.

Decides what happens around a mapping. What the mapping does about it is the core's; what must hold is
``invariants.py``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from random import Random
from typing import TypeVar

from afterbay.core.change.arn import StreamArn, parse_stream_arn
from afterbay.core.mapping.settings import MappingSettings, StartingPosition

__all__ = [
    "KINDS",
    "T0",
    "US",
    "Burst",
    "Demand",
    "DestinationPlan",
    "HandlerPlan",
    "Operation",
    "Reshard",
    "SourcePlan",
    "World",
    "Write",
    "make_world",
    "passes_filters",
]

_T = TypeVar("_T")

T0 = datetime(2026, 1, 1, tzinfo=UTC)
US = 1_000_000
"""Virtual time counts microseconds from ``T0``: whole numbers, so that a replay is exact."""

ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"
FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
DESTINATIONS = (
    "arn:aws:sqs:eu-west-1:000000000000:letters",
    "arn:aws:sns:eu-west-1:000000000000:letters",
    "arn:aws:s3:::letters",
)

KINDS = ("paid", "shipped", "void")

RECORDS_MIN = 200
"""What a world of the ordinary size writes at least."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write of one item. ``removes``: a delete, where the item is there; ``expired``: TTL did it."""

    item: int
    kind: str
    removes: bool
    expired: bool


@dataclass(frozen=True, slots=True)
class Burst:
    """Writes of one instant. ``trims``: the stream then forgets the first of them at once, unread."""

    at_us: int
    writes: tuple[Write, ...]
    trims: bool


@dataclass(frozen=True, slots=True)
class Reshard:
    """An open shard is closed and continued. ``pick`` in [0, 1) says which; ``hidden_us``: how long its children are in
    no listing (S104)."""

    at_us: int
    splits: bool
    pick: float
    hidden_us: int


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """Chances per call, until the calm, that a read or a listing fails. One of each kind comes in any case."""

    throttled: float
    unavailable: float
    denied: float
    expired: float
    empty: float
    repeated: float
    listing: float
    page_records: int
    tells_tips: bool


@dataclass(frozen=True, slots=True)
class HandlerPlan:
    """Chances per invocation, until the calm. ``poison``: which writes no attempt gets through, until ``heals_us``
    (None: never)."""

    latency_us: int
    error: float
    timeout: float
    throttled: float
    unavailable: float
    malformed: float
    partial: float
    dishonest: float
    oversized: float
    stateless: float
    poison: frozenset[int]
    fat: frozenset[int]
    heals_us: int | None


@dataclass(frozen=True, slots=True)
class DestinationPlan:
    """When dead letters are not taken, and how many may wait. ``lost``: it never comes back."""

    down_from_us: int
    down_to_us: int
    lost: bool
    letters_max: int


class Demand(Enum):
    """What somebody asks of the mapping, or of the process that runs it."""

    DISABLE = "disable"
    ENABLE = "enable"
    UPDATE = "update"
    RESTART = "restart"
    DISABLE_STREAM = "disable stream"
    LOSE_SHARD = "lose shard"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Operation:
    at_us: int
    demand: Demand
    settings: MappingSettings | None = None


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is fixed before the first step. ``crashes``: after how many actions the process dies.

    ``calm_us``: from here on nothing fails but what never heals, so that a mapping must come to rest.
    """

    seed: int
    settings: MappingSettings
    roots: int
    items: int
    first_counter: int
    bursts: tuple[Burst, ...]
    reshards: tuple[Reshard, ...]
    source: SourcePlan
    handler: HandlerPlan
    destination: DestinationPlan
    operations: tuple[Operation, ...]
    crashes: frozenset[int]
    starts_us: int
    calm_us: int
    small: bool = False

    @property
    def arn(self) -> StreamArn:
        return parse_stream_arn(self.settings.event_source_arn)


def make_world(rng: Random, seed: int, *, small: bool = False) -> World:
    """Draw a world. ``small``: a few records, no crash of its own, for trying every crash there can be."""
    written = rng.randint(14, 22) if small else rng.randint(RECORDS_MIN + 5, RECORDS_MIN + 30)
    span_us = (4 if small else rng.choice((10, 20, 40, 90))) * US
    settings = _settings(rng, small=small)
    bursts = _bursts(rng, written, span_us, items=6 if small else rng.choice((12, 30, 80)), small=small)
    limited = settings.retry_attempts_max is not None or settings.record_age_max_s is not None
    calm_us = span_us + 5 * US
    return World(
        seed=seed,
        settings=settings,
        roots=2 if small else rng.randint(3, 4),
        items=6 if small else 80,
        first_counter=rng.choice((2, 7, 95, 995)),
        bursts=bursts,
        reshards=_reshards(rng, span_us, small=small),
        source=_source(rng),
        handler=_handler(rng, written, heals_us=None if limited else calm_us),
        destination=_destination(rng, calm_us),
        operations=(*_operations(rng, settings, span_us, small=small), *_skips(seed, span_us)),
        crashes=frozenset() if small else frozenset(_crashes(rng)),
        starts_us=rng.choice((0, 0, span_us // 3)),
        calm_us=calm_us,
        small=small,
    )


def _crashes(rng: Random) -> list[int]:
    first = rng.choice((rng.randint(1, 40), rng.randint(20, 160), rng.randint(60, 250)))
    return [first, *(first + rng.randint(1, 120) for _ in range(rng.choice((0, 0, 1, 2))))]


def _settings(rng: Random, *, small: bool) -> MappingSettings:
    tumbling = rng.random() < 0.2
    filters = () if tumbling or rng.random() < 0.6 else rng.choice(_FILTERS)
    return MappingSettings(
        event_source_arn=ARN,
        function_arn=FUNCTION,
        starting_position=StartingPosition.LATEST if rng.random() < 0.2 else StartingPosition.TRIM_HORIZON,
        batch_size=rng.choice((1, 2, 3, 5) if small else (1, 2, 3, 5, 10, 25, 25, 100)),
        batching_window_s=rng.choice((0, 0, 0, 1, 2, 5)),
        parallelization_factor=1 if tumbling else rng.choice((1, 1, 2, 3, 4, 7, 10)),
        record_age_max_s=rng.choice((None, None, 60, 75)),
        retry_attempts_max=rng.choice((None, 0, 1, 2, 2, 3, 5)),
        bisect=rng.random() < 0.5,
        report_batch_item_failures=rng.random() < 0.5,
        tumbling_window_s=rng.choice((1, 5, 10, 30)) if tumbling else 0,
        on_failure=rng.choice((None, *DESTINATIONS)),
        filters=filters,
    )


_FILTERS: tuple[tuple[str, ...], ...] = (
    ('{"eventName": ["INSERT", "MODIFY"]}',),
    ('{"eventName": ["REMOVE"]}', '{"dynamodb": {"NewImage": {"kind": {"S": [{"prefix": "paid"}]}}}}'),
    ('{"dynamodb": {"NewImage": {"kind": {"S": [{"anything-but": {"prefix": "void"}}]}}}}',),
)

_JUDGES: dict[str, Callable[[str, str], bool]] = {
    _FILTERS[0][0]: lambda name, kind: name != "REMOVE",
    _FILTERS[1][0]: lambda name, kind: name == "REMOVE",
    _FILTERS[1][1]: lambda name, kind: name != "REMOVE" and kind == "paid",
    _FILTERS[2][0]: lambda name, kind: name != "REMOVE" and kind != "void",
}


def passes_filters(filters: tuple[str, ...], event_name: str, kind: str) -> bool:
    """What the patterns of a world mean, said once more without a pattern: the core's judgement is held against it."""
    return not filters or any(_JUDGES[one](event_name, kind) for one in filters)


def _bursts(rng: Random, written: int, span_us: int, *, items: int, small: bool) -> tuple[Burst, ...]:
    bursts: list[Burst] = []
    left = written
    while left:
        size = min(left, rng.choice((1, 2, 3) if small else (1, 2, 5, 10, 20)))
        left -= size
        writes = tuple(
            Write(rng.randrange(items), rng.choice(KINDS), rng.random() < 0.15, rng.random() < 0.2) for _ in range(size)
        )
        bursts.append(Burst(rng.randrange(span_us), writes, trims=rng.random() < 0.1))
    return tuple(sorted(bursts, key=lambda one: one.at_us))


def _reshards(rng: Random, span_us: int, *, small: bool) -> tuple[Reshard, ...]:
    """A split at least; its children come late."""
    late_us = rng.choice((US // 5, US, 8 * US, 45 * US))
    found = [Reshard(rng.randrange(span_us // 5, span_us), True, rng.random(), US // 2 if small else late_us)]
    for _ in range(0 if small else rng.choice((0, 1, 2, 3))):
        hidden_us = rng.choice((0, 0, US // 2, 20 * US))
        found.append(Reshard(rng.randrange(span_us), rng.random() < 0.5, rng.random(), hidden_us))
    return tuple(sorted(found, key=lambda one: one.at_us))


def _source(rng: Random) -> SourcePlan:
    rough = rng.choice((0.0, 0.02, 0.08))
    return SourcePlan(
        throttled=rough,
        unavailable=rough / 2,
        denied=rough / 4,
        expired=rough / 2,
        empty=rng.choice((0.0, 0.1)),
        repeated=rng.choice((0.0, 0.2)),
        listing=rough,
        page_records=rng.choice((2, 5, 10, 1000, 1000)),
        tells_tips=rng.random() < 0.5,
    )


def _handler(rng: Random, written: int, *, heals_us: int | None) -> HandlerPlan:
    rough = rng.choice((0.0, 0.03, 0.15))
    return HandlerPlan(
        latency_us=rng.choice((5_000, 50_000, 400_000)),
        error=rough,
        timeout=rough / 3,
        throttled=rng.choice((0.0, rough)),
        unavailable=rough / 3,
        malformed=rough / 2,
        partial=rng.choice((0.0, 0.2, 0.5)),
        dishonest=0.1 if rng.random() < 0.1 else 0.0,
        oversized=rough / 5,
        stateless=rough / 3,
        poison=frozenset(rng.sample(range(written), k=rng.choice((0, 1, 2, 4)))),
        fat=frozenset(rng.sample(range(written), k=rng.choice((0, 0, 1)))),
        heals_us=heals_us,
    )


def _destination(rng: Random, calm_us: int) -> DestinationPlan:
    down_us = rng.randrange(calm_us)
    back_us = down_us + rng.choice((0, 0, US, calm_us))
    lost = rng.random() < 0.05
    return DestinationPlan(down_us, back_us, lost, letters_max=10_000 if lost else rng.choice((1, 3, 10_000, 10_000)))


def _operations(rng: Random, settings: MappingSettings, span_us: int, *, small: bool) -> tuple[Operation, ...]:
    found: list[Operation] = []
    what = rng.random()
    at_us = rng.randrange(span_us)
    if what < 0.15:
        found.append(Operation(at_us, Demand.DISABLE))
        found.append(Operation(at_us + rng.randrange(1, 20 * US), Demand.ENABLE))
    elif what < 0.35:
        found.append(Operation(at_us, Demand.UPDATE, _changed(rng, settings)))
    elif what < 0.45:
        found.append(Operation(at_us, Demand.RESTART))
    if not small and rng.random() < 0.1:
        found.append(Operation(span_us + US, Demand.DISABLE_STREAM))
    if not small and rng.random() < 0.2:
        found.append(Operation(rng.randrange(span_us // 3, span_us + 20 * US), Demand.LOSE_SHARD))
    return tuple(sorted(found, key=lambda one: one.at_us))


def _skips(seed: int, span_us: int) -> Iterator[Operation]:
    """In one world of eight an operator unblocks shards. Drawn apart: what else a seed makes does not depend on it."""
    rng = Random(f"skipping {seed}")
    if rng.random() < 0.125:
        for _ in range(rng.choice((1, 1, 2, 4))):
            yield Operation(rng.randrange(span_us // 5, span_us + 5 * US), Demand.SKIP)


def _changed(rng: Random, settings: MappingSettings) -> MappingSettings:
    factor = settings.parallelization_factor
    length_s = settings.tumbling_window_s
    if length_s and rng.random() < 0.5:
        length_s = rng.choice((0, 0, 2, 20))
    elif not settings.filters and rng.random() < 0.2:
        length_s, factor = rng.choice((5, 20)), 1
    if not length_s:
        factor = _other(rng, factor, (1, 2, 3, 5, 10))
    return replace(
        settings,
        batch_size=_other(rng, settings.batch_size, (1, 4, 10, 50)),
        parallelization_factor=factor,
        tumbling_window_s=length_s,
        batching_window_s=rng.choice((0, settings.batching_window_s)),
        bisect=rng.random() < 0.5,
        report_batch_item_failures=rng.random() < 0.5,
    )


def _other(rng: Random, value: _T, among: tuple[_T, ...]) -> _T:
    return rng.choice([one for one in among if one != value])
