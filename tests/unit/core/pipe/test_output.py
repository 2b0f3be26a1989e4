"""What is sent for one record, and whose it is (X51, X57, X72)."""

from __future__ import annotations

import pytest

from afterbay.core.pipe.output import Output, array_of, identifier_in


def test_one_record_is_an_array_too_and_none_an_empty_one():
    one = Output('{"a":1}', None, 0, is_json=True)
    assert array_of([one]) == b'[{"a":1}]'
    assert array_of([one, one]) == b'[{"a":1},{"a":1}]'
    assert array_of([]) == b"[]"


@pytest.mark.parametrize(
    "value, name",
    [
        ({"eventID": "e"}, "e"),
        ({"messageId": "m"}, "m"),
        ({"eventID": "e", "messageId": "m"}, "e"),
        ({"eventID": "", "messageId": "m"}, "m"),
        ({"eventID": 7}, None),
        ({}, None),
        ("e", None),
        ([{"eventID": "e"}], None),
        (None, None),
    ],
)
def test_a_record_is_known_by_the_name_that_it_still_carries(value, name):
    assert identifier_in(value) == name
