"""What verify found, for people and for programs.

Decides what is shown: counts, some keys of each kind, and values only where they were asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from afterbay.backfill.compare import DAMAGES, Finding, Kind

__all__ = ["Repair", "Sample", "Sampling", "Values", "Verified", "lines"]

CONFIDENCE = 0.95

_EXACT = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Values:
    """What the sink should show, and what it does; None: nothing."""

    expected: dict[str, object] | None
    found: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One key (canonical text) that differs. ``token`` is the sink's; ``values`` where they are to be shown."""

    key: str
    finding: Finding
    token: str | None
    values: Values | None = None

    def document(self) -> dict[str, object]:
        told: dict[str, object] = {
            "kind": self.finding.kind.value,
            "key": msgspec.Raw(self.key.encode()),
            "attributes": list(self.finding.attributes),
            "reason": self.finding.reason,
            "token": self.token,
        }
        if self.values is not None:
            told |= {"expected": _exact(self.values.expected), "found": _exact(self.values.found)}
        return told


@dataclass(frozen=True, slots=True)
class Sampling:
    """``wanted`` items of each side were to be drawn; ``of_table`` and ``of_sink`` were."""

    wanted: int
    of_table: int
    of_sink: int

    def share_max(self, damaged: int) -> float | None:
        """The share of damaged items that each side stays below with 95 % confidence, if ``damaged`` is 0: had it so
        many, at least one would have been drawn. None where one was, or where nothing was drawn."""
        drawn = min(filter(None, (self.of_table, self.of_sink)), default=0)
        return None if damaged or not drawn else 1 - (1 - CONFIDENCE) ** (1 / drawn)


@dataclass(frozen=True, slots=True)
class Repair:
    """``repaired`` keys were written, ``agreed`` needed no write any more. ``could_not``: keys that still differ and
    why, the first hundred of ``remaining``."""

    repaired: int
    agreed: int
    could_not: Mapping[str, str]
    remaining: int

    def document(self) -> dict[str, object]:
        could_not = [{"key": msgspec.Raw(key.encode()), "reason": reason} for key, reason in self.could_not.items()]
        return {
            "repaired": self.repaired,
            "agreed": self.agreed,
            "could_not": could_not,
            "remaining": self.remaining,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """``settled`` keys differed at first and agreed later, ``in_flight`` ones moved on both sides all the time."""

    table: str
    sink: str
    compared: int
    counts: Mapping[Kind, int]
    settled: int
    in_flight: int
    samples: tuple[Sample, ...]
    sampling: Sampling | None = None
    notes: tuple[str, ...] = ()

    @property
    def damaged(self) -> int:
        return sum(self.counts[kind] for kind in DAMAGES)

    def document(self, repair: Repair | None = None) -> dict[str, object]:
        """What ``--json`` prints (docs/verify.md)."""
        told: dict[str, object] = {
            "table": self.table,
            "sink": self.sink,
            "compared": self.compared,
            **{kind.value: self.counts[kind] for kind in Kind if kind is not Kind.EXPIRING},
            "in_flight": self.in_flight + self.counts[Kind.EXPIRING],
            "settled": self.settled,
            "equal": not self.damaged,
            "samples": [one.document() for one in self.samples],
            "sample": None,
            "repair": None if repair is None else repair.document(),
            "notes": list(self.notes),
        }
        if self.sampling is not None:
            told["sample"] = {
                "wanted": self.sampling.wanted,
                "of_table": self.sampling.of_table,
                "of_sink": self.sampling.of_sink,
                "confidence": CONFIDENCE,
                "damaged_share_below": self.sampling.share_max(self.damaged),
            }
        return told


def lines(report: Verified, repair: Repair | None = None) -> Iterator[str]:
    """What a person reads."""
    counts = report.counts
    yield f"{report.compared:,} keys of table {report.table} compared with {report.sink}"
    for kind in DAMAGES:
        yield f"  {kind.value:<10}{counts[kind]:>9,}"
    if counts[Kind.KEPT]:
        yield f"  {'kept':<10}{counts[Kind.KEPT]:>9,}   expired in the table, kept by ttl=skip; no difference"
    in_flight = report.in_flight + counts[Kind.EXPIRING]
    if in_flight:
        yield f"  {'in flight':<10}{in_flight:>9,}   changed on both sides while they were looked at; verify again"
    if report.settled:
        yield f"  {'settled':<10}{report.settled:>9,}   differed at first, and agreed when looked at again"
    for one in report.samples:
        yield from _sample_lines(one)
    if report.sampling is not None:
        yield _proof(report.sampling, report.damaged)
    for note in report.notes:
        yield f"note: {note}"
    if repair is not None:
        yield from _repair_lines(repair)
    elif not report.damaged:
        yield "nothing differs"


def _sample_lines(one: Sample) -> Iterator[str]:
    finding = one.finding
    what = f"{', '.join(finding.attributes)} differ{'s' if len(finding.attributes) == 1 else ''}"
    told = what if finding.attributes else finding.reason
    yield f"{finding.kind.value} {one.key}: {told or 'past its time to live'}"
    if one.values is not None:
        yield f"  expected {_json(one.values.expected)}"
        yield f"  found    {_json(one.values.found)}"


def _proof(sampling: Sampling, damaged: int) -> str:
    drawn = f"{sampling.of_table:,} items of the table and {sampling.of_sink:,} of the sink"
    share = sampling.share_max(damaged)
    if share is None:
        return f"a sample of {drawn}: it shows that something differs, not how much; verify without --sample"
    return (
        f"a sample of {drawn}: none differs, so with {CONFIDENCE:.0%} confidence fewer than {share:.2%} of all do,"
        " and a few single ones may"
    )


def _repair_lines(repair: Repair) -> Iterator[str]:
    yield f"repaired {repair.repaired:,}; {repair.agreed:,} agreed by then; {repair.remaining:,} still differ"
    for key, reason in repair.could_not.items():
        yield f"could not {key}: {reason}"


def _json(item: dict[str, object] | None) -> str:
    return "nothing" if item is None else bytes(_exact(item)).decode()


def _exact(item: dict[str, object] | None) -> msgspec.Raw:
    """With every digit of its numbers."""
    return msgspec.Raw(_EXACT.encode(item))
