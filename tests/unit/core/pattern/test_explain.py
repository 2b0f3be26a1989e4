"""The usual causes, each on the record that shows it (case s01, R73 to R77)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterbay.core.pattern import Pattern

CASE = json.loads(
    (Path(__file__).parents[3] / "cases" / "s01-numeric-filter-on-number.json").read_text(encoding="utf-8")
)
DELIVERED = {"A": [], "B": ["r2"], "C": [], "D": [], "E": ["r1", "r2", "r3"], "F": []}
CAUSES = {"A": "R76", "C": "R76", "D": "R74", "F": "R73"}
EVENT = {"eventName": "MODIFY", "dynamodb": {"NewImage": {"status": {"S": "SHIPPED"}, "l": {"L": [{"S": "a"}]}}}}


@pytest.mark.parametrize("run", CASE["filter_runs"], ids=lambda run: run["name"])
def test_case_s01(run):
    letter = run["name"][0]
    for dialect in ("mapping", "pipe"):
        pattern = Pattern(run["pattern"], dialect=dialect)
        assert [one["label"] for one in CASE["records"] if pattern.matches(one)] == DELIVERED[letter]
        if letter in CAUSES:
            (leaf,) = pattern.explain(CASE["records"][0]).leaves
            assert CAUSES[letter] in leaf.cause


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ({"dynamodb": {"NewImage": {"status": [{"exists": True}]}}}, "R75"),
        ({"dynamodb": {"NewImage": {"total": {"S": ["x"]}}}}, "dynamodb.NewImage has no `total`"),
        ({"dynamodb": {"NewImage": {"status": {"N": ["x"]}}}}, "its type tag is S"),
        ({"eventName": [{"exists": False}]}, "a value is there"),
        ({"eventName": ["modify"]}, "with their case"),
        ({"eventName": [5]}, "the value is a string"),
    ],
)
def test_a_cause(pattern, said):
    told = Pattern(pattern).explain(EVENT)
    assert not told.matched
    assert said in str(told)


def test_fields_that_hold_in_different_elements():
    told = Pattern({"l": {"a": ["1"], "b": ["2"]}}).explain({"l": [{"a": "1"}, {"b": "2"}]})
    assert not told.matched
    assert "P48" in (told.note or "")


def test_a_match_tells_what_was_there():
    (leaf,) = Pattern({"eventName": ["MODIFY", {"prefix": "X"}]}).explain(json.dumps(EVENT).encode()).leaves
    assert (leaf.holds, leaf.there, leaf.wanted, leaf.cause) == (True, ('"MODIFY"',), ('"MODIFY"', 'prefix "X"'), None)
