"""``afterbay demo``: the whole product in under a minute, on this machine alone."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from afterbay.cli.output import print_json, say
from afterbay.cli.running import INTERRUPTED

if TYPE_CHECKING:
    from afterbay.cli.demo.report import Report

__all__ = ["demo", "finish"]

ORDERS_DEFAULT = 1000
"""2,751 changes: 25 s on two idle cores, so that it is under a minute on a busy or slower machine too."""


def demo(
    *,
    orders: Annotated[
        int, typer.Option(min=1, help="How many of the 6,919 real orders to write.", show_default=True)
    ] = ORDERS_DEFAULT,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the address running, and say how to reach it.")] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The address's port.", show_default="a free one")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures and checks as one JSON object.")] = False,
) -> None:
    """Real orders through a table, its stream, a mapping and a function into two sinks, with a poison record among
    them, and at the end a proof: five checks, computed from what is there. Exit code 1 if one does not hold.

    Example: afterbay demo --orders 200 --keep
    """
    # Loaded here: boto3 takes a moment that `afterbay dev`, which imports every verb, must not wait for.
    from afterbay.cli.demo.display import choose_display
    from afterbay.cli.demo.pipeline import Demo, Options

    try:
        with _interrupted_by_signals():
            report = Demo(Options(orders=orders, port=port, keep=keep), choose_display()).run()
    except KeyboardInterrupt as interrupt:
        say("interrupted; the address is stopped")
        raise typer.Exit(INTERRUPTED) from interrupt
    finish(report, as_json=as_json)


def finish(report: Report, *, as_json: bool) -> NoReturn:
    """Print the report and end with its exit code; what failed is named on stderr."""
    from rich.console import Console

    from afterbay.cli.demo.report import print_report

    if as_json:
        print_json(report.document())
    else:
        print_report(report, Console())
    if report.failed:
        say(f"afterbay demo: {len(report.failed)} check(s) failed: {', '.join(report.failed)}")
    raise typer.Exit(report.exit_code)


@contextmanager
def _interrupted_by_signals() -> Generator[None]:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does: what it started is stopped on the way out."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
