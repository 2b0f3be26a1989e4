"""What later parts bring is a strict expected failure that names its part; here they are counted, so none is added."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EXPECTED: dict[str, int] = {}


def whole_suite(config: pytest.Config) -> bool:
    """True if nothing was chosen by path, name or an earlier run: then what was collected is all there is."""
    options = config.option
    last_failed = getattr(options, "lf", False)  # absent without pytest's cache plugin
    chosen = options.keyword or options.deselect or last_failed or options.ignore or options.ignore_glob
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not chosen


def test_expected_failures_do_not_grow(request: pytest.FixtureRequest) -> None:
    found: Counter[str] = Counter()
    for item in request.session.items:
        for mark in item.iter_markers("xfail"):
            part = re.search(r"\bpart \d\b", mark.kwargs.get("reason", ""))
            assert part, f"{item.nodeid}: an expected failure names the part that mends it"
            assert mark.kwargs.get("strict") is True, f"{item.nodeid}: an expected failure is strict"
            found[part[0]] += 1
    if whole_suite(request.config):
        assert dict(found) == EXPECTED
    else:
        assert all(number <= EXPECTED.get(part, 0) for part, number in found.items()), found


def test_no_test_fails_as_expected_from_within() -> None:
    """An imperative expected failure is never strict, and nobody can count it."""
    called = "pytest." + "xfail("
    assert [str(file) for file in HERE.rglob("*.py") if called in file.read_text()] == []
