"""`afterbay dev TEMPLATE` as a program: real templates and our examples are up, deliver, or are refused in one line."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import boto3
import pytest
from botocore.config import Config

from integration.forked import launch
from integration.serving import READY, REGION, WAIT_S, afterbay, environment

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "tests/data/templates"
EXAMPLES = ROOT / "examples"
CDK = sorted(TEMPLATES.glob("cdk/*/*.template.json"))
_T = TypeVar("_T")


class Up:
    """A template that is up: its log, and clients."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log
        self._made: dict[str, object] = {}

    @property
    def log(self) -> str:
        return self._log.read_text()

    def client(self, service: str, region: str = REGION):
        if service not in self._made:
            session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="y", region_name=region)
            self._made[service] = session.client(
                service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1})
            )
        return self._made[service]

    def until(self, condition: Callable[[], _T], what: str) -> _T:
        end = time.monotonic() + WAIT_S
        while not (found := condition()):
            assert time.monotonic() < end, f"{what}\n{self.log[-3000:]}"
            time.sleep(0.02)  # another process's doings have no event to wait for
        return found

    def settled(self, count: int) -> list[dict]:
        """The mappings, once each is Enabled or Disabled."""

        def mappings() -> list[dict]:
            found = self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
            return found if {one["State"] for one in found} <= {"Enabled", "Disabled"} else []

        found = self.until(mappings, "the mappings are settled")
        assert len(found) == count
        return found

    def tables(self) -> list[str]:
        return self.client("dynamodb").list_tables()["TableNames"]

    def queues(self) -> list[str]:
        return [one.rpartition("/")[2] for one in self.client("sqs").list_queues().get("QueueUrls", [])]

    def close(self) -> None:
        for client in self._made.values():
            client.close()


