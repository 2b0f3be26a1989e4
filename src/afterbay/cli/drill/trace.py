"""One known change, from the table to where it shows up, with times."""

from __future__ import annotations

from dataclasses import dataclass

from afterbay.cli.drill.report import Steps
from afterbay.cli.drill.subject import Subject
from afterbay.cli.drill.world import few, moved
from afterbay.core.mapping.outcome import Delivered, NotReached
from afterbay.engine.meter import Attempt

__all__ = ["NAME", "PROMISE", "Traced", "trace"]

NAME = "trace"
PROMISE = "a change reaches the function, which takes it"


@dataclass(frozen=True, slots=True)
class Traced:
    """The item that was traced. ``taken``: the function is done with it. ``visible``: something that can be seen here
    changed with it."""

    number: int
    taken: bool
    visible: bool


async def trace(subject: Subject, steps: Steps) -> Traced:
    """Write one item and follow it."""
    ground, kind = subject.ground, subject.draft.kind
    number = next(subject.numbers)
    await subject.prepare([number])
    before = await ground.look()
    steps.begin(ground.now())
    earlier_error = ground.poison.errors.pop(subject.settings.function_arn, "")
    written = ground.now()
    await subject.change([number])
    steps.see(written, f"{kind.value} of {subject.key(number).decode()} in table {subject.table}")

    def tried() -> Attempt | None:
        found = subject.record(number, kind)
        attempts = [] if found is None else subject.witness.attempts_with(found.record.position)
        return attempts[0] if attempts else None

    await ground.until(lambda: tried() is not None, ahead_s=subject.patience_s)
    read, attempt = subject.record(number, kind), tried()
    if read is None:
        blocked = subject.blocked_by() or "the mapping does not read its stream"
        steps.broken(
            NAME, PROMISE, f"the change was not read: {blocked}{f' ({earlier_error})' if earlier_error else ''}"
        )
        return Traced(number, taken=False, visible=False)
    steps.see(read.at, f"read from the stream, shard {read.shard}, sequence number {read.record.position}")
    if attempt is None:
        steps.broken(NAME, PROMISE, "it was read, and the function was not called with it")
        return Traced(number, taken=False, visible=False)
    count = len(attempt.batch.records)
    steps.see(attempt.started, f"function {subject.function} called with {count} record(s): {attempt.batch.why.value}")
    took_ms = (attempt.ended - attempt.started).total_seconds() * 1000
    if not isinstance(attempt.outcome, Delivered):
        error = ground.poison.errors.get(subject.settings.function_arn) or _reason(attempt)
        steps.see(attempt.ended, f"it failed after {took_ms:.0f} ms: {error}")
        steps.broken(
            NAME,
            PROMISE,
            f"the function failed with an item made for it ({error}): give one that it takes with --item FILE",
        )
        return Traced(number, taken=False, visible=False)
    steps.see(attempt.ended, f"it answered after {took_ms:.0f} ms: ok")
    after = await ground.look()
    visible = moved(before.without(subject.table), after.without(subject.table))
    for line in few(visible):
        steps.see(attempt.ended, f"it shows: {line}")
    if not visible:
        steps.see(attempt.ended, "nothing else changed in tables, buckets and queues: its effect is elsewhere, or none")
    steps.held(NAME, PROMISE)
    return Traced(number, taken=True, visible=bool(visible))


def _reason(attempt: Attempt) -> str:
    outcome = attempt.outcome
    if isinstance(outcome, NotReached):
        return outcome.reason
    return "it reported the record as failed"
