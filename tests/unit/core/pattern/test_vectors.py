"""Every golden vector of tests/vectors/patterns, its event as text and, where nothing is lost, as a value.

A test's id names the vector, and in brackets the head of its source; the whole source stands in the vector.
"""

from __future__ import annotations

import json
import re
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
            origin = re.split("[ ;,]", vector["source"])[0].rpartition("/")[2]
            yield pytest.param(vector, dialect, id=f"{file.stem}/{vector['name']} ({origin})")


def test_every_file_of_the_folder_is_driven_and_each_in_its_dialect():
    driven = {(one.id.partition("/")[0], one.values[1]) for one in vectors()}
    assert driven == {
        ("aws-lambda-esm", "mapping"),
        *((name, "rule") for name in ("aws-rules", "dynamodb", "invalid", "operators", "random", "ruler")),
    }


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
    assert set(vector) <= MEMBERS, "a member that this test does not read"
    assert vector["expect"] in (True, False, "invalid")
    assert "error" not in vector or vector["expect"] == "invalid"
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
