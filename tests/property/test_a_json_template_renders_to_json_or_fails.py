"""Whatever is written as a JSON template and whatever the record holds: JSON, or an error of ours (X31, X35).

That the result is not always parsed again must not show.
"""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from afterbay import InputTemplate, TemplateError
from property.templating import RECORDS, TEXTS

TOKENS = st.sampled_from(
    [*'{}[]",:\\ \n', "\\u00", '"k":', "1", "-", "<$.a>", "<$.b>", "<$>", '"<$.a>"', "<aws.pipes.event>", "x", "<", "é"]
)


@given(
    st.sampled_from(['{"k":', "[", "{"]), st.lists(TOKENS, max_size=8), RECORDS | st.fixed_dictionaries({"a": TEXTS})
)
@example('{"k":', ['"', "\\", "<$.a>", '"', "}"], {"a": "n"})
@example('{"k":', ['"', "\\u00", "<$.a>", '"', "}"], {"a": "e9"})
@example("[", ["1", "<$.a>", "]"], {"a": 2})
@example("{", ["<$.a>", ":", "1", "}"], {"a": "k"})
@example("[", ['"<$.a>"', "]"], {"a": '","'})
def test_what_a_json_template_renders_is_json(start, tokens, record):
    template = InputTemplate(start + "".join(tokens))
    try:
        text = template.render(record)
    except TemplateError as error:
        assert error.code == "InvalidJson"
        return
    json.loads(text, parse_constant=AssertionError)


@given(st.lists(TOKENS, max_size=8), RECORDS, st.sampled_from(["sqs", "kinesis", "kafka", "dynamodb"]))
def test_nothing_but_our_own_error_is_raised(tokens, record, source):
    try:
        assert isinstance(InputTemplate("".join(tokens), checked=False).render(record, source=source), str)
    except TemplateError as error:
        assert error.code == "InvalidJson"
