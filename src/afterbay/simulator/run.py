"""Runs worlds by their seeds, one or many, and says what came of them."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from random import Random

from afterbay.simulator.coverage import Coverage
from afterbay.simulator.driver import Simulation
from afterbay.simulator.violation import Violation
from afterbay.simulator.world import make_world

__all__ = ["Report", "Total", "describe", "replay_command", "run_every_crash", "run_many", "run_world"]

BUGS = (AssertionError, LookupError, TypeError, ValueError, AttributeError)
"""How a bug of the core shows besides a broken invariant."""

CHUNK = 50
FAILURES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one world. ``violation``: None if everything held. ``chances``: the actions of a small world after
    which its process could die."""

    seed: int
    records: int
    shards: int
    actions: int
    crashes: int
    met: Counter[str]
    violation: str | None = None
    where: str = ""
    small: bool = False
    crash_at: int | None = None
    chances: tuple[int, ...] = ()


@dataclass(slots=True)
class Total:
    """What came of many worlds."""

    worlds: int = 0
    records: int = 0
    actions: int = 0
    crashes: int = 0
    coverage: Coverage = field(default_factory=Coverage)
    failed: list[Report] = field(default_factory=list[Report])

    def add(self, report: Report) -> None:
        self.worlds += 1
        self.records += report.records
        self.actions += report.actions
        self.crashes += report.crashes
        self.coverage.merge(report.met)
        if report.violation is not None:
            self.failed.append(report)


def replay_command(report: Report) -> str:
    """The one command that shows a failure again."""
    small = " --small" if report.small else ""
    crash = "" if report.crash_at is None else f" --crash-at {report.crash_at}"
    return f"python -m afterbay.simulator --seed {report.seed}{small}{crash} --trace"


def describe(total: Total) -> str:
    """The failures of a run, each with the command that replays it; empty if there are none."""
    lines: list[str] = []
    for report in total.failed[:FAILURES_SHOWN]:
        lines += [f"FAILED {report.violation}", *report.where.splitlines(), f"  replay: {replay_command(report)}"]
    return "\n".join(lines)


def run_world(
    seed: int,
    *,
    small: bool = False,
    crash_at: int | None = None,
    trace: Callable[[str], None] | None = None,
) -> Report:
    """Run the world of ``seed``; all randomness comes from it. ``crash_at``: the process dies after that action."""
    rng = Random(seed)
    world = make_world(rng, seed, small=small)
    crashes = None if crash_at is None else frozenset((crash_at,))
    simulation = Simulation(world, rng, crashes=crashes, trace=trace)
    violation, where = None, ""
    try:
        simulation.run()
    except Violation as broken:
        violation = str(broken)
    except BUGS as bug:
        violation = f"seed {seed}, step {simulation.actions}: the core broke: {type(bug).__name__}: {bug}"
        where = traceback.format_exc()
    return Report(
        seed,
        len(simulation.stream.records),
        len(simulation.stream.by_shard),
        simulation.actions,
        simulation.crashed,
        simulation.coverage.met,
        violation,
        where,
        small,
        crash_at,
        tuple(simulation.chances) if small else (),
    )


def run_every_crash(seed: int) -> Total:
    """A small world, once without a crash and once with a crash after each of its actions: between any two commands."""
    total = Total()
    calm = run_world(seed, small=True)
    total.add(calm)
    for crash_at in calm.chances:
        total.add(run_world(seed, small=True, crash_at=crash_at))
    return total


def run_many(seeds: Iterable[int], *, processes: int = 1) -> Total:
    """Run the worlds of ``seeds``, in several processes if asked."""
    total = Total()
    if processes == 1:
        for seed in seeds:
            total.add(run_world(seed))
        return total
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for report in pool.map(run_world, seeds, chunksize=CHUNK):
            total.add(report)
    return total
