"""``afterbay verify drill`` on a template: a guarded pipeline holds what it promises, one without is found out."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from afterbay.cli.main import app

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.11, Timeout: 10, CodeUri: src/}
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties: &table
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
  Copy: {Type: AWS::DynamoDB::Table, Properties: *table}
  Visits: {Type: AWS::DynamoDB::Table, Properties: *table}
  Counts: {Type: AWS::DynamoDB::Table, Properties: *table}
  Failed: {Type: AWS::SQS::Queue}
  Guarded:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: guarded
      Handler: app.guarded
      Environment: {Variables: {COPY: !Ref Copy}}
      Events:
        Changes:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Orders.StreamArn
            StartingPosition: LATEST
            BisectBatchOnFunctionError: true
            MaximumRetryAttempts: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Failed.Arn}}
  Counting:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: counting
      Handler: app.counting
      Environment: {Variables: {COUNTS: !Ref Counts}}
      Events:
        Changes:
          Type: DynamoDB
          Properties: {Stream: !GetAtt Visits.StreamArn, StartingPosition: TRIM_HORIZON}
"""

CODE = """
import os
import boto3
import afterbay

copy = afterbay.into(afterbay.sink("dynamodb://" + os.environ.get("COPY", "none")))


def guarded(event, context):
    return copy(event, context)


def counting(event, context):
    for record in event["Records"]:
        boto3.client("dynamodb").update_item(
            TableName=os.environ["COUNTS"],
            Key={"pk": record["dynamodb"]["Keys"]["pk"]},
            UpdateExpression="ADD visits :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drill")
    (folder / "src").mkdir()
    (folder / "src" / "app.py").write_text(CODE)
    (folder / "template.yaml").write_text(TEMPLATE)
    done = CliRunner().invoke(app, ["verify", "drill", str(folder / "template.yaml"), "--json"])
    assert done.exit_code == 1, (done.stdout, done.stderr, done.exception)
    return json.loads(done.stdout)


def steps(report, function: str) -> dict[str, dict]:
    (found,) = [one for one in report["mappings"] if one["function"] == function]
    return {step["name"]: step for step in found["steps"]}


def test_a_guarded_pipeline_keeps_every_promise(report):
    told = steps(report, "guarded")
    assert {name: step["verdict"] for name, step in told.items()} == dict.fromkeys(told, "held")
    assert len(told) == 7
    seen = [one["what"] for one in told["trace"]["seen"]]
    assert [what.partition(" ")[0] for what in seen[:4]] == ["INSERT", "read", "function", "it"]
    assert any("table" in what and "is new" in what for what in seen[4:])
    isolated = [one["what"] for one in told["poison: its neighbours arrive"]["seen"]]
    assert any(what.startswith("failed in a batch of") for what in isolated) and "failed alone, 2 time(s)" in isolated
    letter = told["poison: its letter arrives"]["seen"]
    assert "RetryAttemptsExhausted" in letter[0]["what"]


def test_a_counter_that_counts_twice_and_a_shard_that_blocks_are_found_out(report):
    told = steps(report, "counting")
    broken = {name for name, step in told.items() if step["verdict"] == "does not hold"}
    assert broken >= {"replay: the same change", "poison: its neighbours arrive", "poison: the shard recovers"}
    assert "visits changed" in told["replay: the same change"]["why"]
    assert "MaximumRetryAttempts" in told["poison: the shard recovers"]["why"]
    assert report["held"] is False and {one.partition(":")[0] for one in report["broken"]} == {"counting"}
