"""Seeded worlds: whatever fails and whenever the process dies, what must hold holds. A failure prints its replay."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from afterbay.simulator.coverage import Coverage
from afterbay.simulator.run import Total, describe, run_every_crash, run_many, run_world

FRESH, FRESH_LONG = 2_000, 10_000
PROCESSES = 2
SMALL_WORLDS = 20

KEPT = [
    line.split()
    for line in (Path(__file__).parent / "seeds.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("words", KEPT, ids=lambda words: "-".join(words[:3]))
def test_worlds_that_once_failed_hold(words: list[str]) -> None:
    total = Total()
    if words[0] == "small":
        total.add(run_world(int(words[1]), small=True, crash_at=int(words[2])))
    else:
        total.add(run_world(int(words[0])))
    assert not total.failed, describe(total)


def run_fresh(worlds: int) -> None:
    """New worlds each time; the first seed and the command for the whole run are in the output of a failure."""
    first = random.SystemRandom().randrange(1_000_000_000)
    print(f"python -m afterbay.simulator --worlds {worlds} --from-seed {first} --processes {PROCESSES}")
    total = run_many(range(first, first + worlds), processes=PROCESSES)
    print("\n".join(total.coverage.lines()))
    assert not total.failed, describe(total)
    assert total.coverage.never_met() == ()


@pytest.mark.timeout(600)
def test_fresh_worlds_hold() -> None:
    run_fresh(FRESH)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_many_fresh_worlds_hold() -> None:
    run_fresh(FRESH_LONG)


EVERY_WORLD = (
    *("stream: split", "crash", "fault: throttled", "fault: unavailable", "fault: denied", "fault: iterator expired"),
    *("fault: trimmed", "fault: empty page before records", "fault: repeated records", "fault: listing failed"),
    "fault: child listed late",
)


@pytest.mark.parametrize("seed", range(1, 31))
def test_a_world_has_shards_records_a_split_every_fault_and_a_crash(seed: int) -> None:
    report = run_world(seed)
    assert report.violation is None
    assert report.records >= 200
    assert report.shards >= 3
    assert [name for name in EVERY_WORLD if not report.met[name]] == []


@pytest.mark.parametrize("seed", range(1, SMALL_WORLDS + 1))
def test_a_crash_between_any_two_commands_loses_nothing(seed: int) -> None:
    total = run_every_crash(seed)
    assert not total.failed, describe(total)
    assert total.crashes == total.worlds - 1 > 15


def test_a_seed_gives_the_same_world_every_time() -> None:
    first: list[str] = []
    again: list[str] = []
    run_world(7, trace=first.append)
    run_world(7, trace=again.append)
    assert first == again
    assert len(first) > 200


def test_a_fault_that_was_never_met_is_named() -> None:
    coverage = Coverage()
    coverage.merge(run_world(7).met)
    assert "crash" not in coverage.never_met()
    assert Coverage().never_met()
    assert any(line.split()[-1] == "0" for line in Coverage().lines())
