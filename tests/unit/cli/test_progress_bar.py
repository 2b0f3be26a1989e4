"""The bar of a load: on a terminal it says how far and how long; elsewhere nothing is drawn."""

from __future__ import annotations

import io

from rich.console import Console

from afterbay.backfill.progress import Progress
from afterbay.cli.progress_bar import ProgressBar


def drawn(*, terminal: bool) -> str:
    moments = iter((0.0, 10.0))
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120, color_system=None)
    with ProgressBar(console, lambda: next(moments)) as bar:
        bar.say("a line that stays")
        bar.see(Progress(0, 4_000, 0, 4))
        bar.see(Progress(1_000, 4_000, 1, 4))
    return out.getvalue()


def test_on_a_terminal_it_says_how_far_and_about_how_long() -> None:
    text = drawn(terminal=True)
    assert "1,000 items" in text and "100/s" in text and "1/4 parts" in text
    assert "25 %" in text and "about 0:00:30 left" in text


def test_elsewhere_only_lines_are_printed() -> None:
    assert drawn(terminal=False) == "a line that stays\n"
