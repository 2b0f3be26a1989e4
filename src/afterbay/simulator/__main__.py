"""``python -m afterbay.simulator``: replay one world, or run many."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from afterbay.simulator.run import Total, describe, run_every_crash, run_many, run_world

COVERING_WORLDS = 2_000
"""So many worlds meet everything that is listed; fewer prove nothing by not meeting it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: everything held; 1: something did not, and the command that replays it is printed, or a run of many
    worlds never met something; 2: misused."""
    parser = argparse.ArgumentParser(
        prog="python -m afterbay.simulator",
        description="Seeded worlds that drive the mapping core in virtual time.",
        epilog="example: python -m afterbay.simulator --worlds 2000 --from-seed 1",
    )
    parser.add_argument("--seed", type=int, help="run the world of this seed")
    parser.add_argument("--worlds", type=int, default=1, metavar="N", help="run N worlds")
    parser.add_argument("--from-seed", type=int, default=1, metavar="S", help="the first of their seeds (default 1)")
    parser.add_argument("--processes", type=int, default=1, metavar="P", help="how many run side by side")
    parser.add_argument("--small", action="store_true", help="with --seed: the small world of that seed")
    parser.add_argument("--crash-at", type=int, metavar="K", help="with --seed: the process dies after action K")
    parser.add_argument("--every-crash", action="store_true", help="with --seed: the small world, every crash in turn")
    parser.add_argument("--trace", action="store_true", help="with --seed: print every event and command")
    parser.add_argument("--coverage", action="store_true", help="print how often each rule and fault was met")
    given = parser.parse_args(arguments)
    if given.worlds < 1 or given.processes < 1:
        parser.error("--worlds and --processes are at least 1")
    started = time.perf_counter()
    if given.seed is None:
        if given.trace or given.small or given.every_crash or given.crash_at is not None:
            parser.error("--trace, --small, --crash-at and --every-crash need --seed")
        total = run_many(range(given.from_seed, given.from_seed + given.worlds), processes=given.processes)
    elif given.every_crash:
        total = run_every_crash(given.seed)
    else:
        total = Total()
        trace = _say if given.trace else None
        total.add(run_world(given.seed, small=given.small, crash_at=given.crash_at, trace=trace))
    return _report(total, time.perf_counter() - started, coverage=given.coverage or given.seed is None)


def _report(total: Total, took_s: float, *, coverage: bool) -> int:
    if coverage:
        for line in total.coverage.lines():
            _say(line)
    if total.failed:
        _say(describe(total))
    never_met = total.coverage.never_met() if total.worlds >= COVERING_WORLDS else ()
    for name in never_met:
        _say(f"NEVER MET {name}")
    verdict = f"{len(total.failed)} failed" if total.failed else "all held"
    _say(
        f"{total.worlds} world(s), {total.records} records, {total.actions} actions, {total.crashes} crashes: "
        f"{verdict} ({took_s:.1f} s)"
    )
    return 1 if total.failed or never_met else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
