"""SAM templates: expanded by AWS's own library, refused with the lines of the file."""

from __future__ import annotations

import pytest

from afterbay.declaration.resources import InlineCode, LocalCode, NoCode
from afterbay.declaration.template import NoteKind
from afterbay.declaration.value import Attribute
from unit.declaration.reading import TABLE, notes, properties, read, refusal, resource

SAM = (
    """
Transform: AWS::Serverless-2016-10-31
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      Events:
        Changes:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Orders.StreamArn
            StartingPosition: LATEST
            BatchSize: 10
"""
    + TABLE
)


def with_events(*lines: str) -> str:
    return SAM.replace("      Events:\n", "      Events:\n" + "".join(f"        {line}\n" for line in lines))


def test_an_event_becomes_a_mapping_with_the_lines_of_the_event():
    template = read(SAM)
    mapping = resource(template, "WorkerChanges")
    assert properties(template, "WorkerChanges")["BatchSize"] == 10
    assert (mapping.source, mapping.function) == (Attribute("Orders", "StreamArn"), Attribute("Worker"))
    assert str(mapping.declared.place) == "template.yaml:11"
    assert str(mapping.declared.place_of("BatchSize")) == "template.yaml:16"
    assert resource(template, "Worker").code == LocalCode("src/")


def test_events_of_queues_and_kinesis_become_mappings():
    text = with_events(
        "Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, BatchSize: 5}}",
        "Clicks: {Type: Kinesis, Properties: {Stream: !GetAtt Clicks.Arn, StartingPosition: LATEST}}",
    )
    text += "  Jobs: {Type: AWS::SQS::Queue}\n  Clicks: {Type: AWS::Kinesis::Stream, Properties: {ShardCount: 1}}\n"
    template = read(text)
    assert resource(template, "WorkerJobs").source == Attribute("Jobs", "Arn")
    assert resource(template, "WorkerClicks").source == Attribute("Clicks", "Arn")


def test_schedules_and_apis_are_listed_as_not_fired():
    text = with_events(
        "Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}",
        "Get: {Type: Api, Properties: {Path: /, Method: get}}",
        "Http: {Type: HttpApi}",
    )
    told = notes(read(text), NoteKind.NOT_FIRED)
    assert {one.split()[0] for one in told} == {"WorkerNightly", "ServerlessRestApi", "ServerlessHttpApi"}
    assert any("rate(1 day)" in one for one in told)


def test_globals_reach_every_function_and_code_under_globals_is_found():
    text = SAM.replace("      CodeUri: src/\n", "").replace(
        "Resources:\n", "Globals:\n  Function: {CodeUri: shared/, Timeout: 33}\nResources:\n", 1
    )
    worker = resource(read(text), "Worker")
    assert worker.code == LocalCode("shared/") and worker.timeout_s == 33


def test_a_code_path_made_by_a_function_is_resolved():
    text = SAM.replace("CodeUri: src/", "CodeUri: !Sub ./${AWS::StackName}")
    assert resource(read(text), "Worker").code == LocalCode("./shop")


def test_inline_code_stays_inline():
    code = resource(read(SAM.replace("CodeUri: src/", "InlineCode: x = 1")), "Worker").code
    assert code == InlineCode("x = 1")


def test_code_in_a_bucket_stays_there():
    code = resource(read(SAM.replace("CodeUri: src/", "CodeUri: s3://bucket/key.zip")), "Worker").code
    assert not isinstance(code, LocalCode | NoCode)


def test_ids_that_exist_only_behind_the_transform_can_be_referred_to():
    text = SAM + "  Q:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: !Ref WorkerRole}\n"
    assert properties(read(text), "Q") == {"QueueName": "shop-WorkerRole"}


def test_an_alias_that_is_published_is_what_the_mapping_calls():
    template = read(SAM.replace("      CodeUri", "      AutoPublishAlias: live\n      CodeUri"))
    assert resource(template, "WorkerChanges").function == Attribute("WorkerAliaslive")
    assert resource(template, "WorkerAliaslive").name == "live"


