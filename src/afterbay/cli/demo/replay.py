"""The proof that a replay is harmless: the whole stream once more into the sinks that have it already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from afterbay.cli.demo.function.app import projection
from afterbay.cli.demo.sinks import OpenSink
from afterbay.cli.demo.stream import Streamed
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind, Verdict
from afterbay.handler.transform import transformed

__all__ = ["Replay", "replay"]

PIECE_RECORDS = 100
"""Changes given to a sink at once, as the function gets them."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a sink said of the stream's changes, and how many of its rows are different afterwards."""

    sink: str
    counts: Mapping[Kind, int]
    rows: int
    rows_changed: int


def replay(into: OpenSink, records: Sequence[Streamed]) -> Replay:
    """Write every change again, in the stream's order, through the function's own projection."""
    before = into.stored()
    counts: Counter[Kind] = Counter()
    accepted: list[ChangeRecord] = []
    for record in records:
        outcome = transformed(record.change, projection)
        if isinstance(outcome, Verdict):
            counts[outcome.kind] += 1  # the malformed one; its verdict is for the report
        else:
            accepted.append(outcome)
    for start in range(0, len(accepted), PIECE_RECORDS):
        counts.update(verdict.kind for verdict in into.sink.apply(accepted[start : start + PIECE_RECORDS]))
    after = into.stored()
    changed = sum(before.get(key) != after.get(key) for key in before.keys() | after.keys())
    return Replay(into.name, counts, len(after), changed)
