"""A decoded record and its JSON bytes give the same text or the same refusal, byte for byte."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from afterbay import InputTemplate, TemplateError
from property.templating import PATHS, RECORDS

SHAPES = st.sampled_from(
    [
        "<{}>",
        '"x <{}> y"',
        "free <{}>\ntext",
        '{{"a": <{}>}}',
        '{{"a": "x<{}>"}}',
        '[<{}>, "<aws.pipes.event>"]',
        "[<{}>, <aws.pipes.event.json>]",
        "",
    ]
)


def outcome(template: InputTemplate, record: object) -> tuple[str, str]:
    try:
        return "text", template.render(record, source="sqs")
    except TemplateError as error:
        return "error", error.code


@given(SHAPES, PATHS, RECORDS)
def test_bytes_render_as_the_value_does(shape, path, record):
    template = InputTemplate(shape.format(path))
    assert outcome(template, msgspec.json.encode(record)) == outcome(template, record)
