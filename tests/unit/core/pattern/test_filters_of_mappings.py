"""tests/vectors/esm/filters.json, as far as a pattern alone decides: which of the written items reach a function.

Left to the engine's tests: invocation counts and batches, and the vectors without ``put_items`` (formats of other
sources, refusals of the API).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterbay.core.pattern import Pattern

FILE = Path(__file__).parents[3] / "vectors" / "esm" / "filters.json"


def delivered(vector):
    patterns = [Pattern(one["Pattern"], dialect="mapping") for one in vector["input"]["Filters"]]
    items = {}
    images = []
    for item in vector["input"]["put_items"]:
        key = json.dumps(item["id"])
        old = items.get(key)
        items[key] = item
        if old == item:
            continue  # a write that changes nothing makes no record
        images.append(
            {
                "eventName": "MODIFY" if old else "INSERT",
                "eventSource": "aws:dynamodb",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1767607872.0,
                    "Keys": {"id": item["id"]},
                    "NewImage": item,
                    **({"OldImage": old} if old else {}),
                },
            }
        )
    return [
        (one["eventName"], one["dynamodb"]["NewImage"], one["dynamodb"].get("OldImage"))
        for one in images
        if any(pattern.matches(one) for pattern in patterns)
    ]


def vectors():
    for vector in json.loads(FILE.read_text(encoding="utf-8")):
        if "put_items" in vector["input"] and "delivered" in vector["expect"]:
            yield pytest.param(vector, id=vector["name"])


@pytest.mark.parametrize("vector", list(vectors()))
def test_what_a_filter_lets_through(vector):
    wanted = [
        (one["eventName"], one.get("NewImage"), one.get("OldImage"))
        for batch in vector["expect"]["delivered"]
        for one in batch
    ]
    assert delivered(vector) == wanted