@contextmanager
def up(folder: Path, template: Path, *words: str) -> Iterator[Up]:
    """``afterbay dev`` of a template until the block ends; it must end with 0."""
    log = folder / "dev.log"
    with log.open("wb") as stderr:
        words = ("dev", str(template), "--port", "0", *words)
        process = launch(*words, env=environment(), stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        end = time.monotonic() + WAIT_S
        while not (found := READY.search(log.read_text())):
            assert process.poll() is None and time.monotonic() < end, log.read_text()[-3000:]
            time.sleep(0.02)
        one = Up(found[1], log)
        yield one
        one.close()
    finally:
        process.terminate()
        assert process.wait(WAIT_S) == 0, log.read_text()[-3000:]


def order(customer: str, number: str, total: str, **more: str) -> dict:
    given = {"customer": customer, "order": number, **more}
    return {**{name: {"S": value} for name, value in given.items()}, "total": {"N": total}}


def test_a_sam_template_is_up_and_its_mapping_delivers(tmp_path):
    with up(tmp_path, TEMPLATES / "sam-orders/template.yaml") as one:
        mappings = {one["MaximumRetryAttempts"]: one for one in one.settled(2)}
        project, totals = mappings[3], mappings[2]
        assert (project["State"], totals["State"]) == ("Enabled", "Disabled")
        assert project["ParallelizationFactor"] == 2 and totals["TumblingWindowInSeconds"] == 60
        assert project["DestinationConfig"]["OnFailure"]["Destination"].endswith(":orders-failed-dev")
        alarms = one.client("cloudwatch").describe_alarms()["MetricAlarms"]
        assert [alarm["MetricName"] for alarm in alarms] == ["IteratorAge"]
        (copy,) = set(one.tables()) - {"orders-dev"}
        dynamodb = one.client("dynamodb")
        dynamodb.put_item(TableName="orders-dev", Item=order("ann", "1", "12.5", status="PLACED"))
        found = one.until(lambda: dynamodb.scan(TableName=copy)["Items"], "the copy has the order")
        assert found == [{"id": {"S": "ann#1"}, "status": {"S": "PLACED"}, "total": {"N": "12.5"}}]
        assert "without effect here: AWS::IAM::Role: ProjectRole, TotalsRole" in one.log
        assert "template.yaml:152: left out: LettersWaiting: condition IsProd is false" in one.log


def test_a_parameter_decides_what_is_made(tmp_path):
    with up(tmp_path, TEMPLATES / "sam-orders/template.yaml", "--param", "Stage=prod") as one:
        assert "orders-prod" in one.tables() and "orders-failed-prod" in one.queues()
        assert {mapping["State"] for mapping in one.settled(2)} == {"Enabled"}
        alarms = one.client("cloudwatch").describe_alarms()["MetricAlarms"]
        assert {alarm["MetricName"] for alarm in alarms} == {"IteratorAge", "ApproximateNumberOfMessagesVisible"}


@pytest.mark.parametrize("file", CDK, ids=lambda file: file.parent.name)
def test_what_the_cdk_synthesised_is_up(tmp_path, file):
    kinds = [one["Type"] for one in json.loads(file.read_text())["Resources"].values()]
    with up(tmp_path, file, "--skip-unknown") as one:
        tables = kinds.count("AWS::DynamoDB::Table") + kinds.count("AWS::DynamoDB::GlobalTable")
        assert len(one.tables()) == tables and len(one.queues()) == kinds.count("AWS::SQS::Queue")
        assert len(one.client("sns").list_topics()["Topics"]) == kinds.count("AWS::SNS::Topic")
        functions = {found["FunctionName"] for found in one.client("lambda").list_functions()["Functions"]}
        skipped = re.findall(r" skipped: (\w+) \(AWS::Lambda::Function\)", one.log)
        assert len(functions) + len(skipped) == kinds.count("AWS::Lambda::Function")
        assert len(one.client("pipes").list_pipes()["Pipes"]) == kinds.count("AWS::Pipes::Pipe")
        events = one.client("events")
        buses = [found["Name"] for found in events.list_event_buses()["EventBuses"]]
        assert len(buses) == kinds.count("AWS::Events::EventBus") + 1
        rules = [found for bus in buses for found in events.list_rules(EventBusName=bus)["Rules"]]
        assert len(rules) == kinds.count("AWS::Events::Rule")


def test_a_node_templates_tables_queues_and_topics_are_up(tmp_path):
    with up(tmp_path, TEMPLATES / "sam-node/template.yaml", "--skip-unknown", "--param", "Prefix=p") as one:
        assert one.tables() == [f"p-{REGION}"] and len(one.queues()) == 1


def test_a_terraform_plan_is_up_and_its_mapping_calls_its_function(tmp_path):
    with up(tmp_path, TEMPLATES / "terraform-orders/plan.json", "--skip-unknown") as one:
        assert sorted(one.queues()) == [
            "orders-failed-mapping",
            "orders-failed-pipe",
            "orders-failed-rule",
            "orders-work",
        ]
        mappings = one.client("lambda").list_event_source_mappings(FunctionName="orders-project-dev")
        (streams,) = [m for m in mappings["EventSourceMappings"] if ":dynamodb:" in m["EventSourceArn"]]
        assert streams["MaximumRetryAttempts"] == 5
        one.until(
            lambda: one.client("lambda").get_event_source_mapping(UUID=streams["UUID"])["State"] == "Enabled", "enabled"
        )
        one.client("dynamodb").put_item(TableName="orders-dev", Item=order("ann", "1", "1", status="PLACED"))
        logs = one.client("logs")

        def called() -> bool:
            groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/orders-project-dev")["logGroups"]
            if not groups:
                return False
            events = logs.filter_log_events(logGroupName="/aws/lambda/orders-project-dev")["events"]
            return any("INSERT" in event["message"] for event in events)

        one.until(called, "the function printed the record")


@pytest.mark.parametrize(("file", "mappings"), [("sam-python/template.yaml", 1), ("terraform-python/plan.json", 1)])
def test_an_example_is_up_and_does_what_it_says(tmp_path, file, mappings):
    with up(tmp_path, EXAMPLES / file) as one:
        one.settled(mappings)
        dynamodb, sqs = one.client("dynamodb"), one.client("sqs")
        for number, total in (("1", "5"), ("2", "-1"), ("3", "7")):
            dynamodb.put_item(TableName="orders-dev", Item=order("ann", number, total))
        key = {"customer": {"S": "ann"}}

        def orders() -> list[str]:
            return sorted(
                dynamodb.get_item(TableName="customers-dev", Key=key).get("Item", {}).get("orders", {}).get("SS", [])
            )

        one.until(lambda: orders() == ["1", "3"], "the good orders are counted")
        url = sqs.get_queue_url(QueueName="letters-dev")["QueueUrl"]
        one.until(lambda: "Messages" in sqs.receive_message(QueueUrl=url), "the poison order has its letter")


def test_one_function_is_behind_a_table_a_queue_and_a_kinesis_stream(tmp_path):
    with up(tmp_path, EXAMPLES / "mixed/template.yaml") as one:
        one.settled(3)
        dynamodb, sqs = one.client("dynamodb"), one.client("sqs")
        dynamodb.put_item(TableName="orders", Item={"order": {"S": "1"}})
        sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="jobs")["QueueUrl"], MessageBody="2")
        one.client("kinesis").put_record(StreamName="clicks", Data=b"3", PartitionKey="p")

        def seen() -> set[str]:
            return {item["id"]["S"] for item in dynamodb.scan(TableName="seen")["Items"]}

        one.until(lambda: seen() == {"order 1", "job 2", "click 3"}, "each source called the function")


