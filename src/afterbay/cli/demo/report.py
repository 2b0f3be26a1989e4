"""What the demo says at its end: a table for people, one object for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from afterbay.cli.demo.checks import Check
from afterbay.cli.output import Exit

__all__ = ["Kept", "Report", "print_report"]


@dataclass(frozen=True, slots=True)
class Kept:
    """An address that still serves: its process, and the folder of its files."""

    url: str
    pid: int
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Figures of the run and the checks. ``kept`` is given where the address stays up (``--keep``)."""

    orders: int
    changes: int
    took_s: float
    records_per_s_peak: float
    iterator_age_s_peak: float
    batches: int
    retries: int
    bisects: int
    letters: int
    checks: Sequence[Check]
    kept: Kept | None = None

    @property
    def failed(self) -> list[str]:
        """The names of the checks that do not hold."""
        return [check.name for check in self.checks if not check.held]

    @property
    def exit_code(self) -> Exit:
        return Exit.FAILED if self.failed or not self.checks else Exit.DONE

    def document(self) -> dict[str, object]:
        """What ``--json`` prints (docs/cli.md)."""
        return {**asdict(self), "failed": self.failed, "held": self.exit_code is Exit.DONE}


def print_report(report: Report, console: Console) -> None:
    """The checks, the figures, and how to go on where the address is kept."""
    if console.is_terminal:
        _print_table(report, console)
    else:
        for check in report.checks:
            mark = "ok  " if check.held else "FAIL"
            console.print(Text(f"{mark} {check.name}: {check.promise}\n     {check.found}"), soft_wrap=True)
    figures = (
        f"{report.changes} changes of {report.orders} orders in {report.took_s:.0f} s; "
        f"at most {report.records_per_s_peak:.0f} records/s and {report.iterator_age_s_peak:.1f} s of iterator age; "
        f"{report.batches} batches, {report.retries} retries, {report.bisects} bisects, "
        f"{report.letters} dead letter(s)"
    )
    console.print(Text(figures), soft_wrap=True)
    if report.kept is not None:
        _print_kept(report.kept, console)


def _print_table(report: Report, console: Console) -> None:
    table = Table(title="What was promised, and what was found", title_justify="left", expand=True, show_lines=True)
    table.add_column("", width=4)
    table.add_column("check", ratio=3)
    table.add_column("found", ratio=4)
    for check in report.checks:
        mark = Text("ok", style="green") if check.held else Text("FAIL", style="bold red")
        table.add_row(mark, Text.assemble((check.name, "bold"), f"\n{check.promise}"), Text(check.found))
    console.print(table)


def _print_kept(kept: Kept, console: Console) -> None:
    lines = [
        f"The address still serves at {kept.url}. Try:",
        f"  afterbay status --endpoint-url {kept.url}",
        "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1",
        f"  AWS_ENDPOINT_URL={kept.url} aws dynamodb scan --table-name orders-copy --max-items 3",
        f"Stop it with: kill {kept.pid}   (its files stay in {kept.folder})",
    ]
    console.print(Text("\n".join(lines)), soft_wrap=True)
