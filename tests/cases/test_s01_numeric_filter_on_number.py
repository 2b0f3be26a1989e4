"""s01, the mapping's part: what each filter lets through, the checkpoint and the counter.

The findings of the table are the audit's, which a later part brings; what ``match`` says is here.
"""

from __future__ import annotations

import json

import pytest

from afterbay.core.mapping.settings import MappingSettings, parse_create
from afterbay.core.pattern import Pattern
from cases.driven import case, cut, labels
from unit.core.mapping.driving import World, after

CASE = case("s01-numeric-filter-on-number")
LABELS = labels(CASE["records"])
RUNS = {one["name"]: one["pattern"] for one in CASE["filter_runs"]}
DELIVERED = {
    "A-numeric-operator": [],
    "B-exact-string": ["r2"],
    "C-number-literal": [],
    "D-type-tag-left-out": [],
    "E-real-json-number": ["r1", "r2", "r3"],
    "F-wrapped-in-body": [],
}


def filtered(pattern: object) -> MappingSettings:
    request = {
        "EventSourceArn": CASE["records"][0]["eventSourceARN"],
        "FunctionName": "orders",
        "StartingPosition": "TRIM_HORIZON",
        "FilterCriteria": {"Filters": [{"Pattern": json.dumps(pattern)}]},
    }
    return parse_create(request).settings


def test_every_run_of_the_case_is_judged() -> None:
    assert RUNS.keys() == DELIVERED.keys()


@pytest.mark.parametrize("name", RUNS)
def test_what_is_delivered_and_that_the_rest_is_counted_and_passed(name: str) -> None:
    world = World(filtered(RUNS[name]), {"s": cut(CASE["records"])}).start().run(1)
    assert [LABELS[position] for batch in world.delivered for position in batch] == DELIVERED[name]
    assert world.mapping.counters.filtered_out == len(LABELS) - len(DELIVERED[name])
    assert world.saved() == after(max(LABELS)), "what a filter drops still moves the checkpoint"


def test_whoever_asks_why_a_numeric_operator_never_matches_is_told() -> None:
    pattern = Pattern(RUNS["A-numeric-operator"], dialect="mapping")
    body = json.loads(cut(CASE["records"])[2].body)
    assert "a numeric test never matches a string" in str(pattern.explain(body))
