"""Plays records again, in their order: into a sink, or into a function.

Decides what comes of a batch that failed: what is done stays done, what was named and could not be done is told, and
the rest goes on. Where the records come from is the caller's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.wire import payload
from afterbay.core.guard import Kind, Verdict
from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX, fitting
from afterbay.core.mapping.diagnosis import FAILURES
from afterbay.core.mapping.outcome import Delivered, Failed, FailedFrom, FailedSome, NotReached, Outcome
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.retry import backoff_s
from afterbay.core.shard.position import Position, ShardId
from afterbay.engine.clock import Clock
from afterbay.engine.jitter import spread
from afterbay.errors import RecordError, ThrottledError, UnavailableError
from afterbay.ports import Function, Sink

__all__ = [
    "FAILURES_TOLD_MAX",
    "Failure",
    "Played",
    "batches",
    "batches_of_shards",
    "play_into_function",
    "play_into_sink",
    "settled",
]

FAILURES_TOLD_MAX = 100
"""Failures that are told one by one; all are counted."""

NOT_REACHED_MAX = 8
"""How often a function that is not reached is called for one batch: about a minute."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that could not be played, by its sequence number. ``reason`` is a sentence."""

    sequence_number: str
    reason: str


@dataclass(slots=True)
class Played:
    """What came of it. ``records``: those that something came of. ``verdicts``: a sink's, by name (E8). ``delivered``:
    what a function took."""

    records: int = 0
    delivered: int = 0
    calls: int = 0
    failed: int = 0
    verdicts: Counter[str] = field(default_factory=Counter[str])
    failures: list[Failure] = field(default_factory=list[Failure])

    def fail(self, sequence_number: str, reason: str) -> None:
        self.failed += 1
        if len(self.failures) < FAILURES_TOLD_MAX:
            self.failures.append(Failure(sequence_number, reason))


def batches(records: Iterable[RawRecord], count_max: int) -> Iterator[tuple[RawRecord, ...]]:
    """Cut records into batches of ``count_max`` at most that a function takes (R54, R56)."""
    waiting: list[RawRecord] = []
    waiting_bytes = 0
    for record in records:
        waiting.append(record)
        waiting_bytes += record.size_bytes
        while len(waiting) >= count_max or waiting_bytes >= PAYLOAD_BYTES_MAX:
            count = fitting(waiting, count_max, PAYLOAD_BYTES_MAX)
            yield tuple(waiting[:count])
            del waiting[:count]
            waiting_bytes = sum(one.size_bytes for one in waiting)
    while waiting:
        count = fitting(waiting, count_max, PAYLOAD_BYTES_MAX)
        yield tuple(waiting[:count])
        del waiting[:count]


def batches_of_shards(records: Iterable[tuple[ShardId, RawRecord]], count_max: int) -> Iterator[tuple[RawRecord, ...]]:
    """The same in batches of one shard each (R45): numbers of several are in no order, and may even be the same. Where
    another shard's record comes next, a batch ends."""
    for _, run in groupby(records, key=itemgetter(0)):
        yield from batches((record for _, record in run), count_max)


def play_into_sink(records: Sequence[RawRecord], sink: Sink, played: Played) -> None:
    """Apply one batch; raises what the sink raises. Its guard decides: what is there already is stale or a duplicate,
    and a success (E8)."""
    changes: list[ChangeRecord] = []
    for record in records:
        try:
            changes.append(ChangeRecord(record.body))
        except RecordError as broken:
            _judged(played, str(record.position), Verdict(Kind.POISON, str(broken)))
    for change, verdict in zip(changes, sink.apply(changes), strict=True):
        _judged(played, str(change.sequence_number), verdict)
    played.records += len(records)


def _judged(played: Played, sequence_number: str, verdict: Verdict) -> None:
    played.verdicts[verdict.kind.value] += 1
    if verdict.failed:
        played.fail(sequence_number, f"{verdict.kind.value}: {verdict.reason}")


async def play_into_function(
    records: Sequence[RawRecord], function: Function, played: Played, clock: Clock, request_id: str
) -> None:
    """Invoke with one batch of one shard, and with what is left of it after a partial answer. Raises ``ServiceError``
    for a function that is not reached."""
    rest: Sequence[RawRecord] = records
    while rest:
        outcome = await _invoked(rest, function, played, clock, request_id)
        done, failed, rest = settled(rest, outcome)
        played.delivered += len(done)
        for record in failed:
            played.fail(str(record.position), _reason(outcome))
        played.records += len(done) + len(failed)


def settled(
    records: Sequence[RawRecord], outcome: Outcome
) -> tuple[Sequence[RawRecord], Sequence[RawRecord], Sequence[RawRecord]]:
    """What of a batch is done, what failed, and what is to be played yet. ``records`` ascend.

    Rules: R82 what lies before the lowest failure is done and the rest comes again; without progress the one that was
    named has failed, and what is behind it goes on. A batch that failed as a whole names nobody: all of it has failed.
    """
    match outcome:
        case Delivered():
            return records, (), ()
        case FailedFrom(position=position):
            done = [one for one in records if one.position < position]
            rest = records[len(done) :]
            return (done, (), rest) if done else ((), rest[:1], rest[1:])
        case FailedSome(positions=positions):
            return (
                [one for one in records if one.position not in positions],
                [one for one in records if one.position in positions],
                (),
            )
        case Failed() | NotReached():
            return (), records, ()


async def _invoked(
    records: Sequence[RawRecord], function: Function, played: Played, clock: Clock, request_id: str
) -> Outcome:
    failures = 0
    while True:
        played.calls += 1
        try:
            answer = await function.invoke(payload(records), request_id=request_id)
        except (ThrottledError, UnavailableError) as trouble:
            failures += 1
            if failures >= NOT_REACHED_MAX:
                raise
            advice = trouble.retry_after_s if isinstance(trouble, ThrottledError) else None
            await clock.sleep(spread(max(backoff_s(failures), advice or 0.0)))
            continue
        return read_answer(
            answer.payload,
            function_error=answer.function_error,
            executed_version=answer.executed_version,
            positions={str(one.position): Position(one.position) for one in records},
            # Who reports failures is said by a mapping, and there is none: a function that names some does.
            partial=FAILURES.encode() in answer.payload,
        )


def _reason(outcome: Outcome) -> str:
    match outcome:
        case Failed(cause=cause):
            return f"{cause.value}, of its batch"
        case _:
            return "named in batchItemFailures"
