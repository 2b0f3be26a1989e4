"""``afterbay.testing``, as people's own projects use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import boto3
import pytest

from afterbay.testing import Address, AddressError, address, eventually
from integration.serving import zipped

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Name: {Type: String}}
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Ref Name
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
"""


def test_a_template_is_up_inside_the_block_and_gone_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with address(template, parameters={"Name": "orders"}, region="eu-west-1") as aws:
        monkeypatch.delenv("AWS_PROFILE")
        dynamodb = aws.client("dynamodb")
        assert dynamodb is aws.client("dynamodb") and dynamodb.list_tables()["TableNames"] == ["orders"]
        stream = dynamodb.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
        assert ":eu-west-1:" in stream and aws.status()["mappings"] == []
        shards = aws.client("dynamodbstreams").describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        left, right = aws.split(stream, shards[0]["ShardId"])
        (child,) = aws.roll(stream, left)
        assert len({left, right, child}) == 3
        before = aws.client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]["date"]
        aws.advance(3 * 86_400)
        assert aws.client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]["date"][:16] != before[:16]
        aws.fail("dynamodb", "ListTables", "InternalServerError")
        aws.stop_failing()
        assert dynamodb.list_tables()["TableNames"] == ["orders"]
        with pytest.raises(AddressError, match=r"POST /_afterbay/streams/split answered 4\d\d"):
            aws.split(stream, "nothing")
        aws.reset()
        assert dynamodb.list_tables()["TableNames"] == [] and "AWS_ENDPOINT_URL" in aws.log()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in aws.environment.items():
                patch.setenv(name, value)
            own = boto3.client("sqs")
            url = own.create_queue(QueueName="q")["QueueUrl"]
            own.close()
        assert url.startswith(aws.url)
    with pytest.raises(AssertionError, match="the last value was None"):
        eventually(lambda: None, within_s=0)


def test_a_template_that_is_refused_says_what_the_address_said(tmp_path: Path) -> None:
    with pytest.raises(AddressError, match=r"(?s)ended with 2.*nowhere\.yaml"), address(tmp_path / "nowhere.yaml"):
        raise AssertionError("it did start")


def test_the_fixtures_serve_a_project_of_its_own(tmp_path: Path) -> None:
    files = {
        "template.yaml": TEMPLATE.replace("!Ref Name", "orders").replace("Parameters: {Name: {Type: String}}", ""),
        "pytest.ini": "[pytest]\nafterbay_template = template.yaml\n",
        "conftest.py": 'pytest_plugins = ["afterbay.testing.fixtures"]\n',
        "test_own.py": textwrap.dedent("""
            import afterbay
            import boto3
            from afterbay.testing import change, eventually, items, replay, stream_event

            def test_the_table_is_there(afterbay_address):
                assert afterbay_address.client("dynamodb").list_tables()["TableNames"] == ["orders"]

            def test_own_clients_reach_it(afterbay_environment):
                assert boto3.client("dynamodb").list_tables()["TableNames"] == ["orders"]
                assert eventually(lambda: 7) == 7

            def test_a_sink_of_its_own(afterbay_sink):
                replay(stream_event(change(new={"pk": "a"})), afterbay.into(afterbay.sink(str(afterbay_sink))))
                assert items(afterbay_sink) == [{"pk": "a"}]
        """),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    clean = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert "3 passed" in done.stdout, done.stdout + done.stderr


ALIASED = """
import os
def handler(event, context):
    if os.environ.get("FAIL"):
        raise ValueError(context.invoked_function_arn)
"""


@pytest.fixture(scope="module")
def aws():
    with address(region="eu-west-1") as running:
        yield running


def orders(aws: Address, name: str) -> str:
    made = aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    return made["TableDescription"]["LatestStreamArn"]


def make(aws: Address, name: str, **more: object) -> None:
    aws.client("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handler", Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": zipped(app=ALIASED)}, **more,
    )  # fmt: skip


def letter_of(aws: Address, queue: str) -> dict:
    def received():
        return aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")

    return json.loads(eventually(received)[0]["Body"])


def test_a_mapping_on_an_alias_runs_its_version_and_the_letter_says_which(aws: Address) -> None:
    stream = orders(aws, "aliased")
    make(aws, "aliased", Publish=True, Environment={"Variables": {"FAIL": "1"}})
    functions, sqs = aws.client("lambda"), aws.client("sqs")
    alias = functions.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1")["AliasArn"]
    functions.update_function_configuration(FunctionName="aliased", Environment={"Variables": {}})
    queue = sqs.create_queue(QueueName="aliased-failed")["QueueUrl"]
    mapping = functions.create_event_source_mapping(
        FunctionName="aliased:live",
        EventSourceArn=stream,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:000000000000:aliased-failed"}},
    )
    assert mapping["FunctionArn"] == alias
    aws.client("dynamodb").put_item(TableName="aliased", Item={"pk": {"S": "a"}})
    letter = letter_of(aws, queue)
    assert letter["requestContext"]["functionArn"] == alias
    assert letter["responseContext"]["executedVersion"] == "1"


def test_what_is_throttled_by_its_reserve_costs_no_attempt(aws: Address) -> None:
    stream = orders(aws, "reserved")
    make(aws, "reserved", Environment={"Variables": {"FAIL": "1"}})
    functions, sqs = aws.client("lambda"), aws.client("sqs")
    functions.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=0)
    queue = sqs.create_queue(QueueName="reserved-failed")["QueueUrl"]
    functions.create_event_source_mapping(
        FunctionName="reserved",
        EventSourceArn=stream,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:000000000000:reserved-failed"}},
    )
    aws.client("dynamodb").put_item(TableName="reserved", Item={"pk": {"S": "a"}})

    def throttled() -> bool:
        found = aws.client("cloudwatch").list_metrics(Namespace="AWS/Lambda", MetricName="Throttles")["Metrics"]
        return any({"Name": "FunctionName", "Value": "reserved"} in one["Dimensions"] for one in found)

    eventually(throttled)
    functions.delete_function_concurrency(FunctionName="reserved")
    aws.advance(120)  # past the back-off
    letter = letter_of(aws, queue)
    assert letter["requestContext"]["approximateInvokeCount"] == 1
