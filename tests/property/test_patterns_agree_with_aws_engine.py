"""Random pairs against AWS's Java engine, where it is there; see ``patterns.java`` for how to bring it.

The engine is not deterministic for a few patterns (event-patterns.md section 10): a difference counts only if none of
many fresh compilations gives our answer.
"""

from __future__ import annotations

import pytest

from afterbay.core.pattern import Pattern, PatternError
from patterns import generate, java

ROUNDS = 12


def verdict(pattern, event):
    try:
        return Pattern(pattern).matches(event.encode())
    except PatternError:
        return None


def stable_differences(first, count):
    made = [generate.pair(seed) for seed in range(first, first + count)]
    found = []
    for repeats, flags in (
        (False, ()),
        (True, ("--tree",)),
    ):  # of repeated keys the last counts: the engine's tree mode
        pairs = [(pattern, event) for pattern, event, _, is_repeating in made if is_repeating is repeats]
        for pair, (theirs, _) in zip(pairs, java.ask(pairs, "--machine", "--aws", *flags), strict=True):
            ours = verdict(*pair)
            if (
                ours is not theirs
                and java.accident(*pair) is None
                and not any(
                    (ours,) in {answer[:1] for answer in java.ask([pair], "--machine", "--aws", *flags)}
                    for _ in range(ROUNDS)
                )
            ):
                found.append((pair, ours, theirs))
    return found


@pytest.mark.long  # wants a JDK and the engine, which `make test` does not bring
@pytest.mark.timeout(600)
def test_five_thousand_pairs():
    assert stable_differences(500_000, 5_000) == []


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_two_hundred_thousand_pairs():
    assert [one for first in range(1_000_000, 1_200_000, 20_000) for one in stable_differences(first, 20_000)] == []
