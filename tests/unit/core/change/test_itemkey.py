"""The bytes by which items are told apart (R62, S101); the property test has the general case."""

import pytest

from afterbay.core.change.itemkey import item_key, item_keys
from afterbay.errors import RecordError


@pytest.mark.parametrize(
    ("keys", "canonical"),
    [
        (b'{"pk":{"S":"a"}}', b'{"pk":{"S":"a"}}'),
        (b'{ "pk" : {"S":"a"} }', b'{"pk":{"S":"a"}}'),
        (b'{"sk":{"N":"7.0"},"pk":{"S":"a"}}', b'{"pk":{"S":"a"},"sk":{"N":"7"}}'),
        (b'{"sk":{"N":"7"},"pk":{"S":"a"}}', b'{"pk":{"S":"a"},"sk":{"N":"7"}}'),
        (b'{"a ":{"S":"x"},"a":{"S":"y"}}', b'{"a":{"S":"y"},"a ":{"S":"x"}}'),
        (b'{"pk":{"S":"\\u0061"}}', b'{"pk":{"S":"a"}}'),
        (b'{"pk":{"S":"a\\/b"}}', b'{"pk":{"S":"a/b"}}'),
        (b'{"pk":{"N":"-0"}}', b'{"pk":{"N":"0"}}'),
        (b'{"pk":{"B":"AP9="}}', b'{"pk":{"B":"AP8="}}'),  # stray bits behind the last byte: the same two bytes
    ],
)
def test_every_spelling_of_a_key_gives_its_canonical_bytes(keys, canonical):
    assert item_key(keys) == canonical
    assert item_key(canonical) == canonical


@pytest.mark.parametrize(
    "odd", [b'{"pk":{"S":"\\n"}}', b'{ "pk":{"S":"b"}}', b'{"sk":{"S":"b"},"pk":{"S":"a"}}', b'{"pk":{"B":"AP9="}}']
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_odd_key_of_a_page_is_told_as_if_it_were_alone(odd, place):
    keys = [b'{"pk":{"S":"a"}}', b'{"pk":{"N":"-7"}}']
    keys.insert(place, odd)
    assert item_keys(keys) == [item_key(key) for key in keys]


def test_a_text_and_a_number_of_the_same_digits_are_two_keys():
    assert item_key(b'{"pk":{"S":"7"}}') != item_key(b'{"pk":{"N":"7"}}')


@pytest.mark.parametrize(
    "keys", [b"", b"{", b"[]", b"{}", b'{"pk":"a"}', b'{"pk":{}}', b'{"pk":{"N":"x"}}', b"[" * 99_999]
)
def test_what_is_no_key_is_refused(keys):
    with pytest.raises(RecordError) as refused:
        item_key(keys)
    assert refused.value.path.startswith("dynamodb.Keys")
