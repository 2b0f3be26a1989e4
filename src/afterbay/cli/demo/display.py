"""The demo as it is watched: a live table in a terminal, plain lines elsewhere. All of it goes to stderr."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from afterbay.cli.demo.progress import Progress

__all__ = ["Display", "Figures", "LiveDisplay", "Meter", "PlainDisplay", "choose_display"]

RATE_OVER_S = 2.0
"""The rate is of the last seconds: of one poll alone it would jump, since a batch is done all at once."""

LINE_EVERY_S = 3.0
"""Between two plain lines."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is shown at a moment. ``changes`` is more than ``writes``: the table sweeps what expired by itself."""

    at_s: float
    writes: int
    changes: int
    written: int
    rate: float
    progress: Progress

    @property
    def done(self) -> int:
        return self.progress.done


class Meter:
    """Makes figures of what is polled, and keeps the highest rate and age."""

    def __init__(self, *, writes: int, changes: int) -> None:
        self._writes = writes
        self._changes = changes
        self._seen: deque[tuple[float, int]] = deque()
        self.peak_rate = 0.0
        self.peak_age_s = 0.0

    def read(self, at_s: float, written: int, progress: Progress) -> Figures:
        """``at_s`` is of any clock that does not go back."""
        self._seen.append((at_s, progress.done))
        while len(self._seen) > 2 and self._seen[1][0] <= at_s - RATE_OVER_S:
            self._seen.popleft()
        first_s, first = self._seen[0]
        rate = (progress.done - first) / (at_s - first_s) if at_s > first_s else 0.0
        self.peak_rate = max(self.peak_rate, rate)
        self.peak_age_s = max(self.peak_age_s, progress.age_s)
        return Figures(at_s, self._writes, self._changes, written, rate, progress)


class Display(Protocol):
    """Used as a context: what is live ends with the block."""

    def __enter__(self) -> Display: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def say(self, line: str) -> None:
        """A line that stays."""
        ...

    def show(self, figures: Figures) -> None: ...


class LiveDisplay:
    """Lines scroll by above a table that is drawn anew at every reading."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        style = "dim" if line.startswith("$") else "bold"
        self._console.print(Text(line, style=style))

    def show(self, figures: Figures) -> None:
        self._live.update(_drawn(figures))


class PlainDisplay:
    """A line now and then, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told_s: float | None = None

    def __enter__(self) -> PlainDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left open."""

    def say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)

    def show(self, figures: Figures) -> None:
        if self._told_s is None or figures.at_s - self._told_s >= LINE_EVERY_S:
            self._told_s = figures.at_s
            self.say("  " + ", ".join(f"{name} {value}" for name, value in _rows(figures)))


def choose_display() -> Display:
    """Live where both streams are a terminal: a person is watching, and nothing else is being written."""
    console = Console(stderr=True)
    return LiveDisplay(console) if sys.stdout.isatty() and console.is_terminal else PlainDisplay(console)


def _rows(figures: Figures) -> list[tuple[str, str]]:
    counts = figures.progress.counts
    return [
        ("written", f"{figures.written} of {figures.writes}"),
        ("delivered", f"{figures.done} of {figures.changes}"),
        ("records/s", f"{figures.rate:.0f}"),
        ("iterator age", f"{figures.progress.age_s:.1f} s"),
        ("batches", f"{counts.invocations}"),
        ("retries", f"{counts.retries}"),
        ("bisects", f"{counts.bisects}"),
        ("dead letters", f"{counts.letters}"),
    ]


def _drawn(figures: Figures) -> Group:
    table = Table.grid(padding=(0, 2))
    for name, value in _rows(figures):
        table.add_row(Text(name, style="cyan"), value)
    return Group(table, ProgressBar(total=figures.changes, completed=min(figures.done, figures.changes), width=50))
