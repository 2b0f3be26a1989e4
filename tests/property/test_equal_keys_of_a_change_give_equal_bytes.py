"""The bytes that lanes hash are equal exactly when the keys are (S101, R62), whichever way the JSON spells them."""

import json
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.change.itemkey import item_key
from afterbay.core.change.value import canonical, same_item

NAMES = st.sampled_from(["pk", "sk", "p", "p ", "a!", "é", 'q"', "b\\", "\U0001f600", "\uffff"])
NUMBERS = st.sampled_from(["7", "7.0", "07", "+7", "0.7E1", "-7", "0", "-0", "0.0", "1E+2", "100", "1.50", "1.5"])
BINARY = st.binary(max_size=4).map(lambda raw: {"B": b64encode(raw).decode()})
TEXTS = st.sampled_from(["", "a", "7", "é", "\t", '"', "\\", "\U0001f600"]) | st.text(max_size=3)
PARTS = TEXTS.map(lambda text: {"S": text}) | NUMBERS.map(lambda text: {"N": text}) | BINARY
KEYS = st.dictionaries(NAMES, PARTS, min_size=1, max_size=2)


def spelled(draw, keys):
    ordered = {name: keys[name] for name in draw(st.permutations(sorted(keys)))}
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    return json.dumps(ordered, ensure_ascii=draw(st.booleans()), separators=separators).encode()


@given(st.data(), KEYS, KEYS)
def test_equal_keys_of_a_change_give_equal_bytes_and_others_do_not(data, one, other):
    same = item_key(spelled(data.draw, one)) == item_key(spelled(data.draw, other))
    assert same == same_item(one, other)


@given(st.data(), KEYS)
def test_the_bytes_are_the_canonical_ones_whichever_way_the_key_is_spelled(data, keys):
    assert item_key(spelled(data.draw, keys)) == canonical(keys)
