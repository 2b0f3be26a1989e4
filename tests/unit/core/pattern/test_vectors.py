"""Every golden vector of tests/vectors/patterns, its event as text and, where nothing is lost, as a value."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from afterbay.core.pattern import Pattern, PatternError, PatternSet

FOLDER = Path(__file__).parents[3] / "vectors" / "patterns"
MEMBERS = {"name", "source", "pattern", "event", "expect", "error"}
REASON = "Event pattern is not valid. Reason: "


def vectors():
    for file in sorted(FOLDER.glob("*.json")):
        dialect = "mapping" if file.stem == "aws-lambda-esm" else "rule"
        for vector in json.loads(file.read_text(encoding="utf-8")):
            yield pytest.param(vector, dialect, id=f"{file.stem}:{vector['name']}")


class LostError(Exception):
    """The value does not say all that the text says."""


def unique(pairs):
    if len(dict(pairs)) != len(pairs):
        raise LostError
    return dict(pairs)


def exact(text):
    number = float(text)
    if abs(number) == float("inf") or Decimal(repr(number)) != Decimal(text):
        raise LostError
    return number


@pytest.mark.parametrize(("vector", "dialect"), list(vectors()))
def test_vector(vector, dialect):
    assert set(vector) <= MEMBERS
    if vector["expect"] == "invalid":
        with pytest.raises(PatternError) as refused:
            Pattern(vector["pattern"], dialect=dialect)
        wanted = vector.get("error", "").removeprefix(REASON).split("\n")[0]
        assert refused.value.message.startswith(wanted)
        return
    pattern = Pattern(vector["pattern"], dialect=dialect)
    text = vector["event"] if isinstance(vector["event"], str) else json.dumps(vector["event"])
    assert pattern.matches(text.encode()) is vector["expect"]
    assert PatternSet([pattern]).matching(text.encode()) == ([0] if vector["expect"] else [])
    try:
        value = json.loads(text, object_pairs_hook=unique, parse_float=exact)
    except LostError:
        return
    assert pattern.matches(value) is vector["expect"]
    assert pattern.explain(value).matched is vector["expect"]
