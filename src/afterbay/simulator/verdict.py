"""The end of a world: letters add up, and the sink is what the table's own history dictates (E5, E6, E16)."""

from __future__ import annotations

from random import Random

from afterbay.simulator.invariants import Invariants
from afterbay.simulator.letters import Letters
from afterbay.simulator.record import State, Written
from afterbay.simulator.sink import GuardedSink
from afterbay.simulator.source import SimulatedStream
from afterbay.simulator.violation import Watch

__all__ = ["judge_end"]

REPLAYED = 0.2
"""How much of all that was done is done once more at the end, in any order."""


def judge_end(
    watch: Watch, invariants: Invariants, stream: SimulatedStream, sink: GuardedSink, letters: Letters, rng: Random
) -> None:
    """Raise ``Violation`` if something that should hold at rest does not."""
    if sink.refused:
        watch.met("E5 a duplicate or stale change was refused")
    if any(image is None for _, image in sink.rows.values()):
        watch.met("E6 a delete left its token")
    invariants.positions.all_saved()
    _judge_letters(watch, invariants, letters)
    _redrive(stream, sink, rng)
    _judge_sink(watch, stream, sink)


def _judge_letters(watch: Watch, invariants: Invariants, letters: Letters) -> None:
    """Every letter that was stored is at its destination or waits; their sizes add up (spec section 17)."""
    known = {key: letter.count for key, letter in invariants.letters.items()}
    found = letters.waiting() | letters.arrived
    if found != known:
        missing = [letter for name, letter in invariants.letters.items() if name not in found]
        watch.fail(
            "a dead letter is never lost", f"{len(known)} stored, {len(found)} arrived or waiting: {missing[:1]}"
        )


def _redrive(stream: SimulatedStream, sink: GuardedSink, rng: Random) -> None:
    """Read again what letters name, and apply it (E16): out of order, and some of it twice."""
    for chosen in (
        [record for record in stream.records.values() if record.in_letter and record.passes],
        [record for record in stream.records.values() if record.honest and rng.random() < REPLAYED],
    ):
        rng.shuffle(chosen)
        sink.apply(chosen)


def _judge_sink(watch: Watch, stream: SimulatedStream, sink: GuardedSink) -> None:
    """Each item ends as its newest change that was done or redriven. A change behind it that is lost by the user's own
    settings, by the stream or by an answer that lied may have reached the sink, or not."""
    newest: dict[bytes, Written] = {}
    uncertain: set[bytes] = set()
    for record in stream.records.values():
        if record.honest or (record.in_letter and record.passes):
            newest[record.raw.key] = record
            uncertain.discard(record.raw.key)
        elif record.state is not State.FILTERED:
            uncertain.add(record.raw.key)
    for key, record in newest.items():
        token, image = sink.rows.get(key, ("", None))
        if token < record.token:
            watch.fail("the sink has every change that was done (E5)", f"{record}: {token}")
        if token == record.token and image != record.image:
            watch.fail("the sink has the newest image (E5, E6)", f"{record}")
        if key not in uncertain and token > record.token:
            watch.fail("the sink has nothing that is newer than what was done", f"{record}: {token}")
