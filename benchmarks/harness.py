"""What a benchmark says, and how it is shown and kept. Measures nothing itself."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from rich.table import Table

__all__ = ["Benchmark", "Better", "Budget", "Peer", "Result", "median", "percentile", "select", "table", "write"]


class Better(Enum):
    """Which way a figure is good."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class Peer:
    """What else did the same, in the same run. ``value`` None: it was not there, and nothing stands in for it."""

    name: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What DESIGN section 4 allows: a limit of the figure, or of its ratio to the peer's."""

    limit: float
    of_ratio: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """One figure. ``note`` says what it does not cover, in a sentence."""

    name: str
    value: float
    unit: str
    better: Better
    peer: Peer | None = None
    budget: Budget | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Above 1 means better than the peer; None where there is no peer to compare with."""
        if self.peer is None or self.peer.value is None:
            return None
        best, other = (self.value, self.peer.value) if self.better is Better.HIGHER else (self.peer.value, self.value)
        return best / other if other else None

    @property
    def within_budget(self) -> bool | None:
        """None: there is no budget, or no peer to hold it against."""
        if self.budget is None:
            return None
        if self.budget.of_ratio:
            return None if self.ratio is None else self.ratio >= self.budget.limit
        if self.better is Better.LOWER:
            return self.value <= self.budget.limit
        return self.value >= self.budget.limit

    def document(self) -> dict[str, str | float | None]:
        """The row of ``latest.json``: these six members and no other (interfaces.md section 6)."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "peer": None if self.peer is None else self.peer.name,
            "peer_value": None if self.peer is None else self.peer.value,
            "ratio": self.ratio,
        }


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A measurement and the names of the figures that it gives, the main one first."""

    names: tuple[str, ...]
    run: Callable[[], Sequence[Result]]


def select(known: Sequence[Benchmark], only: str | None) -> tuple[Benchmark, ...]:
    """All of them, or those that give the figure ``only``. Raises ``ValueError`` that names what there is."""
    chosen = tuple(one for one in known if only is None or only in one.names)
    if not chosen:
        names = ", ".join(name for one in known for name in one.names)
        raise ValueError(f"no benchmark gives {only!r}; there are {names}")
    return chosen


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest of ``values`` that at least ``percent`` of them do not exceed (nearest rank). Not for none."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def table(results: Sequence[Result]) -> Table:
    """The figures for a person, one line each."""
    made = Table(title="afterbay benchmarks")
    for heading in ("name", "value", "unit", "peer", "peer value", "ratio", "budget"):
        made.add_column(heading, justify="right" if heading in ("value", "peer value", "ratio") else "left")
    for one in results:
        peer = one.peer
        made.add_row(
            one.name,
            _number(one.value),
            one.unit,
            "" if peer is None else peer.name,
            "" if peer is None else "not there" if peer.value is None else _number(peer.value),
            "" if one.ratio is None else f"{one.ratio:.2f}",
            _budget(one),
        )
    return made


def write(results: Sequence[Result], path: Path) -> None:
    """Replace ``path`` by the rows of this run: figures of different runs do not belong in one file."""
    rows = [one.document() for one in results]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _budget(result: Result) -> str:
    if result.budget is None:
        return ""
    sign = "≥" if result.budget.of_ratio or result.better is Better.HIGHER else "≤"
    limit = f"{sign} {result.budget.limit:g}{' x' if result.budget.of_ratio else ''}"
    return f"{limit} {({True: 'held', False: 'MISSED', None: 'not judged'})[result.within_budget]}"
