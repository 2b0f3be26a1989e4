"""Published sequence numbers: their form, their order, what they do not fit into (S46 to S58).

A vector's kind is told by its members, never by its name.
"""

from decimal import Decimal

import pytest

from afterbay.core.change.number import parse_number
from afterbay.core.change.sequence import DIGITS_MAX, DIGITS_MIN, SequenceNumber, SequenceToken, token
from afterbay.errors import RecordError
from vectors.loading import vectors

EPOCH = "2026-01-01T00:00:00.000"
COUNTER_UNIT = 10**20  # S50: a number is counter times this plus a tail; for diagnostics only


def a_number(given, wanted):
    one = SequenceNumber(given["SequenceNumber"])
    assert len(one.text) == wanted["digits"]
    assert divmod(one.number, COUNTER_UNIT) == (wanted["counter"], wanted["tail"])
    assert (one.number < 2**63) == wanted["fits_int64"]
    assert (one.number < 2**64) == wanted["fits_uint64"]
    assert (len(Decimal(parse_number(one.text)).normalize().as_tuple().digits) <= 38) == wanted["fits_dynamodb_number"]
    assert one.padded == wanted["padded40"]
    stored = token(EPOCH, one)
    assert stored.endswith(wanted["padded40"])
    assert str(SequenceToken.parse(stored).number) == one.text


def bounds(given, wanted):
    assert (given["min_len"], given["max_len"]) == (DIGITS_MIN, DIGITS_MAX)
    smallest, largest = SequenceNumber(wanted["smallest"]), SequenceNumber(wanted["largest"])
    for beyond in (wanted["smallest"][:-1], wanted["largest"] + "0"):
        with pytest.raises(RecordError, match="21 to 40 digits"):
            SequenceNumber(beyond)
    assert (smallest.number >= 2**64) == wanted["smallest_exceeds_uint64"]
    assert len(largest.text) == wanted["largest_significant_digits"] > wanted["dynamodb_number_max_significant_digits"]


def order(given, wanted):
    numbers = [SequenceNumber(text) for text in given["in_lineage_order"]]
    assert [one.text for one in sorted(numbers)] == wanted["numeric_sorted"]
    assert sorted(one.text for one in numbers) == wanted["string_sorted"]
    assert (wanted["numeric_sorted"] == wanted["string_sorted"]) == wanted["equal"]
    by_text = sorted(numbers, key=lambda one: one.padded)
    assert (by_text == sorted(numbers)) == wanted["padded40_sorted_equals_numeric"]


def structure(given, wanted):
    parts = [divmod(SequenceNumber(text).number, COUNTER_UNIT) for text in given["in_lineage_order"]]
    counters, tails = [one for one, _ in parts], [one for _, one in parts]
    assert (counters, tails) == (wanted["counters"], wanted["tails"])
    assert (counters == sorted(counters)) == wanted["counters_increasing"]
    assert (tails == sorted(tails)) == wanted["tails_increasing"]


def neighbours(given, wanted):
    one, other = SequenceNumber(given["a"]), SequenceNumber(given["b"])
    assert (float(one.text) == float(other.text)) == wanted["float_equal"]
    assert (one == other) == wanted["int_equal"]
    assert one < other


def idle_rate(given, wanted):
    """Published shard ids hold a time in ms: the counter moved with it although nothing was written."""
    assert wanted["meaning"]
    rates = []
    for shard, counter, child, child_counter in given["pairs"]:
        passed_s = (int(child.rpartition("-")[2]) - int(shard.rpartition("-")[2])) / 1000
        rates.append(round((int(child_counter) - int(counter)) / passed_s, 4))
    assert rates == wanted["counter_per_second"]


def edges(given, wanted):
    above = [SequenceNumber(child) > SequenceNumber(parent) for parent, child in given["edges"]]
    assert above == wanted["child_start_greater_than_parent_end"]


def another_space(given, wanted):
    """Kinesis numbers are no numbers of this kind: padding them to 40 would order them wrongly (S57)."""
    text = given["SequenceNumber"]
    assert len(text) == wanted["digits"] <= wanted["model_max_digits"]
    assert wanted["padded40_is_wrong"]
    with pytest.raises(RecordError):
        SequenceNumber(text)


KINDS = {
    frozenset({"digits", "counter", "tail", "fits_int64", "fits_uint64", "fits_dynamodb_number", "padded40"}): a_number,
    frozenset(
        {
            "smallest",
            "largest",
            "smallest_exceeds_uint64",
            "largest_significant_digits",
            "dynamodb_number_max_significant_digits",
        }
    ): bounds,
    frozenset({"numeric_sorted", "string_sorted", "equal", "padded40_sorted_equals_numeric"}): order,
    frozenset({"counters", "tails", "counters_increasing", "tails_increasing"}): structure,
    frozenset({"float_equal", "int_equal"}): neighbours,
    frozenset({"counter_per_second", "meaning"}): idle_rate,
    frozenset({"child_start_greater_than_parent_end"}): edges,
    frozenset({"digits", "model_max_digits", "padded40_is_wrong"}): another_space,
}


@pytest.mark.parametrize("vector", vectors("streams/sequence-numbers.json"))
def test_sequence_numbers_are_what_was_published(vector):
    with vector.opened() as (given, wanted):
        KINDS[wanted.names](given, wanted)
