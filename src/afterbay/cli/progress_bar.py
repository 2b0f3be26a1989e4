"""A bar for work whose end is a guess: on a terminal it moves, elsewhere nothing is drawn. All of it goes to stderr."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from afterbay.backfill.progress import Pace
from afterbay.backfill.progress import Progress as Reached

__all__ = ["ProgressBar"]

STEPS = 1_000


class ProgressBar:
    """Used as a context: the bar ends with the block. ``now_s``: seconds of any clock that does not go back."""

    def __init__(self, console: Console | None = None, now_s: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(stderr=True)
        self._now_s = now_s
        self._pace = Pace()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} % {task.fields[left]}"),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("reading", total=STEPS, left="")

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        """A line that stays, above the bar."""
        self._console.print(Text(line), soft_wrap=True)

    def see(self, reached: Reached) -> None:
        """Move the bar. May be called from one thread alone."""
        self._pace.see(self._now_s(), reached)
        items = f"{reached.items:,} items, {self._pace.items_per_s:,.0f}/s, {reached.parts_done}/{reached.parts} parts"
        self._bar.update(self._task, completed=STEPS * reached.share, description=items, left=_left(self._pace.left_s))


def _left(seconds: float | None) -> str:
    """Of an estimate, and said to be one."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"about {hours}:{minutes:02d}:{rest:02d} left"
