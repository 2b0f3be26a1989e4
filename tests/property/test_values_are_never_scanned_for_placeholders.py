"""What comes out of a text is the text with each value in its place, whatever the value looks like (X32, X38)."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from afterbay import InputTemplate
from property.templating import TEXTS

WORDS = st.sampled_from(["order ", '"', "\n", "<b>", "1 < 2 ", "{", ""])
NAMES = st.sampled_from(["a", "b"])


@given(st.lists(st.tuples(WORDS, NAMES), min_size=1, max_size=5), st.fixed_dictionaries({"a": TEXTS, "b": TEXTS}))
def test_a_value_goes_in_as_it_is(parts, record):
    template = "t" + "".join(f"{word}<$.{name}>" for word, name in parts)
    told = InputTemplate(template).render(record, context={"pipe_name": "orders"})
    assert told == "t" + "".join(word + record[name] for word, name in parts)


@given(st.fixed_dictionaries({"a": TEXTS, "b": TEXTS}))
def test_a_value_of_json_is_the_value(record):
    told = InputTemplate('[<$.a>, {"b": <$.b>}, <$>]').render(record, context={"pipe_name": "orders"})
    assert json.loads(told) == [record["a"], {"b": record["b"]}, record]
