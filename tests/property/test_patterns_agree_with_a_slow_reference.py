"""Random pairs: the compiled matcher, from bytes and from values, agrees with a slow reading of the rules."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from afterbay.core.pattern import Pattern, PatternError, PatternSet
from afterbay.core.pattern.text import read_event
from patterns import generate, reference

EXPONENT = re.compile(r"[:\[ ]-?[0-9.]+[eE][+-]?[0-9]+")
ODD_VALUES = ("escape", "exponent", "repeated key")


def has_repeated_key(text):
    found = []

    def keep(pairs):
        found.append(len(pairs) != len(dict(pairs)))
        return dict(pairs)

    json.loads(text, object_pairs_hook=keep)
    return any(found)


def disagreements(seeds, used, report):
    for seed in seeds:
        pattern, event, operators, is_repeating = generate.pair(seed)
        try:
            compiled = Pattern(pattern)
        except PatternError as refused:
            assert "too complex" in refused.message, (seed, pattern)
            continue
        got = compiled.matches(event.encode())
        used.update(operators)
        used["match"] += got
        used["escape"] += "\\u" in event
        used["exponent"] += EXPONENT.search(event) is not None
        used["repeated key"] += is_repeating and has_repeated_key(event)
        alone = PatternSet([compiled])
        others = (
            compiled.matches(read_event(event.encode())),
            alone.matches(event.encode()),
            alone.matching(event.encode()) == [0],
        )
        if {got, *others} != {reference.matches(pattern, event)}:
            report.append((seed, pattern, event))


def check(first, count):
    used, report = Counter(), []
    disagreements(range(first, first + count), used, report)
    assert report == []
    assert used["match"] >= 0.3 * count
    rare = {name: used[name] for name in (*generate.OPERATORS, "$or", *ODD_VALUES) if used[name] < 0.02 * count}
    assert rare == {}


@pytest.mark.timeout(600)
def test_twenty_thousand_pairs():
    check(0, 20_000)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_hundred_thousand_pairs():
    check(20_000, 200_000)


def test_the_reference_itself_is_right_on_the_golden_vectors():
    from unit.core.pattern.test_vectors import FOLDER

    for file in sorted(FOLDER.glob("*.json")):
        for vector in json.loads(file.read_text(encoding="utf-8")):
            if vector["expect"] == "invalid":
                continue
            pattern, event = (
                one if isinstance(one, str) else json.dumps(one) for one in (vector["pattern"], vector["event"])
            )
            assert reference.matches(pattern, event) is vector["expect"], vector["name"]
