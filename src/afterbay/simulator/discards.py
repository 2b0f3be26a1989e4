"""Records are given up only when a limit or an operator says so, and just those (R88, R99, R103 to R109)."""

from __future__ import annotations

from datetime import datetime

from afterbay.core.mapping.deadletter import Condition
from afterbay.core.mapping.settings import MappingSettings
from afterbay.simulator.lanes import Part
from afterbay.simulator.violation import Watch

__all__ = ["check_discard"]


def check_discard(
    watch: Watch,
    part: Part,
    count: int,
    first: int,
    last: int,
    condition: Condition,
    settings: MappingSettings,
    now: datetime,
    *,
    skipped: int,
) -> None:
    """The first ``count`` records of ``part``, from position ``first`` to ``last``, are given up at ``now``.

    ``skipped``: up to which position somebody gave up the shard."""
    given_up = part.records[:count]
    if count and (given_up[0].raw.position, given_up[-1].raw.position) != (first, last):
        watch.fail("what is discarded is the head of the batch (R99, R104)", f"{first} to {last} of {part}")
    if condition is Condition.RETRY_ATTEMPTS_EXHAUSTED:
        _exhausted(watch, part, count, settings)
    elif condition is Condition.SKIPPED_BY_OPERATOR:
        _skipped(watch, part, count, skipped)
    else:
        _too_old(watch, part, count, settings.record_age_max_s, now.timestamp())
    watch.coverage.hit(f"discard: {condition.value}")


def _exhausted(watch: Watch, part: Part, count: int, settings: MappingSettings) -> None:
    limit = settings.retry_attempts_max
    if limit is None or part.attempts != limit + 1:
        watch.fail("retries are used up when a batch is discarded (R88)", f"{part.attempts} attempts, limit {limit}")
    if count != len(part.records):
        watch.fail("the whole batch is discarded (R99)", f"{count} of {part}")
    if settings.bisect and part.responds and count > 1:
        watch.fail("bisect leaves a lone record to discard (R92, R94)", f"{part}")
    if count > 1:
        watch.met("R99 several records discarded at once")


def _too_old(watch: Watch, part: Part, count: int, limit_s: int | None, now_s: float) -> None:
    if limit_s is None:
        watch.fail("records expire only where an age limit is set (R108)", f"{part}")
    watch.met("R106 too old after failures" if part.attempts else "R105 too old before any attempt")
    if any(now_s - record.raw.created_s < limit_s for record in part.records[:count]):
        watch.fail("only what is too old expires (R103, R104)", f"{part}")
    if not part.records[count:]:
        return
    watch.met("R104 only the head was too old")
    if now_s - part.records[count].raw.created_s >= limit_s:
        watch.fail("every leading record that is too old expires (R104)", f"{part}")


def _skipped(watch: Watch, part: Part, count: int, through: int) -> None:
    if any(record.raw.position > through for record in part.records[:count]):
        watch.fail("only what an operator named is skipped", f"{count} of {part}, through {through}")
    if part.records[count:] and part.records[count].raw.position <= through:
        watch.fail("everything that an operator named is skipped", f"{count} of {part}, through {through}")
    if not count and not part.attempts and part.failed_us is None:
        watch.fail("a final invocation is skipped only once it failed", f"{part}")
    if part.records[count:]:
        watch.met("a batch was skipped in part")
