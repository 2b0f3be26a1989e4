"""Parameters: given, by default, missing, wrong."""

from __future__ import annotations

import pytest

from afterbay.declaration.template import NoteKind
from unit.declaration.reading import notes, properties, read, refusal

QUEUE = """
Resources:
  Q:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Ref Name}
"""


def named(**members: object) -> str:
    return f"Parameters:\n  Name: {members or '{}'}\n".replace("'", '"').replace("True", "true") + QUEUE


def test_all_parameters_without_a_value_are_asked_for_at_once_with_the_words_to_type():
    text = "Parameters:\n  A: {Type: String}\n  B: {Type: Number}\n  C: {Type: String, Default: c}\n" + QUEUE
    (line,) = refusal(text)
    assert line.startswith("template.yaml:2: 2 parameters have no default: A, B")
    assert "--param A=... --param B=..." in line and "--parameters FILE" in line and "C=" not in line


def test_what_is_given_wins_over_the_default():
    text = named(Type="String", Default="d")
    assert properties(read(text), "Q") == {"QueueName": "d"}
    assert properties(read(text, Name="given"), "Q") == {"QueueName": "given"}


def test_a_parameter_that_the_template_does_not_have_is_refused_with_the_one_meant():
    (line,) = refusal(named(Type="String", Default="d"), Nmae="x")
    assert "there is no parameter Nmae (did you mean Name?)" in line


@pytest.mark.parametrize(
    ("members", "given", "told"),
    [
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "'c' is none of a, b"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "C1", "'C1' does not match [a-z]+"),
        ({"Type": "Number", "MinValue": 2}, "1", "1 is outside its MinValue 2"),
        ({"Type": "Number", "MaxValue": 2}, "3", "3 is outside its MaxValue 2"),
        ({"Type": "Number"}, "many", "must be a number, not 'many'"),
        ({"Type": "String", "MinLength": 3}, "ab", "outside its MinLength 3"),
        ({"Type": "Strng"}, "x", "Strng is no type of parameters (did you mean String?)"),
        ({"Type": "String", "Defualt": "x"}, "x", "Defualt is no member of a parameter (did you mean Default?)"),
        ({}, "x", "has no Type"),
    ],
)
def test_a_wrong_value_or_description_is_refused_with_its_line(members, given, told):
    (line,) = refusal(named(**members), Name=given)
    assert line.startswith("template.yaml:2: parameter Name") and told in line


def test_the_reason_of_the_template_is_told_with_a_refusal():
    (line,) = refusal(named(Type="String", AllowedPattern="[a-z]+", ConstraintDescription="small letters"), Name="X")
    assert line.endswith("(small letters)")


@pytest.mark.parametrize(("default", "told"), [(True, "true"), (10, "10"), (1.5, "1.5"), ("x", "x")])
def test_a_default_that_is_no_text_is_the_text_that_cloudformation_makes(default, told):
    assert properties(read(named(Type="String", Default=default)), "Q") == {"QueueName": told}


def test_a_list_is_split_at_its_commas():
    text = "Parameters:\n  L: {Type: CommaDelimitedList, Default: 'a, b'}\n" + QUEUE.replace(
        "!Ref Name", "!Select [1, !Ref L]"
    )
    assert properties(read(text), "Q") == {"QueueName": "b"}
    assert properties(read(text, L="c,d"), "Q") == {"QueueName": "d"}


def test_what_ssm_holds_is_unknown_and_told_and_the_rest_goes_on():
    text = named(Type="AWS::SSM::Parameter::Value<String>", Default="/shop/name")
    template = read(text)
    assert properties(template, "Q") == {}
    (note,) = notes(template, NoteKind.UNKNOWN)
    assert note.startswith("Q.QueueName left out") and "/shop/name" in note and "--param Name=" in note


def test_a_value_given_for_a_parameter_of_ssm_is_the_value_itself():
    text = named(Type="AWS::SSM::Parameter::Value<String>", Default="/shop/name")
    assert properties(read(text, Name="orders"), "Q") == {"QueueName": "orders"}


def test_a_condition_on_what_ssm_holds_cannot_be_decided_and_says_what_to_give():
    text = named(Type="AWS::SSM::Parameter::Value<String>", Default="/x") + (
        "    Condition: C\nConditions:\n  C: !Equals [!Ref Name, a]\n"
    )
    (line,) = refusal(text)
    assert line.startswith("template.yaml:10") and "cannot be decided" in line and "--param Name=" in line


def test_a_pattern_is_for_each_element_of_a_list_and_no_number_is_python_s_own():
    listed = {"Type": "CommaDelimitedList", "AllowedPattern": "[a-z]"}
    joined = named(**listed).replace("!Ref Name", "!Join ['-', !Ref Name]")
    assert properties(read(joined, Name="a,b"), "Q") == {"QueueName": "a-b"}
    assert "'bc' does not match [a-z]" in refusal(joined, Name="a,bc")[0]
    for text in ("1_000", "nan", "inf", "0x1"):
        assert "must be a number" in refusal(named(Type="Number"), Name=text)[0]
    assert "StringList is no type of parameters" in refusal(named(Type="StringList"), Name="x")[0]


@pytest.mark.parametrize(
    "members",
    [
        {"Type": "String", "AllowedPattern": "[a-z]+"},
        {"Type": "String", "AllowedValues": ["a"]},
        {"Type": "Number", "MinValue": 10_000},
        {"Type": "Number", "MaxValue": 1, "NoEcho": "true"},
    ],
)
def test_a_refusal_does_not_tell_a_value_that_has_no_echo(members):
    (line,) = refusal(named(**{"NoEcho": True, **members}), Name="4242")
    assert line.startswith("template.yaml:2: parameter Name: its value") and "4242" not in line
