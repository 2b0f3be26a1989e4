"""Case s06, its core part: no number is rounded, cast or refused that a table stores."""

import json
from decimal import Decimal, localcontext
from pathlib import Path

import pytest

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.value import encode_item, json_bytes, same_value

CASE = json.loads(Path(__file__).with_name("s06-numbers-that-do-not-fit.json").read_text())
RECORD = {name: one for name, one in CASE["records"][0].items() if name != "label"}
EXACT = {name: Decimal(text) for name, text in CASE["exact_values"].items()}


@pytest.fixture(params=[lambda: RECORD, lambda: json.dumps(RECORD).encode()], ids=["dict", "bytes"])
def change(request):
    return ChangeRecord(request.param())


def test_every_value_is_exact(change):
    assert {name: change.new[name] for name in EXACT} == EXACT
    assert change.new["numbers"] == {Decimal(text) for text in CASE["exact_set"]}


def test_a_narrow_decimal_context_of_the_caller_changes_nothing():
    with localcontext() as narrow:
        narrow.prec = 3
        change = ChangeRecord(RECORD)
        assert {name: change.new[name] for name in EXACT} == EXACT
        encoded = encode_item(change.new)
    assert {name: encoded[name]["N"] for name in EXACT} == CASE["exact_values"]


def test_writing_the_values_back_gives_the_same_texts(change):
    encoded = encode_item(change.new)
    assert {name: encoded[name] for name in EXACT} == {name: {"N": text} for name, text in CASE["exact_values"].items()}
    assert set(encoded["numbers"]["NS"]) == set(CASE["exact_set"])


def test_json_sinks_hold_every_digit_and_the_set_in_a_stable_order(change):
    stored = json.loads(json_bytes(change.new), parse_float=Decimal, parse_int=Decimal)
    assert {name: stored[name] for name in EXACT} == EXACT
    assert stored["numbers"] == [Decimal("-7"), Decimal("0.1"), Decimal("3804086584686624769")]


def test_equality_is_by_value_to_the_last_digit():
    assert same_value({"N": "1E+120"}, {"N": CASE["exact_values"]["huge"]})
    assert not same_value({"N": "9007199254740992"}, {"N": "9007199254740993"})
