"""What a run says at its end, for a program and for a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from afterbay.backfill.counts import Counts, Failure
from afterbay.backfill.images import key_hash
from afterbay.backfill.plan import Part
from afterbay.core.change.value import canonical
from afterbay.core.change.wire import JsonValue
from afterbay.errors import RecordError

__all__ = ["LINES_MAX", "Report"]

LINES_MAX = 20


@dataclass(frozen=True, slots=True)
class Report:
    """``counts`` are this run's. ``resumed``: it went on from a state file. ``parts`` tell of all runs together."""

    table: str
    into: str
    source: str
    counts: Counts
    parts: tuple[Part, ...]
    seconds: float
    resumed: bool

    @property
    def finished(self) -> bool:
        """Every part was read to its end."""
        return all(one.done for one in self.parts)

    @property
    def failed(self) -> int:
        """Items that some run reported as failed and passed, or that this one did not get written."""
        return max(self.counts.failed, sum(one.failed for one in self.parts))

    @property
    def complete(self) -> bool:
        """Nothing is left and nothing failed."""
        return self.finished and not self.failed

    def document(self, *, show_keys: bool) -> dict[str, JsonValue]:
        """As ``--json`` prints it: a contract (docs/cli.md)."""
        counts = self.counts
        return {
            "table": self.table,
            "into": self.into,
            "source": self.source,
            "scanned": counts.scanned,
            "written": counts.written,
            "refused": counts.refused,
            "filtered": counts.filtered,
            "failed": counts.failed,
            "failures": [_document(one, show_keys=show_keys) for one in counts.failures],
            "failed_earlier": self.failed - counts.failed,
            "segments": len(self.parts),
            "segments_done": sum(one.done for one in self.parts),
            "finished": self.finished,
            "resumed": self.resumed,
            "read_units": round(counts.units, 1),
            "seconds": round(self.seconds, 3),
        }

    def lines(self) -> Iterator[str]:
        """The result for a person."""
        counts = self.counts
        what = "resumed, " if self.resumed else ""
        yield f"{self.source} into {self.into}: {what}{counts.scanned} items read in {self.seconds:.1f} s"
        yield f"  written   {counts.written}"
        yield f"  refused   {counts.refused}   (something is stored for their key already)"
        if counts.filtered:
            yield f"  filtered  {counts.filtered}   (the filter does not want them)"
        yield f"  failed    {counts.failed}"
        if self.failed > counts.failed:
            yield f"  failed in earlier runs  {self.failed - counts.failed}"
        if not self.finished:
            yield f"  {sum(not one.done for one in self.parts)} of {len(self.parts)} parts are not done"

    def failure_lines(self, *, show_keys: bool) -> Iterator[str]:
        """The first of what failed, a line each; keys are the customer's data, and shown if asked for."""
        for one in self.counts.failures[:LINES_MAX]:
            yield f"failed: {_name(one, show_keys=show_keys)}: {one.reason}"
        if self.counts.failed > LINES_MAX:
            yield f"failed: {self.counts.failed - LINES_MAX} more"


def _name(failure: Failure, *, show_keys: bool) -> str:
    if not show_keys:
        return f"item {_hash(failure)}"
    try:
        return f"key {canonical(failure.keys).decode()}"
    except RecordError:
        return f"key {dict(failure.keys)!r}"


def _hash(failure: Failure) -> str:
    try:
        return key_hash(failure.keys)
    except RecordError:
        return "with a key that cannot be read"


def _document(failure: Failure, *, show_keys: bool) -> dict[str, JsonValue]:
    named: dict[str, JsonValue] = {"key_hash": _hash(failure), "reason": failure.reason}
    return {"key": _name(failure, show_keys=True).removeprefix("key "), **named} if show_keys else named
