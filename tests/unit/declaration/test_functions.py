"""CloudFormation's functions: values, what waits, what is unknown, and refusals with a line."""

from __future__ import annotations

import pytest

from afterbay.declaration.functions import evaluate
from afterbay.declaration.value import Attribute, Call, Unknown, settle
from unit.declaration.reading import properties, read, refusal

HEAD = """
Parameters:
  Stage: {Type: String, Default: dev}
Mappings:
  ByStage: {dev: {Log: DEBUG, Zones: [a, b]}}
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  IsProd: !Not [!Condition IsDev]
  Both: !And [!Condition IsDev, !Condition IsProd]
  Either: !Or [!Condition IsProd, !Condition IsDev]
Resources:
  Other: {Type: AWS::SQS::Queue}
  Q:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: """


def queue_name(text: str, **more: object):
    return properties(read(HEAD + text + "\n", **more), "Q").get("QueueName")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref Stage", "dev"),
        ("!Ref 'AWS::Region'", "eu-west-1"),
        ("!Ref AWS::StackName", "shop"),
        ("!Sub '${Stage}-${AWS::AccountId}'", "dev-000000000000"),
        ("!Sub ['${A}${!B}', {A: !Ref Stage}]", "dev${B}"),
        ("!Join ['-', [a, !Ref Stage, 1, true]]", "a-dev-1-true"),
        ("!Select [1, [a, b]]", "b"),
        ("!Select ['0', !Split ['/', x/y]]", "x"),
        ("!FindInMap [ByStage, !Ref Stage, Log]", "DEBUG"),
        ("!Select [0, !FindInMap [ByStage, dev, Zones]]", "a"),
        ("!FindInMap [ByStage, nowhere, Log, {DefaultValue: none}]", "none"),
        ("!If [IsDev, a, b]", "a"),
        ("!If [IsProd, a, b]", "b"),
        ("!If [Both, a, b]", "b"),
        ("!If [Either, a, b]", "a"),
        ("!If [IsProd, a, !Ref 'AWS::NoValue']", None),
        ("!Base64 a", "YQ=="),
        ("!ToJsonString {a: [1, !Ref Stage]}", '{"a":[1,"dev"]}'),
        ("!Sub 'x-${Other.QueueName}'", Call("Fn::Join", ["", ["x-", Attribute("Other", "QueueName")]])),
        ("!GetAtt Other.QueueName", Attribute("Other", "QueueName")),
        ("!Select [0, [!Ref Stage, !GetAtt Other.Arn]]", "dev"),
        ("!Select [0, !GetAZs '']", "eu-west-1a"),
    ],
)
def test_a_function_has_its_value(text, value):
    assert queue_name(text) == value


def test_an_import_is_what_the_file_of_exports_says():
    assert queue_name("!ImportValue base-queue", exports={"base-queue": "q1"}) == "q1"
    assert queue_name("!ImportValue base-queue") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("!Ref Stgae", "there is no resource or parameter Stgae (did you mean Stage?)"),
        ("!GetAtt Othr.Arn", "there is no resource Othr (did you mean Other?)"),
        ("!GetAtt Other.Arm", "Other has no attribute Arm (did you mean Arn?)"),
        ("!Sub '${Nobody}-x'", "there is no resource or parameter Nobody"),
        ("!Sub '${a b}'", "${a b} is no variable"),
        ("!If [IsDevv, a, b]", "there is no condition IsDevv (did you mean IsDev?)"),
        ("!FindInMap [ByStage, dev, Lgo]", "no Lgo (did you mean Log?)"),
        ("!Select [4, [a]]", "asks for element 4 of a list of 1"),
        ("!Join [a]", "Fn::Join takes a list of two"),
        ("{Fn::Joyn: [a, b]}", "Fn::Joyn is no function of CloudFormation's (did you mean Fn::Join?)"),
        ("{Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://b/k}}}", "AWS::Include"),
        ("!Transform {Name: Shout}", "macros"),
    ],
)
def test_a_wrong_function_is_refused_with_its_line(text, told):
    (line,) = refusal(HEAD + text + "\n")
    assert line.startswith("template.yaml:16: ") and told in line


def test_a_condition_that_depends_on_itself_is_refused():
    text = "Conditions:\n  A: !Condition B\n  B: !Not [!Condition A]\n"
    text += "Resources:\n  Q: {Type: AWS::SQS::Queue, Condition: A}\n"
    assert "depends on itself" in refusal(text)[0]


def test_a_waiting_function_is_carried_out_once_its_parts_exist():
    waiting = evaluate("Fn::Select", [1, evaluate("Fn::Split", [":", Attribute("Q", "Arn")])])
    assert settle(waiting, lambda asked: f"arn:{asked.resource}:x", evaluate) == "Q"


def test_an_unknown_part_makes_a_join_unknown():
    assert evaluate("Fn::Join", ["", ["a", Unknown("why")]]) == Unknown("why")
