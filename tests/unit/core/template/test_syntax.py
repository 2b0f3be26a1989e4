"""Where placeholders stand (X31 to X34, X40, X47)."""

from __future__ import annotations

import pytest

from afterbay.core.template.names import PIPE_NAMES, bus_names
from afterbay.core.template.syntax import Placeholder, Position, are_quoted_strings, read_template

VALUE, QUOTED, TEXT = Position.VALUE, Position.QUOTED, Position.TEXT


def placed(text: str, names=PIPE_NAMES) -> list[tuple[str, Position]]:
    return [(one.name, one.position) for one in read_template(text, names.pattern).placeholders]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": <$.x>}', [("$.x", VALUE)]),
        ('{"a": "<$.x>"}', [("$.x", QUOTED)]),
        ('{"a": "1<$.x>2<$.y>", "b":<$.z>}', [("$.x", QUOTED), ("$.y", QUOTED), ("$.z", VALUE)]),
        (' \r\n\t["<$.x>",<$.y>]', [("$.x", QUOTED), ("$.y", VALUE)]),
        ('{"a": "say \\"<$.x>\\"", "b": <$.y>}', [("$.x", QUOTED), ("$.y", VALUE)]),
        ('{"a": "\\\\", "b": <$.y>}', [("$.y", VALUE)]),
        ('{"a": "\\\\\\"<$.x>", "b": <$.y>}', [("$.x", QUOTED), ("$.y", VALUE)]),
        ('{"a": "a, <$.x>", "b": 1}', [("$.x", QUOTED)]),
        ('{"a": "\\<$.x>"}', [("$.x", QUOTED)]),
        ("<$.x>", [("$.x", TEXT)]),
        ('"{<$.x>}"', [("$.x", TEXT)]),
        ("order <$.x>\n[<$.y>]", [("$.x", TEXT), ("$.y", TEXT)]),
        ("<$>", [("$", TEXT)]),
        ("<$.a b>", [("$.a b", TEXT)]),  # a placeholder, and a broken path
        ("<aws.pipes.nope>", [("aws.pipes.nope", TEXT)]),
        ("<aws.pipes.>", [("aws.pipes.", TEXT)]),
    ],
)
def test_a_placeholder_has_its_place(text, found):
    assert placed(text) == found
    syntax = read_template(text, PIPE_NAMES.pattern)
    assert text == "".join(part if isinstance(part, str) else f"<{part.name}>" for part in syntax.parts)


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b>",
        "1 < 2 > 0",
        "<>",
        "< $.x >",
        "<x>",
        "<aws.events.rule-name>",
        "<aws.pipes>",
        "<AWS.Pipes.pipe-name>",
        "costs <$5",
        "<a$.x>",
    ],
)
def test_other_angle_brackets_are_text(text):
    """X40."""
    assert read_template(text, PIPE_NAMES.pattern).parts == (text,)


def test_a_bracket_that_opens_again_was_text():
    assert placed("<<$.x>> <$5 <$.y>") == [("$.x", TEXT), ("$.y", TEXT)]


@pytest.mark.parametrize(
    ("text", "is_json"), [("{", True), (" [", True), ('"{"', False), ("", False), ("\x0b{", False)]
)
def test_json_is_told_by_its_first_letter(text, is_json):
    """X31; blanks are those of JSON."""
    assert read_template(text, PIPE_NAMES.pattern).is_json is is_json


def test_placeholders_of_a_bus_are_names():
    names = bus_names({})
    template = '"<a-b_1> <aws.events.rule-arn> <$.detail> <a.b> <a b> </b> <aws.pipes.pipe-arn>"'
    assert placed(template, names) == [("a-b_1", TEXT), ("aws.events.rule-arn", TEXT), ("$.detail", TEXT)]


def test_a_key_is_known_by_the_colon_behind():
    """B40."""
    syntax = read_template('{"<a>\\"x" : "<b>:", <c> :<d>, "e": [<f>]}', bus_names({}).pattern)
    assert [(one.name, one.is_key) for one in syntax.placeholders] == [
        ("a", True),
        ("b", False),
        ("c", True),
        ("d", False),
        ("f", False),
    ]
    assert read_template('{"<a>', bus_names({}).pattern).placeholders == (Placeholder("a", QUOTED),)


@pytest.mark.parametrize(
    ("text", "are"),
    [
        ('"a"', True),
        (' "a <b>"\n"c"\n', True),
        ('"a""b"', True),
        ('"say \\"hi\\" \\\\"', True),
        ('"two\nlines"', True),
        ('""', True),
        ("", False),
        (" \n", False),
        ("a", False),
        ('"a" b', False),
        ('"a', False),
        ('"a\\"', False),
        ("<a>", False),
    ],
)
def test_text_of_a_bus_is_quoted_strings(text, are):
    """B42."""
    assert are_quoted_strings(text) is are
