"""Records that an operator gives up, so that a shard goes on now.

Decides which records a skip is about, and refuses one that cannot be meant. Giving them up is the shard's own discard:
by letter, and only then passed. AWS has no such call; its nearest is to lower the limits of the mapping for a while.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from afterbay.core.change.raw import RawRecord
from afterbay.core.mapping.admission import check_destination
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.events import SkipRequested
from afterbay.core.mapping.lane import Lane, LaneState
from afterbay.core.mapping.window import Tumbling
from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import SettingsError

__all__ = ["Skip", "SkipPlan", "asked", "plan"]


@dataclass(frozen=True, slots=True)
class Skip:
    """What is not done of a shard up to and including ``through`` is given up, by letters to ``destination``.

    A batch in flight is awaited: what its answer says is done is delivered, not skipped, and no later record of an item
    starts before it ended. It is forgotten with the process, and with the reading of its shard (a drain): what is not
    in a letter by then is delivered as if nobody had asked.
    """

    through: Position
    destination: str

    def head(self, batch: Batch, tumbling: Tumbling | None) -> int | None:
        """How many leading records of ``batch`` are given up before its next attempt; None: it goes on.

        0 is for a final invocation (R126), which has no records: given up once it failed, if all of its window is.
        """
        if batch.final:
            assert tumbling is not None and tumbling.window is not None, "a final invocation closes a window"
            tried = batch.attempts or batch.not_reached
            return 0 if tried and int(tumbling.window.last) <= self.through else None
        return self._leading(batch.records) or None

    def waiting(self, lane: Lane) -> int:
        """How many of the records that are in no batch yet are given up."""
        return self._leading(lane.waiting)

    def ends_the_rest_of(self, lane: Lane, tumbling: Tumbling | None) -> bool:
        """True for a lane that waits only to try again what is given up."""
        return lane.state is LaneState.RESTING and self.head(lane.batches[-1], tumbling) is not None

    def _leading(self, records: Iterator[RawRecord] | Sequence[RawRecord]) -> int:
        count = 0
        for record in records:
            if record.position > self.through:
                break
            count += 1
        return count


@dataclass(frozen=True, slots=True)
class SkipPlan:
    """What a skip would give up: ``records`` of ``keys`` items in a shard, from ``first`` to ``last`` (None: nothing).

    ``oldest_s``: when the oldest of them was written, in epoch seconds. ``attempts``: the most that a batch of them
    failed. ``in_flight``: of them, being delivered right now; an answer that says they are done keeps them out of the
    letter.
    """

    shard: ShardId
    through: Position
    destination: str
    records: int = 0
    keys: int = 0
    in_flight: int = 0
    attempts: int = 0
    first: Position | None = None
    last: Position | None = None
    oldest_s: float | None = None


def asked(request: SkipRequested, read: Position | None, destination: str | None, before: Skip | None) -> Skip:
    """The skip that is meant, on top of one ``before`` it. ``read``: how far the shard was read; ``destination``: the
    mapping's own.

    Raises ``SettingsError`` for a position that was not read yet, and where no letter could be sent.
    """
    if read is None or request.through > read:
        upto = "nothing of it was read yet" if read is None else f"it was read up to {read}"
        raise SettingsError(
            f"{request.through} lies ahead in {request.shard}: {upto}",
            hint="only what was read can block; skip that, and again if need be",
        )
    where = destination if request.letter_to is None else check_destination(request.letter_to)
    if where is None:
        raise SettingsError(
            "the mapping has no OnFailure destination, and nothing is skipped without a letter",
            hint="name one with --letter-to ARN, a queue, a topic or a bucket",
        )
    through = request.through if before is None else max(request.through, before.through)
    return Skip(through, where)


def plan(shard: ShardId, lanes: Sequence[Lane], skip: Skip) -> SkipPlan:
    """What is unfinished up to where ``skip`` goes, now."""
    found = sorted(_unfinished(lanes, skip.through), key=lambda record: record.position)
    if not found:
        return SkipPlan(shard, skip.through, skip.destination)
    top = [lane.batches[-1] for lane in lanes if lane.batches]
    flying = [lane.batches[-1] for lane in lanes if lane.state is LaneState.INVOKING]
    return SkipPlan(
        shard,
        skip.through,
        skip.destination,
        records=len(found),
        keys=len({record.key for record in found}),
        in_flight=sum(record.position <= skip.through for batch in flying for record in batch.records),
        attempts=max(
            (one.attempts for one in top if one.records and one.records[0].position <= skip.through), default=0
        ),
        first=Position(found[0].position),
        last=Position(found[-1].position),
        oldest_s=min(record.created_s for record in found),
    )


def _unfinished(lanes: Sequence[Lane], through: Position) -> Iterator[RawRecord]:
    for lane in lanes:
        for records in (*(batch.records for batch in reversed(lane.batches)), lane.waiting):
            for record in records:
                if record.position > through:
                    break
                yield record
