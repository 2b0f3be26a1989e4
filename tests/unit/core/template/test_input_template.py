"""Templates of pipes and buses rendered (X29 to X49, B41 to B49): what the vectors do not show."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from afterbay import InputTemplate, SettingsError, TemplateError
from afterbay.core.template import Event

RECORD = {
    "id": "o-1",
    "qty": 3,
    "zero": 0,
    "price": 19.5,
    "no": False,
    "nil": None,
    "empty": "",
    "obj": {"a": [1, {"b": 'q"q'}], "n": None},
    "none": {},
    "tags": ["x", "y"],
    "nested": [[1, 2], [3]],
    "quote": 'a "b"',
    "slash": "C:\\new",
    "lines": "l1\nl2",
    "html": "<p><$.id></p>",
    "text": "Ünï ☕",
}
CONTEXT = {
    "pipe_arn": "arn:aws:pipes:us-east-1:000000000000:pipe/orders",
    "pipe_name": "orders",
    "source_arn": "arn:s",
    "enrichment_arn": None,
    "target_arn": "arn:t",
    "now": "2026-01-02T03:04:06.789Z",
}


def rendered(template: str, record: object = RECORD, **more) -> str:
    return InputTemplate(template).render(record, context=CONTEXT, **more)


def refusal(template: str, record: object = RECORD, **more) -> str:
    with pytest.raises(TemplateError) as refused:
        rendered(template, record, **more)
    return refused.value.code


@pytest.mark.parametrize(
    ("path", "value", "quoted", "text"),
    [
        ("$.id", '"o-1"', "o-1", "o-1"),
        ("$.qty", "3", "3", "3"),
        ("$.zero", "0", "0", "0"),
        ("$.price", "19.5", "19.5", "19.5"),
        ("$.no", "false", "false", "false"),
        ("$.nil", "null", "null", "null"),
        ("$.empty", '""', "", ""),
        ("$.nope", '""', "", ""),
        ("$.none", "{}", "{}", "{}"),
        ("$.obj", '{"a":[1,{"b":"q\\"q"}],"n":null}', None, "{a:[1,{b:q\\q}],n:null}"),
        ("$.tags", '["x","y"]', None, "[x,y]"),
        ("$.tags[*]", '["x","y"]', None, "[x,y]"),
        ("$.nested[*][*]", "[1,2,3]", "[1,2,3]", "[1,2,3]"),
        ("$.nested[1]", "[3]", "[3]", "[3]"),
        ("$.tags[*].x", "[]", "[]", "[]"),
        ("$.quote", '"a \\"b\\""', None, 'a "b"'),
        ("$.slash", '"C:\\\\new"', "C:\\new", "C:\\new"),  # \n is an escape: JSON, if not what was meant (X38)
        ("$.lines", '"l1\\nl2"', None, "l1\nl2"),
        ("$.html", '"<p><$.id></p>"', "<p><$.id></p>", "<p><$.id></p>"),
        ("$.text", '"Ünï ☕"', "Ünï ☕", "Ünï ☕"),
        ("aws.pipes.pipe-name", '"orders"', "orders", "orders"),
        ("aws.pipes.enrichment-arn", '""', "", ""),
        ("aws.pipes.event.ingestion-time", '"2026-01-02T03:04:06.789Z"', *["2026-01-02T03:04:06.789Z"] * 2),
    ],
)
def test_a_value_is_written_as_its_place_wants(path, value, quoted, text):
    """X32 to X34, X36, X38, X41, X42; ``quoted`` None: what comes out is no JSON."""
    assert rendered(f'{{"v": <{path}>, "w":[<{path}>]}}') == f'{{"v": {value}, "w":[{value}]}}'
    json.loads(value)
    template = f'{{"v": "-<{path}>-"}}'
    if quoted is None:
        assert refusal(template) == "InvalidJson"
    else:
        assert rendered(template) == f'{{"v": "-{quoted}-"}}'
    assert rendered(f'"-<{path}>-"') == f'"-{text}-"'
    assert rendered(f"<{path}>") == text
    assert rendered(f"say\n<{path}>, <{path}>") == f"say\n{text}, {text}"


@pytest.mark.parametrize(
    "template",
    [
        '{"a": <$.id>',
        '{"a": <$.qty> <$.qty>}',
        "{<$.id>}",
        '{"a": 1} <$.id>',
        '{"a" <$.id>}',
        '{"a": <b>}',
        "[1,]",
        "{'a': 1}",
    ],
)
def test_a_json_template_that_comes_out_as_none_fails(template):
    """X35: that is found out when it is rendered."""
    assert refusal(template) == "InvalidJson"


def test_values_that_join_their_neighbours_are_judged_by_the_result():
    assert rendered('{"a": 1<$.qty>}') == '{"a": 13}'
    assert refusal('{"a": 1<$.id>}') == "InvalidJson"
    assert rendered("{<$.id>: <$.qty>}") == '{"o-1": 3}'
    assert refusal("{<$.qty>: 1}") == "InvalidJson"
    assert rendered('{"a": "\\u00<$.x>"}', {"x": "e9"}) == '{"a": "\\u00e9"}'
    assert refusal('{"a": "\\u00<$.x>"}', {"x": "zz"}) == "InvalidJson"
    assert rendered('{"a": "\\<$.x>"}', {"x": "n"}) == '{"a": "\\n"}'


def test_a_key_may_be_filled_in_a_pipe():
    assert rendered('{"<$.id>": 1}') == '{"o-1": 1}'


@pytest.mark.parametrize(
    "path", ["$id", "$..id", "$.", "$['id']", "$.a[0", "$.a[-1]", "$.tags[0:1]", "$.*", "$.a b", "$.é", "$[0]"]
)
def test_a_broken_path_is_refused_at_once_or_on_every_rendering(path):
    """X35, X39."""
    template = f'{{"a": <{path}>}}'
    with pytest.raises(TemplateError, match="is no path") as refused:
        InputTemplate(template)
    assert refused.value.code == "InvalidPath"
    unchecked = InputTemplate(template, checked=False)
    for _ in range(2):
        with pytest.raises(TemplateError, match=r"^target template: .* is no path"):
            unchecked.render(RECORD)


@pytest.mark.parametrize(
    ("template", "checked"),
    [
        ("<aws.pipes.nope>", True),
        ("<aws.pipes.nope>", False),
        ("<aws.pipes.event.id>", True),
        ('{"a": <aws.pipes.Event>, "b": <$..x>}', True),
        ('{"a": <$..x>, "b": <aws.pipes.Event>}', False),
    ],
)
def test_an_unknown_name_is_refused_when_saved(template, checked):
    """X40; unchecked too, and behind a broken path."""
    with pytest.raises(TemplateError, match="contains invalid placeholder") as refused:
        InputTemplate(template, checked=checked)
    assert refused.value.code == "UnknownVariable"


@pytest.mark.parametrize("template", ["", " ", "\n\t "])
def test_an_empty_template_lets_the_record_through_and_blanks_are_text(template):
    """X30, X32."""
    record = {"body": '{"k": 1}'}
    wanted = template or json.dumps(record, separators=(",", ":"))
    assert InputTemplate(template).render(record, source="sqs") == wanted
    assert InputTemplate("").render(b'{"a":  1.50}') == '{"a":  1.50}'
    assert InputTemplate("").render("plain text") == InputTemplate(None).render("plain text") == "plain text"


def test_the_event_as_it_came_and_with_its_payload_parsed():
    """X43."""
    record = {"messageId": "m", "body": '{"k":"v"}'}
    template = '{"raw": <aws.pipes.event>, "json": <aws.pipes.event.json>, "all": <$>}'
    whole = json.loads(rendered(template, record, source="sqs"))
    parsed = {"messageId": "m", "body": {"k": "v"}}
    assert whole == {"raw": record, "json": parsed, "all": parsed}
    assert rendered("<aws.pipes.event>", record, source="sqs") == "{messageId:m,body:{\\k\\:\\v\\}}"
    assert rendered('"<aws.pipes.event.json>"', record, source="sqs") == '"{messageId:m,body:{k:v}}"'
    assert refusal('{"a": "<aws.pipes.event>"}', record) == "InvalidJson"


def test_an_event_that_is_text():
    """X29, X43."""
    assert rendered('{"e": <aws.pipes.event>, "j": <aws.pipes.event.json>, "x": <$.x>}', 'say "hi"') == (
        '{"e": "say \\"hi\\"", "j": "", "x": ""}'
    )
    assert rendered('{"e": "<aws.pipes.event>"}', "plain") == '{"e": "plain"}'
    assert refusal('{"e": "<aws.pipes.event>"}', 'say "hi"') == "InvalidJson"


def test_a_payload_that_is_no_json_stays_text_and_has_no_json_form():
    """X37, X43."""
    record = {"messageId": "m", "body": "plain"}
    template = '{"b": <$.body>, "in": <$.body.x>, "j": <aws.pipes.event.json>}'
    assert rendered(template, record, source="sqs") == '{"b": "plain", "in": "", "j": ""}'


def test_names_without_a_value_write_nothing():
    """X36, X41."""
    assert (
        InputTemplate('{"a": <aws.pipes.pipe-arn>, "b": "<aws.pipes.source-arn>"}').render({}) == '{"a": "", "b": ""}'
    )


def test_the_time_is_told_to_the_millisecond():
    """X42."""
    moment = datetime(2026, 1, 2, 5, 4, 6, 789_999, tzinfo=timezone(timedelta(hours=2)))
    template = InputTemplate("<aws.pipes.event.ingestion-time>")
    assert template.render({}, context={"now": moment}) == "2026-01-02T03:04:06.789Z"
    assert template.render({}, context={"now": moment.replace(microsecond=0, tzinfo=UTC)}) == "2026-01-02T05:04:06.000Z"


@pytest.mark.parametrize(
    "digits", ["1.50", "-0.0", "1e400", "123456789012345678901234567890", "0.30000000000000004441"]
)
def test_numbers_of_bytes_keep_every_digit(digits):
    data = f'{{"n": {digits}, "o": {{"n": [{digits}]}}}}'.encode()
    assert rendered('{"a": <$.n>, "b": <$.o>}', data) == f'{{"a": {digits}, "b": {{"n":[{digits}]}}}}'
    assert rendered('{"a": "<$.n>"}', data) == f'{{"a": "{digits}"}}'
    assert rendered("<$.n> <$.o>", data) == f"{digits} {{n:[{digits}]}}"


def test_decimals_of_a_decoded_record_are_numbers():
    assert rendered('{"a": <$.n>}', {"n": Decimal("1.10")}) == '{"a": 1.10}'


def test_bytes_that_are_no_json_are_refused():
    assert refusal("<$.id>", b"plain words") == "InvalidValue"
    assert refusal("<$.id>", b'{"a": "\xff"}') == "InvalidValue"


def test_half_a_surrogate_pair_is_escaped_as_a_value_and_refused_as_text():
    assert rendered('{"a": <$.x>}', b'{"x": "\\ud800"}') == '{"a": "\\ud800"}'
    assert refusal("<$.x>", b'{"x": "\\ud800"}') == "InvalidValue"
    assert refusal('{"a": "<$.x>"}', b'{"x": "\\ud800"}') == "InvalidValue"


def test_a_value_nested_too_deep_fails_that_record():
    value: object = 1
    for _ in range(100_000):
        value = [value]
    deep = {"x": value}
    assert refusal('{"a": <$.x>}', deep) == "InvalidValue"
    while isinstance(value, list):
        value = value.pop()


@pytest.mark.parametrize(
    "misuse",
    [
        lambda: InputTemplate("", kind="queue"),
        lambda: InputTemplate("", variables={"a": "$.a"}),
        lambda: InputTemplate("").render({}, source="rabbit"),
        lambda: InputTemplate("").render({}, stage="source"),
        lambda: InputTemplate("").render({}, context={"pipe": "orders"}),
        lambda: InputTemplate('"x"', kind="bus").render({}, context={"pipe_arn": "arn"}),
    ],
)
def test_a_misspelt_argument_is_refused(misuse):
    with pytest.raises(SettingsError) as refused:
        misuse()
    assert refused.value.hint


def test_a_refusal_says_whose_template_it_is():
    with pytest.raises(TemplateError, match=r"^enrichment template: the rendered template is no JSON"):
        InputTemplate("{").render({}, stage="enrichment")


def test_a_record_is_parsed_once_for_all_that_look_into_it():
    """X47."""
    event = Event({"body": '{"k": 1}'}, "sqs")
    parsed = event.parsed
    assert [InputTemplate(text).render_event(event, {}) for text in ("<$.body.k>", '{"a": <$.body>}')] == [
        "1",
        '{"a": {"k":1}}',
    ]
    assert event.parsed is parsed


# ---- of a bus


def on_bus(template: str, **variables: str) -> InputTemplate:
    return InputTemplate(template, kind="bus", variables=variables)


def test_a_bus_renders_its_variables_by_the_same_rules():
    """B41 to B43, B49."""
    event = {"detail": {"a": {"b": [1]}, "n": None, "t": 'x"'}}
    template = on_bus(
        '{"a": <a>, "n": <n>, "t": <t>, "m": <m>, "q": "<m>|<n>"}',
        a="$.detail.a",
        n="$.detail.n",
        t="$.detail.t",
        m="$.no",
    )
    assert template.render(event) == '{"a": {"b":[1]}, "n": null, "t": "x\\"", "m": "", "q": "|null"}'


def test_an_undefined_placeholder_of_a_bus_is_refused():
    """B40; what looks like a path or a reserved name too."""
    for placeholder in ("b", "$.detail", "aws.events.nope", "aws.events.event.id"):
        with pytest.raises(TemplateError, match=r"^InputTemplate contains invalid placeholder") as refused:
            on_bus(f'"x <{placeholder}>"', a="$.a")
        assert refused.value.code == "UnknownVariable"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", "is empty"),
        ("order <a> shipped", "neither JSON nor text in quotes"),
        ('"order" <a>', "neither JSON nor text in quotes"),
        ("<a><a>", "neither JSON nor text in quotes"),
        ("  ", "neither JSON nor text in quotes"),
        ('{"<a>": 1}', "placeholder a in the key"),
        ("{<a>: 1}", "placeholder a in the key"),
    ],
)
def test_what_a_bus_does_not_take(template, words):
    """B40, B42."""
    with pytest.raises(TemplateError, match=words) as refused:
        on_bus(template, a="$.a")
    assert refused.value.code == "ValidationException"


def test_a_lone_placeholder_of_a_bus_is_text():
    assert on_bus("<a>", a="$.detail").render({"detail": {"x": "y"}}) == "{x:y}"


def test_a_variable_of_a_bus_has_a_path():
    with pytest.raises(TemplateError, match=r"^variable a: .* is no path") as refused:
        on_bus("<a>", a="detail.x")
    assert refused.value.code == "InvalidPath"


def test_reserved_names_of_a_bus():
    """B45, B46."""
    event = {"detail-type": "T", "source": "s", "detail": {"detail-type": "inner"}}
    strings = '<aws.events.rule-arn>, "<aws.events.rule-name>", <aws.events.event.ingestion-time>'
    template = on_bus(f"[{strings}, <aws.events.event>, <aws.events.event.json>]")
    context = {"rule_arn": "arn:r", "rule_name": "r", "now": "2026-01-02T03:04:06Z"}
    assert json.loads(template.render(event, context=context)) == [
        "arn:r",
        "r",
        "2026-01-02T03:04:06Z",
        {"detailType": "T", "source": "s"},
        event,
    ]
    with pytest.raises(TemplateError, match="no JSON"):
        on_bus('{"a": "<aws.events.event>"}').render(event)


@pytest.mark.parametrize("given", [5, 0, b"{}", {}, [], True])
def test_a_template_that_is_no_text_is_refused_by_name(given: object) -> None:
    with pytest.raises(TemplateError, match=f"a template is text, not {type(given).__name__}") as refused:
        InputTemplate(given)  # type: ignore[arg-type]  # what a caller may get wrong
    assert refused.value.code == "ValidationException"
    assert InputTemplate(None).text == ""


def test_a_variable_whose_path_is_no_text_is_refused() -> None:
    with pytest.raises(TemplateError, match="5 is no path") as refused:
        InputTemplate('{"a": <b>}', kind="bus", variables={"b": 5})  # type: ignore[dict-item]  # as above
    assert (refused.value.code, refused.value.where) == ("InvalidPath", "variable b")
