"""What PutTargets refuses of a target's input settings, and payloads (B36 to B44): what the vectors do not show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterbay import TemplateError
from afterbay.core.template import Event, input_violations, parse_target_input

EVENT = {"id": "1", "detail": {"t": "x", "n": 1.5, "nil": None, "list": [1, 2]}}
API_ERRORS = Path(__file__).parents[3] / "vectors" / "bus" / "api-errors.json"


def payload(**settings: object) -> str:
    return parse_target_input({"Id": "t", **settings}).payload(Event(EVENT), {})


def refused(**settings: object) -> str:
    with pytest.raises(TemplateError) as error:
        parse_target_input({"Id": "t", **settings})
    assert error.value.code == "ValidationException"
    return error.value.message


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("$.detail.t", '"x"'),
        ("$.detail.n", "1.5"),
        ("$.detail.nil", "null"),
        ("$.detail.list[1]", "2"),
        ("$.detail.list[*]", "[1,2]"),
        ("$", json.dumps(EVENT, separators=(",", ":"))),
    ],
)
def test_a_path_sends_the_part_as_json(path, text):
    """B38."""
    assert payload(InputPath=path) == text


def test_a_path_that_finds_nothing_is_a_failed_delivery():
    """B39."""
    with pytest.raises(TemplateError) as failed:
        payload(InputPath="$.detail.nope")
    assert failed.value.code == "MissingPath"


def test_a_part_that_is_too_deep_to_be_written_is_a_failed_delivery():
    """B38: as what a template cannot write is."""
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(TemplateError) as failed:
        parse_target_input({"Id": "t", "InputPath": "$.deep"}).payload(Event({"deep": deep}), {})
    assert failed.value.code == "InvalidValue"
    while isinstance(deep, list):  # taken apart here, or its end would be as deep
        deep = deep.pop()


def test_a_constant_is_sent_as_it_is_written():
    """B37."""
    assert payload(Input='{"a":  [1.50]}') == '{"a":  [1.50]}'
    assert payload(Input='"text"') == '"text"'


def test_without_settings_the_event_goes_as_it_came():
    """B24, B36."""
    assert parse_target_input({"Id": "t"}).payload(Event.read(b'{"n":1.50}'), {}) == '{"n":1.50}'
    assert payload(Input=None, InputPath=None, InputTransformer=None) == json.dumps(EVENT, separators=(",", ":"))


def test_a_recorded_refusal_has_its_words():
    """B36, B40."""
    recorded = [
        one
        for one in json.loads(API_ERRORS.read_text())
        if {"B36", "B40"} & set(one["rules"]) and "Target" in one["input"]
    ]
    assert len(recorded) == 2
    for one in recorded:
        with pytest.raises(TemplateError) as error:
            parse_target_input(one["input"]["Target"])
        assert (error.value.code, error.value.message) == (one["expect"]["error"], one["expect"]["message"])


@pytest.mark.parametrize(
    "pair", [("Input", "InputPath"), ("Input", "InputTransformer"), ("InputPath", "InputTransformer")]
)
def test_two_settings_at_once_are_refused(pair):
    """B36."""
    settings = {"Input": "{}", "InputPath": "$.a", "InputTransformer": {"InputTemplate": "{}"}}
    message = "Only one of Input, InputPath, or InputTransformer must be provided for target t."
    assert refused(**{name: settings[name] for name in pair}) == message


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"Input": "plain"}, "Input for target t is not a valid JSON text."),
        ({"Input": ""}, "Input for target t is not a valid JSON text."),
        ({"InputPath": "detail"}, "InputPath for target t: detail is no path"),
        ({"InputPath": ""}, "InputPath for target t:  is no path"),
        ({"InputTransformer": {"InputTemplate": "order <x>", "InputPathsMap": {"x": "$.a"}}}, "neither JSON nor text"),
        ({"InputTransformer": {"InputTemplate": '"<x>"', "InputPathsMap": {"x": "a"}}}, "a is no path"),
        ({"InputTransformer": {"InputTemplate": '{"<x>": 1}', "InputPathsMap": {"x": "$.a"}}}, "in the key"),
        ({"InputTransformer": {"InputTemplate": '"x"', "InputPathsMap": {"AWSx": "$.a"}}}, "do not start with AWS"),
        ({"InputTransformer": {"InputTemplate": '"<aws.events.nope>"'}}, "invalid placeholder aws.events.nope."),
    ],
)
def test_a_setting_that_cannot_work_is_refused(settings, words):
    """B37, B40, B42."""
    assert words in refused(**settings)


AT = "targets.1.member."


@pytest.mark.parametrize(
    ("settings", "place", "rule"),
    [
        ({"Input": "1" * 8193}, "input", "Member must have length less than or equal to 8192"),
        ({"Input": 1}, "input", "Member must be a string"),
        ({"InputPath": "$." + "a" * 255}, "inputPath", "Member must have length less than or equal to 256"),
        ({"InputTransformer": {}}, "inputTransformer.inputTemplate", "Member must not be null"),
        ({"InputTransformer": "x"}, "inputTransformer", "Member must be a structure"),
        (
            {"InputTransformer": {"InputTemplate": ""}},
            "inputTransformer.inputTemplate",
            "Member must have length greater than or equal to 1",
        ),
        (
            {"InputTransformer": {"InputTemplate": '"' + "x" * 8191 + '"'}},
            "inputTransformer.inputTemplate",
            "Member must have length less than or equal to 8192",
        ),
        (
            {"InputTransformer": {"InputTemplate": "{}", "InputPathsMap": {f"v{n}": "$.a" for n in range(101)}}},
            "inputTransformer.inputPathsMap",
            "Member must have length less than or equal to 100",
        ),
        (
            {"InputTransformer": {"InputTemplate": "{}", "InputPathsMap": []}},
            "inputTransformer.inputPathsMap",
            "Member must be a map",
        ),
        (
            {"InputTransformer": {"InputTemplate": "{}", "InputPathsMap": {"a": "$." + "a" * 255}}},
            "inputTransformer.inputPathsMap",
            "Map value must satisfy constraint: [Member must have length less than or equal to 256]",
        ),
    ],
)
def test_what_the_model_does_not_take_is_told_as_the_service_does(settings, place, rule):
    """B33, B37, B40."""
    message = refused(**settings)
    assert message.startswith(
        "1 validation error detected: Value '" if rule != "Member must not be null" else "1 valid"
    )
    assert message.endswith(f" at '{AT}{place}' failed to satisfy constraint: {rule}")


@pytest.mark.parametrize("name", ["", "a b", "a.b", "é", "n" * 257, "a\n"])
def test_names_of_variables_have_letters_digits_dashes_and_underscores(name):
    """B40."""
    transformer = {"InputTemplate": "{}", "InputPathsMap": {name: "$.a"}}
    assert f"'{AT}inputTransformer.inputPathsMap' failed to satisfy constraint: Map keys" in refused(
        InputTransformer=transformer
    )


def test_the_bounds_themselves_are_taken():
    names = {"n" * 256: "$." + "a" * 254, **{f"v{n}": "$.a" for n in range(99)}}
    transformer = {"InputTemplate": '"' + "x" * 8190 + '"', "InputPathsMap": names}
    assert payload(InputTransformer=transformer) == transformer["InputTemplate"]
    assert payload(Input='"' + "x" * 8190 + '"')


def test_several_violations_are_one_sentence_each_with_the_targets_place():
    """B33."""
    target = {"Id": "t", "Input": 1, "InputPath": "$" * 300}
    assert [sentence.split(" at ")[1].split(" ")[0] for sentence in input_violations(target, 3)] == [
        "'targets.3.member.input'",
        "'targets.3.member.inputPath'",
    ]
    assert refused(Input=1, InputPath="$" * 300).startswith("2 validation errors detected: Value '1' at ")
