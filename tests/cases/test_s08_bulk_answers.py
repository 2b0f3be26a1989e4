"""s08's kin: a bulk answer with HTTP 200 holds refused documents. The handler names them, and no other is lost."""

from __future__ import annotations

import random

import pytest

import afterbay
from contract.histories import KEYS, History
from contract.opensearch_server import opensearch_place
from contract.sink_suite import live


@pytest.mark.parametrize("bad", [(2,), (0,), (5,), (1, 4)])
def test_refused_rows_of_a_bulk_answer_are_reported_and_their_neighbours_are_in(bad: tuple[int, ...]) -> None:
    made = History(random.Random(8))
    for place, key in enumerate(KEYS):
        made.put(key, **({"_id": {"S": "x"}} if place in bad else {"n": {"N": str(place)}}))
    with opensearch_place() as index:
        sink = index.sink()
        told = afterbay.into(sink)({"Records": made.records}, None)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in made.records]
        assert [one["itemIdentifier"] for one in told["batchItemFailures"]] == [numbers[place] for place in bad]
        for place in bad:
            del made.items[KEYS[place]]
        assert live(sink) == made.expected()
        sink.close()
