"""A template on an address that has it already, as after a restart with the same state: nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.credentials import Credentials

from afterbay.aws.client import Aws, AwsSettings
from afterbay.declaration.template import Template
from afterbay.endpoint.local import LocalAddress
from afterbay.errors import SettingsError
from afterbay.manifest.assemble import assemble
from afterbay.manifest.load import load

REGION = "eu-west-1"
FILE = Path(__file__).parents[2] / "examples/sam-python/template.yaml"
PASSING = ("LastModified", "LastProcessingResult", "State", "StateTransitionReason")
ITEM = {"customer": {"S": "ann"}, "order": {"S": "1"}, "total": {"N": "1"}}


TWICE = """\
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: KEY, AttributeType: S}]
      KeySchema: [{AttributeName: KEY, KeyType: HASH}]TABLE
  Copies:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: copies
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: KEYS_ONLY}
  Failed: {Type: AWS::SQS::Queue, Properties: {QueueName: failed}}
  Work: {Type: AWS::SQS::Queue, Properties: {QueueName: workQUEUE}}
  News: {Type: AWS::SNS::Topic, Properties: {TopicName: news}}
  Heard:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref News, Protocol: sqs, Endpoint: !GetAtt Failed.ArnHEARD}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: shop}}
  Shipped:
    Type: AWS::Pipes::Pipe
    Properties:
      Name: shipped
      RoleArn: arn:aws:iam::000000000000:role/any
      Source: !GetAtt Work.Arn
      Target: !GetAtt Bus.ArnPIPE
  Worker:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: worker
      Runtime: python3.11
      Handler: index.handler
      Role: arn:aws:iam::000000000000:role/any
      Code: {ZipFile: "def handler(event, context): pass"}WORKER
  Changes:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Worker
      EventSourceArn: !GetAtt Copies.StreamArn
      StartingPosition: TRIM_HORIZONMAPPING
"""
MORE = {
    "TABLE": """
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}""",
    "QUEUE": ", VisibilityTimeout: 77, RedrivePolicy: {deadLetterTargetArn: !GetAtt Failed.Arn, maxReceiveCount: 2}",
    "HEARD": ", RawMessageDelivery: true, FilterPolicy: {kind: [shipped]}",
    "PIPE": """
      Description: of orders
      SourceParameters:
        SqsQueueParameters: {BatchSize: 3}
        FilterCriteria: {Filters: [{Pattern: '{"body": ["x"]}'}]}
      TargetParameters: {InputTemplate: '{"a": 1}'}""",
    "WORKER": """
      MemorySize: 300
      Timeout: 9
      ReservedConcurrentExecutions: 2
      Environment: {Variables: {MODE: fast}}""",
    "MAPPING": """
      BatchSize: 7
      MaximumRetryAttempts: 2
      FunctionResponseTypes: [ReportBatchItemFailures]
      FilterCriteria: {Filters: [{Pattern: '{"eventName": ["INSERT"]}'}]}
      DestinationConfig: {OnFailure: {Destination: !GetAtt Failed.Arn}}""",
}


def twice(folder: Path, *more: str, key: str = "pk") -> Template:
    text = TWICE.replace("KEY,", f"{key},")
    for name, said in MORE.items():
        text = text.replace(name, said if name in more else "", 1)
    file = folder / "shop.yaml"
    file.write_text(text)
    return load(file, region=REGION)


async def test_what_a_template_says_no_more_is_taken_away_and_what_a_table_cannot_change_is_told(tmp_path):
    async with LocalAddress("127.0.0.1", 0) as local:
        aws = Aws(AwsSettings(endpoint_url=local.url, region=REGION, credentials=Credentials("test", "test")))

        async def settings() -> list[dict[str, object]]:
            """Of the queue, the subscription, the pipe, the function and the mapping, without what always differs."""
            url = (await aws.call("sqs", "get_queue_url", QueueName="work"))["QueueUrl"]
            queue = (await aws.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"]))["Attributes"]
            (heard,) = (await aws.call("sns", "list_subscriptions"))["Subscriptions"]
            arn = heard["SubscriptionArn"]
            topic = (await aws.call("sns", "get_subscription_attributes", SubscriptionArn=arn))["Attributes"]
            pipe = await aws.call("pipes", "describe_pipe", Name="shipped")
            function = await aws.call("lambda", "get_function", FunctionName="worker")
            told = {**function["Configuration"], "Reserved": function.get("Concurrency")}
            (mapping,) = (await aws.call("lambda", "list_event_source_mappings"))["EventSourceMappings"]
            return [
                {name: queue.get(name) for name in ("VisibilityTimeout", "RedrivePolicy")},
                {name: topic.get(name) or "{}" for name in ("RawMessageDelivery", "FilterPolicy")},
                {name: pipe.get(name) for name in ("Description", "SourceParameters")},
                {"InputTemplate": (pipe.get("TargetParameters") or {}).get("InputTemplate")},
                {name: told.get(name) for name in ("MemorySize", "Timeout", "Reserved")},
                told.get("Environment", {}).get("Variables") or {},
                {name: value for name, value in mapping.items() if name not in PASSING},
            ]

        try:
            await assemble(twice(tmp_path), tmp_path, aws)
            bare = await settings()
            await assemble(twice(tmp_path, *MORE), tmp_path, aws)
            full = await settings()
            assert all(one != other for one, other in zip(bare, full, strict=True))
            table = (await aws.call("dynamodb", "describe_table", TableName="orders"))["Table"]
            assert table["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
            expiry = (await aws.call("dynamodb", "describe_time_to_live", TableName="orders"))["TimeToLiveDescription"]
            assert expiry["AttributeName"] == "expires"
            again = await assemble(twice(tmp_path), tmp_path, aws)
            assert await settings() == bare
            kept = [line for line in again.lines() if "as it was in the state: Orders" in line]
            assert len(kept) == 2
            assert "StreamSpecification: NEW_IMAGE, and the template has none: to have that, delete" in kept[0]
            with pytest.raises(SettingsError, match=r"Orders .*with the key pk \(S\), the template with id \(S\)"):
                await assemble(twice(tmp_path, key="id"), tmp_path, aws)
        finally:
            aws.close()


async def test_what_is_there_stays_and_is_brought_up_to_date():
    template = load(FILE, region=REGION)
    async with LocalAddress("127.0.0.1", 0) as local:
        aws = Aws(AwsSettings(endpoint_url=local.url, region=REGION, credentials=Credentials("test", "test")))
        try:
            first = await assemble(template, FILE.parent, aws)
            table = await aws.call("dynamodb", "describe_table", TableName="orders-dev")
            (mapping,) = (await aws.call("lambda", "list_event_source_mappings"))["EventSourceMappings"]
            await aws.call("dynamodb", "put_item", TableName="orders-dev", Item=ITEM)
            again = await assemble(template, FILE.parent, aws)
            assert list(again.lines()) == list(first.lines())
            (same,) = (await aws.call("lambda", "list_event_source_mappings"))["EventSourceMappings"]
            assert same["UUID"] == mapping["UUID"] and same["MaximumRetryAttempts"] == 2
            after = await aws.call("dynamodb", "describe_table", TableName="orders-dev")
            assert after["Table"]["LatestStreamArn"] == table["Table"]["LatestStreamArn"]
            assert (await aws.call("dynamodb", "scan", TableName="orders-dev"))["Count"] == 1
        finally:
            aws.close()
