"""What to do about an outcome: done, cut, again, or give up (R79 to R108).

Decides for one batch; the lane acts. Time, letters and checkpoints are not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from afterbay.core.change.raw import RawRecord
from afterbay.core.mapping.batch import Batch, make_batch
from afterbay.core.mapping.bisect import halves
from afterbay.core.mapping.outcome import (
    Cause,
    Delivered,
    Failed,
    FailedFrom,
    FailedSome,
    NotReached,
    Outcome,
    ResponseContext,
)
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.shard.position import ShardId

__all__ = [
    "Again",
    "Decision",
    "Done",
    "GiveUp",
    "Replace",
    "backoff_s",
    "decide",
    "expired_prefix",
    "pipe_backoff_s",
]

BACKOFF_FIRST_S = 0.25
BACKOFF_MAX_S = 30.0
PIPE_PAUSE_FIRST_S = 1.0
PIPE_PAUSE_MAX_S = 60.0


@dataclass(frozen=True, slots=True)
class Done:
    """Every record of the batch is done."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Go on with these batches at once, in this order; what they no longer hold is done. ``split``: a bisect."""

    batches: tuple[Batch, ...]
    split: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """The same batch, after ``delay_s`` (before jitter, which is the driver's)."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The retries are used up: discard the whole batch (R99). ``response`` is what the dead letter tells (R111)."""

    response: ResponseContext | None


Decision = Done | Replace | Again | GiveUp


def decide(batch: Batch, outcome: Outcome, settings: MappingSettings, shard: ShardId, ids: RequestIds) -> Decision:
    """Say what becomes of ``batch``; counts the attempt in it.

    Rules: R82 progress is a new batch with a fresh budget, R85 what did not reach the function costs nothing, R88 at
    most one attempt more than MaximumRetryAttempts, R92 and R101 a failure without progress is split first.
    """
    match outcome:
        case Delivered():
            return Done()
        case NotReached():
            return _not_reached(batch, outcome)
        case FailedFrom(position=position, response=response):
            rest = tuple(r for r in batch.records if r.position >= position)
            return _without_what_is_done(batch, rest, batch.generation, response, settings, shard, ids)
        case FailedSome(positions=positions, response=response, not_reached=not_reached):
            rest = _failed_and_behind(batch.records, positions)
            if not_reached is not None and len(rest) == len(batch.records):
                return _not_reached(batch, not_reached)
            return _without_what_is_done(batch, rest, batch.generation + 1, response, settings, shard, ids)
        case Failed(cause=cause, splittable=splittable, response=response):
            told = None if cause is Cause.TOO_LARGE else response
            return _failed(batch, splittable, told, settings, shard, ids)
        case _:
            assert_never(outcome)


def _not_reached(batch: Batch, outcome: NotReached) -> Again:
    batch.not_reached += 1
    return Again(max(backoff_s(batch.not_reached), outcome.retry_after_s or 0.0))


def _without_what_is_done(
    batch: Batch,
    rest: tuple[RawRecord, ...],
    generation: int,
    response: ResponseContext | None,
    settings: MappingSettings,
    shard: ShardId,
    ids: RequestIds,
) -> Decision:
    assert rest, "a failure names a record of the batch"
    if len(rest) == len(batch.records):
        return _failed(batch, True, response, settings, shard, ids)
    return Replace((make_batch(rest, shard, ids, generation=generation),))


def _failed(
    batch: Batch,
    splittable: bool,
    response: ResponseContext | None,
    settings: MappingSettings,
    shard: ShardId,
    ids: RequestIds,
) -> Decision:
    batch.attempts += 1
    batch.not_reached = 0
    if splittable and settings.bisect and len(batch.records) > 1:
        return Replace(halves(batch, shard, ids), split=True)
    limit = settings.retry_attempts_max
    if limit is not None and batch.attempts > limit:
        return GiveUp(response)
    return Again(backoff_s(batch.attempts))


def _failed_and_behind(records: Sequence[RawRecord], positions: frozenset[int]) -> tuple[RawRecord, ...]:
    """The failed records, and those of the same items behind them, which must not overtake."""
    keys: set[bytes] = set()
    rest: list[RawRecord] = []
    for record in records:
        if record.position in positions or record.key in keys:
            keys.add(record.key)
            rest.append(record)
    return tuple(rest)


def backoff_s(failures: int) -> float:
    """The pause after the n-th failure in a row: 250 ms, doubling, at most 30 s (R91, an engine default)."""
    return _doubled(BACKOFF_FIRST_S, failures, BACKOFF_MAX_S)


def pipe_backoff_s(failures: int) -> float:
    """The longest pause of a pipe after the n-th failure in a row: 1 s, doubling, at most 60 s (X89); the driver takes
    any part of it."""
    return _doubled(PIPE_PAUSE_FIRST_S, failures, PIPE_PAUSE_MAX_S)


def _doubled(first_s: float, failures: int, max_s: float) -> float:
    """``first_s`` after the first failure, doubled with each that follows."""
    return min(max_s, first_s * 2.0 ** min(failures - 1, 16))


def expired_prefix(records: Sequence[RawRecord], age_max_s: float | None, now_s: float) -> int:
    """How many leading records are too old to be delivered: only the leading ones go (R104), age == limit is old
    (R107)."""
    if age_max_s is None:
        return 0
    for index, record in enumerate(records):
        if now_s - record.created_s < age_max_s:
            return index
    return len(records)
