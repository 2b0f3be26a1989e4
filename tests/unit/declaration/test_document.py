"""Texts to values, with lines: YAML with short tags, JSON, and what is neither."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterbay.declaration.document import read_document
from afterbay.errors import SettingsError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def refused(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read_document(text, "t.yaml")
    return str(caught.value)


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.sampled_from([None, 1, "\t"]))
def test_json_is_read_as_json_reads_it(value, indent):
    assert read_document(json.dumps(value, indent=indent), "t.json").value == value


def test_every_member_of_json_has_its_line():
    document = read_document('{\n "a": {\n  "b": [1,\n   2]},\n "c": 3}', "t.json")
    lines = [document.place(path).line for path in (("a",), ("a", "b"), ("a", "b", 1), ("c",))]
    assert lines == [2, 3, 4, 5]


def test_a_place_that_the_file_does_not_have_is_the_nearest_above_it():
    document = read_document("a:\n  b: 1\n", "t.yaml")
    assert str(document.place(("a", "b", "c", 3))) == "t.yaml:2"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref X", {"Ref": "X"}),
        ("!GetAtt X.Y.Z", {"Fn::GetAtt": ["X", "Y.Z"]}),
        ("!GetAtt [X, Y]", {"Fn::GetAtt": ["X", "Y"]}),
        ("!Sub '${A}-b'", {"Fn::Sub": "${A}-b"}),
        ("!Join ['-', [a, !Ref B]]", {"Fn::Join": ["-", ["a", {"Ref": "B"}]]}),
        ("!If [C, 1, !Ref 'AWS::NoValue']", {"Fn::If": ["C", 1, {"Ref": "AWS::NoValue"}]}),
        ("!Condition C", {"Condition": "C"}),
        ("{Fn::Base64: !Sub x}", {"Fn::Base64": {"Fn::Sub": "x"}}),
    ],
)
def test_a_short_tag_is_its_long_form(text, value):
    assert read_document(f"a: {text}", "t.yaml").value == {"a": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("012345678901", "012345678901"),  # an account, not octal
        ("2012-10-17", "2012-10-17"),
        ("12:30", "12:30"),
        ("0x1F", "0x1F"),
        ("10", 10),
        ("1.5", 1.5),
        (".inf", ".inf"),
        ("true", True),
        ("False", False),
        ("yes", "yes"),  # a boolean where one is wanted
        ("On", "On"),  # may be a condition's name
        ("'yes'", "yes"),
        ("~", None),
        ("", None),
    ],
)
def test_a_scalar_is_a_number_only_where_all_readers_agree(text, value):
    assert read_document(f"a: {text}", "t.yaml").value == {"a": value}


def test_anchors_aliases_and_merges_are_followed():
    text = "base: &base {x: 1, y: 2}\nmore: {<<: *base, y: 3}\nsame: *base\nlist: [*base]\ntwo: {<<: [{y: 9}, *base]}\n"
    value = read_document(text, "t.yaml").value
    assert value["more"] == {"x": 1, "y": 3} and value["same"] == value["list"][0] == {"x": 1, "y": 2}
    assert value["two"] == {"x": 1, "y": 9}


def test_aliases_cannot_blow_a_file_up():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "with its aliases" in refused("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Resources: [\n", ["t.yaml:2", "not YAML"]),
        ("a: 1\nb: {\n  c: 2\n", ["t.yaml:", "not YAML"]),
        ("a: !Reff X", ["t.yaml:1", "!Reff", "!Ref"]),
        ("a: 1\nb: 2\na: 3\n", ["t.yaml:3", "a is there twice", "line 1"]),
        ('{"a": 1,\n "a": 2}', ["t.yaml:2", "a is there twice"]),
        ('{"a": 1,\n "b" 2}', ["t.yaml:2", "not JSON", "':'"]),
        ('{"a": 1} x', ["t.yaml:1", "not JSON"]),
        ("- a\n", ["no template"]),
        ("", ["empty"]),
        ("a: 1\n---\nb: 2\n", ["t.yaml:2"]),
        ("[a]: 1\n", ["a name must be text"]),
        ("a: \x07", ["not YAML"]),
    ],
)
def test_what_is_no_template_is_refused_with_its_line(text, words):
    told = refused(text)
    assert all(word in told for word in words), told


def test_json_that_is_too_deep_is_refused():
    assert "levels deep" in refused('{"a":' * 500 + "1" + "}" * 500)


@pytest.mark.parametrize("text", ["a: {}", '{{"a": {}}}'])
def test_a_whole_number_too_long_for_python_is_no_number(text):
    digits = "9" * 5000
    assert read_document(text.format(digits), "t.yaml").value == {"a": digits}


def test_a_character_that_is_none_is_refused_in_one_line():
    assert "\n" not in refused("a: 1\n\0")


def test_a_yaml_file_may_begin_with_a_brace():
    assert read_document("{a: 1, b: !Ref X}", "t.yaml").value == {"a": 1, "b": {"Ref": "X"}}
