"""What a sink is given of a change, and what it is never given: the refusal is that record's own (E8)."""

from __future__ import annotations

import random

import pytest

import afterbay
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import APPLIED, Kind
from afterbay.sinks.entry import Entry, prepare
from afterbay.sinks.options import SinkOptions
from contract.histories import KEYS, History

NO_KEYS = [
    ({}, "at least one attribute"),
    ({"pk": {"BOOL": True}}, "a string, a number or binary"),
    ({"pk": {"NULL": True}}, "a string, a number or binary"),
    ({"pk": {"L": []}}, "a string, a number or binary"),
    ({"pk": {"SS": ["a"]}}, "a string, a number or binary"),
    ({"pk": {"S": "a"}, "sk": {"M": {}}}, "a string, a number or binary"),
    ({"pk": {"S": ""}}, "never empty"),
    ({"pk": {"S": "a"}, "sk": {"B": ""}}, "never empty"),
]


@pytest.fixture
def records():
    made = History(random.Random(1))
    return [made.put(KEYS[0]), made.put(KEYS[2]), made.put(KEYS[3])]


@pytest.mark.parametrize(("keys", "words"), NO_KEYS)
def test_what_no_table_has_for_a_key_is_poison(records, keys, words):
    """E4, S99."""
    records[0]["dynamodb"]["Keys"] = keys
    told = prepare(ChangeRecord(records[0]), SinkOptions())
    assert not isinstance(told, Entry) and told.kind is Kind.POISON and words in told.reason


@pytest.mark.parametrize("key", [{"pk": {"N": "0"}}, {"pk": {"B": "AA=="}}, {"pk": {"S": " "}, "sk": {"N": "-1.50"}}])
def test_a_key_of_numbers_and_binaries_is_one(records, key):
    records[0]["dynamodb"]["Keys"] = key
    assert isinstance(prepare(ChangeRecord(records[0]), SinkOptions()), Entry)


@pytest.mark.parametrize("keys", [{}, {"pk": {"NULL": True}, "sk": {"S": "a"}}])
@pytest.mark.parametrize("address", ["memory:no-key{}", "sqlite:///{}/x.db?table=t", "delta:{}/x"])
def test_a_record_without_a_key_keeps_no_neighbour_from_being_written(tmp_path, records, keys, address):
    """E8: one result per record; a batch that failed as a whole would come again for ever."""
    records[1]["dynamodb"]["Keys"] = keys
    sink = afterbay.sink(address.format(tmp_path))
    told = sink.apply(list(afterbay.changes({"Records": records})))
    assert [told[0], told[1].kind, told[2]] == [APPLIED, Kind.POISON, APPLIED]
    sink.close()


@pytest.mark.parametrize("said", [{}, {"sk": {"NULL": True}}])
@pytest.mark.parametrize("address", ["sqlite:///{}/x.db?table=t", "delta:{}/x"])
def test_the_columns_of_a_key_are_the_keys_whatever_an_image_says_of_it(tmp_path, records, said, address):
    """E8: such an image is none of a table's, but it keeps no neighbour from being written."""
    records[1]["dynamodb"]["NewImage"] = {"pk": {"S": KEYS[2][0]}, **said}
    sink = afterbay.sink(address.format(tmp_path))
    assert sink.apply(list(afterbay.changes({"Records": records}))) == [APPLIED] * 3
    assert len(list(sink.read_live())) == 3
    sink.close()


@pytest.mark.parametrize("change", [None, {"dynamodb": {}}, "a"])
def test_what_is_no_change_is_refused_as_a_whole(change):
    with pytest.raises(afterbay.SettingsError, match=r"a sink takes changes, not .*afterbay\.changes"):
        afterbay.sink("memory:t").apply([change])