def test_a_condition_on_a_function_reaches_its_mappings():
    text = SAM.replace("Resources:\n", "Conditions:\n  On: !Equals [a, b]\nResources:\n", 1)
    text = text.replace(
        "    Type: AWS::Serverless::Function\n", "    Type: AWS::Serverless::Function\n    Condition: On\n"
    )
    template = read(text)
    assert [one.declared.id for one in template.resources] == ["Orders"]
    assert {"Worker condition On is false", "WorkerChanges condition On is false"} <= set(
        notes(template, NoteKind.LEFT_OUT)
    )


def test_a_simple_table_is_a_table():
    template = read(SAM + "  Small:\n    Type: AWS::Serverless::SimpleTable\n")
    assert properties(template, "Small")["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]


def test_nulls_do_not_trouble_the_transform():
    text = SAM.replace("Resources:\n", "Globals:\n  Function:\nResources:\n", 1) + "      Tags:\n"
    assert resource(read(text), "Worker").runtime == "python3.11"


def test_the_tags_that_the_transform_adds_are_nobodys():
    assert not any("Tags" in note.subject for note in read(SAM).notes)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (SAM.replace("            BatchSize", "            BatchSice"), 16, ["WorkerChanges", "BatchSice"]),
        (SAM.replace("      Handler", "      Handlr"), 8, ["Worker", "Handlr"]),
        (SAM.replace("AWS::Serverless::Function", "AWS::Serverless::Functoin"), 5, ["Functoin"]),
        (SAM.replace("          Type: DynamoDB", "          Type: DynamoDb"), 11, ["Worker", "DynamoDb"]),
        (SAM.replace("      CodeUri: src/\n", ""), 4, ["Worker", "CodeUri"]),
        (SAM.replace("!GetAtt Orders.StreamArn", "!GetAtt Ordres.StreamArn"), 14, ["Ordres", "Orders"]),
    ],
)
def test_what_the_transform_refuses_is_told_with_its_line(text, line, words):
    (told,) = refusal(text)
    assert told.startswith(f"template.yaml:{line}: ") and all(word in told for word in words), told


def test_a_layers_content_is_found_under_the_id_that_the_transform_makes():
    text = SAM.replace("      CodeUri", "      Layers: [!Ref Deps]\n      CodeUri") + (
        "  Deps: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: deps/}}\n"
    )
    template = read(text)
    (layer,) = [one for one in template.resources if one.declared.kind == "AWS::Lambda::LayerVersion"]
    assert layer.content == LocalCode("deps/")
    assert resource(template, "Worker").layers == (Attribute(layer.declared.id),)


def test_a_container_image_is_refused_and_can_be_skipped():
    text = SAM.replace("      CodeUri: src/\n", "      PackageType: Image\n").replace(
        "      Handler: app.handler\n", ""
    )
    text = text.replace("      Runtime: python3.11\n", "")
    (line,) = refusal(text)
    assert line.startswith("template.yaml:5: Worker: container images are not run")
    assert [one.declared.id for one in read(text, skip_unknown=True).resources] == ["Orders"]


def test_skip_unknown_goes_on_without_what_the_transform_refuses():
    template = read(SAM.replace("            BatchSize", "            BatchSice"), skip_unknown=True)
    assert [one.declared.id for one in template.resources] == ["Orders"]
    (note,) = notes(template, NoteKind.SKIPPED)
    assert "BatchSice" in note


def test_managed_policies_and_policy_templates_are_nobodys_business_here():
    policies = "Policies: [AWSLambdaDynamoDBExecutionRole, SomebodysOwn, {SQSPollerPolicy: {QueueName: q}}]"
    text = SAM.replace("      CodeUri", f"      {policies}\n      CodeUri")
    assert resource(read(text), "Worker").runtime == "python3.11"


def test_a_nested_application_is_refused_and_can_be_skipped():
    text = SAM + "  Inner: {Type: AWS::Serverless::Application, Properties: {Location: ./inner.yaml}}\n"
    assert "a nested application is not read" in refusal(text)[0]
    template = read(text, skip_unknown=True)
    assert {one.declared.id for one in template.resources} == {"Worker", "WorkerChanges", "Orders"}
