"""Which records a pipe takes in, as documented (X20 to X23).

Patterns go through ``parse_create``, records are in the form that the poller hands on, which is Lambda's. What is
dropped of a queue is seen on the mapping that reads it.
"""

from __future__ import annotations

import json

import pytest

from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.errors import PipeError
from afterbay.core.pipe.filters import compile_filters
from unit.core.mapping.queue_driving import World
from unit.core.pipe.making import created, request
from vectors.loading import Vector, vectors


def as_read(source: str, record: dict) -> bytes:
    """A vector's record is in a pipe's form; Lambda nests what Kinesis itself says of a record."""
    return json.dumps({"kinesis": record} if source == "kinesis" else record).encode()


def stays_in_the_queue(settings: PipeSettings, body: str) -> bool:
    world = World(settings.source_settings()).start()
    world.queue.send("m", body=body)
    world.run(5)
    assert world.delivered == []
    return world.queue.names() == ["m"]


@pytest.mark.parametrize("vector", vectors("pipes/filter.json"))
def test_a_record_is_taken_in_as_documented(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        source, record = given["source_type"], given["record"]
        params = request(source)
        params["SourceParameters"]["FilterCriteria"] = {"Filters": [{"Pattern": one} for one in given["filters"]]}
        if "error" in wanted.names:
            assert wanted["when"] == "create"
            with pytest.raises(PipeError) as caught:
                created(params)
            assert caught.value.code == wanted["error"]
            return
        settings = created(params)
        passes = compile_filters(settings.filters, settings.kind)
        assert (passes is None or passes(as_read(source, record))) == wanted["matched"]
        if "source_action" in wanted.names:
            assert wanted["source_action"] == "delete"
            assert not stays_in_the_queue(settings, record["body"])