LAKE = """\
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Objects: {Type: AWS::S3::Bucket, Properties: {BucketName: lake}}
  Lake:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      ExtendedS3DestinationConfiguration: {BucketARN: !GetAtt Objects.Arn, Prefix: orders/}
  Shipped:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: arn:aws:iam::000000000000:role/any
      Source: !GetAtt Orders.StreamArn
      SourceParameters: {DynamoDBStreamParameters: {StartingPosition: TRIM_HORIZON}}
      Target: !GetAtt Lake.Arn
      TargetParameters: {InputTemplate: '{"id": <$.dynamodb.Keys.pk.S>}'}
"""


def test_a_pipe_writes_to_the_delivery_stream_of_its_template(tmp_path):
    (tmp_path / "lake.yaml").write_text(LAKE)
    with up(tmp_path, tmp_path / "lake.yaml") as address:
        address.client("dynamodb").put_item(TableName="orders", Item={"pk": {"S": "a"}})
        s3 = address.client("s3")
        listed = address.until(lambda: s3.list_objects_v2(Bucket="lake", Prefix="orders/").get("Contents"), "an object")
        body = s3.get_object(Bucket="lake", Key=listed[0]["Key"])["Body"]
        assert body.read() == b'{"id": "a"}'
        body.close()


def test_resources_go_to_the_region_that_is_named_and_have_its_partition(tmp_path):
    with up(tmp_path, EXAMPLES / "sam-python/template.yaml", "--region", "cn-north-1") as one:
        assert sorted(one.client("dynamodb", "cn-north-1").list_tables()["TableNames"]) == [
            "customers-dev",
            "orders-dev",
        ]
        functions = one.client("lambda", "cn-north-1")
        (mapping, *_) = functions.list_event_source_mappings()["EventSourceMappings"]
        (function, *_) = functions.list_functions()["Functions"]
        (bus, *_) = one.client("events", "cn-north-1").list_event_buses()["EventBuses"]
        arns = [
            *(mapping[name] for name in ("EventSourceArn", "FunctionArn", "EventSourceMappingArn")),
            *(function[name] for name in ("FunctionArn", "Role")),
            bus["Arn"],
        ]
        assert {arn.split(":")[1] for arn in arns} == {"aws-cn"}
        assert functions.get_function(FunctionName=function["FunctionArn"])["Configuration"]["State"] == "Active"


WRONG = {
    "a misspelt property": (
        "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueNmae: q\n",
        ["template.yaml:5: Q has no QueueNmae (did you mean QueueName?)"],
    ),
    "parameters without a value": (
        "Parameters:\n  A: {Type: String}\n  B: {Type: String}\nResources: {}\n",
        ["template.yaml:2: 2 parameters have no default: A, B", "--param A=... --param B=..."],
    ),
    "no YAML": ("Resources: [\n", ["template.yaml:2: this is not YAML"]),
    "what the address refuses": (
        "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Runtime: cobol85\n"
        "      Handler: a.b\n      Role: r\n      Code: {ZipFile: x}\n",
        ["template.yaml:2: F (AWS::Lambda::Function): ", "cobol85"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_template_is_refused_in_one_line(tmp_path, case):
    text, words = WRONG[case]
    (tmp_path / "template.yaml").write_text(text)
    done = afterbay("dev", str(tmp_path / "template.yaml"), "--port", "0")
    assert done.returncode == 2 and done.stdout == ""
    (line,) = [one for one in done.stderr.splitlines() if not one.startswith("{")]
    assert all(word in line for word in words), line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere.yaml",), "nowhere.yaml: there is no such file"),
        (("--param", "A=b"), "are for a template"),
        ((str(EXAMPLES / "sam-python/template.yaml"), "--param", "Stage"), "is no NAME=VALUE"),
        ((str(EXAMPLES / "sam-python/template.yaml"), "--param", "Stag=x"), "did you mean Stage?"),
    ],
)
def test_misuse_is_told_in_one_line(words, told):
    done = afterbay("dev", *words, "--port", "0")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and told in done.stderr
