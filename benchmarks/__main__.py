"""``python -m benchmarks [--only NAME]``: measure, print a table, write ``benchmarks/latest.json``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from benchmarks import (
    backfill_items,
    end_to_end_inline,
    end_to_end_process,
    engine_us_per_record,
    get_records,
    opensearch_docs,
    patterns,
    pipe_us_per_record,
    postgres_rows,
    put_item,
    put_to_handler,
    s3_log,
)
from benchmarks.harness import Benchmark, Result, select, table, write

LATEST = Path(__file__).with_name("latest.json")

BENCHMARKS: tuple[Benchmark, ...] = (
    engine_us_per_record.BENCHMARK,
    pipe_us_per_record.BENCHMARK,
    put_item.BENCHMARK,
    get_records.BENCHMARK,
    put_to_handler.BENCHMARK,
    end_to_end_inline.BENCHMARK,
    end_to_end_process.BENCHMARK,
    patterns.DICTS,
    patterns.BYTES,
    opensearch_docs.BENCHMARK,
    postgres_rows.BENCHMARK,
    backfill_items.BENCHMARK,
    s3_log.BENCHMARK,
)


def main() -> int:
    """Exit 0 once all is measured, whatever the figures; 2 for a name that there is not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure afterbay beside its peers.")
    parser.add_argument("--only", metavar="NAME", help="the benchmark that gives this figure")
    try:
        chosen = select(BENCHMARKS, parser.parse_args().only)
    except ValueError as error:
        parser.error(str(error))
    progress, output = Console(stderr=True), Console(width=None if sys.stdout.isatty() else 140)
    results: list[Result] = []
    for one in chosen:
        progress.print(f"measuring {', '.join(one.names)}")
        results += one.run()
    output.print(table(results))
    for result in results:
        if result.note:
            output.print(f"{result.name}: {result.note}", markup=False, highlight=False, soft_wrap=True)
    load = os.getloadavg()[0]
    output.print(f"load average {load:.1f} on {os.cpu_count()} processors: figures of a busy machine are slow ones")
    write(results, LATEST)
    progress.print(f"written to {LATEST}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
