"""``SizeBytes`` by type (S64); recorded records are in tests/vectors."""

import pytest

from afterbay.core.change.size import item_size, record_size
from afterbay.errors import RecordError


@pytest.mark.parametrize(
    ("typed", "size"),
    [
        ({"S": "é"}, 2),
        ({"S": ""}, 0),
        ({"B": "AQID"}, 3),
        ({"B": b"\x01\x02\x03"}, 3),
        ({"N": "0"}, 1),
        ({"N": "100"}, 2),
        ({"N": "0.001"}, 2),
        ({"N": "101"}, 3),
        ({"N": "-7"}, 3),
        ({"N": "12345678901234567890123456789012345678"}, 20),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"NULL": True}]}, 3 + 3 + 2),
        ({"M": {}}, 3),
        ({"M": {"ab": {"N": "1"}}}, 3 + 2 + 2 + 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"NS": ["1", "22"]}, 4),
        ({"BS": ["AQID"]}, 3),
    ],
)
def test_an_attribute_counts_its_name_and_its_value(typed, size):
    assert item_size({"née": typed}) == 4 + size


def test_a_record_counts_its_key_and_each_image():
    key = {"pk": {"S": "ab"}}
    assert record_size(key) == 4
    assert record_size(key, new=key, old=key) == 12
    assert record_size(key, old={}) == 4


def test_a_malformed_value_has_no_size():
    with pytest.raises(RecordError):
        item_size({"a": {"N": "x"}})
