"""The AWS CLI as a real client: the commands that this product started from, as they are written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.serving import REGION, ROLE, WITNESS, Function, Served, child, environment, wait_for, zipped

BIN = Path(sys.executable).parent

SEED = Path(__file__).parents[1] / "data/seed-commands.txt"
COMMANDS = [found[0] for found in re.finditer(r"^aws (?:.*\\\n)*.*", SEED.read_text(), re.MULTILINE)]
"""Every ``aws`` command of the text that this product started from, as it stands there."""

DATE = """#!/bin/sh
# The commands were written where date has -v: what it means, said to the other date.
[ "$2" = -v-15M ] && exec /bin/date -u -d "15 minutes ago" "$3"
exec /bin/date "$@"
"""


def the_command(*words: str) -> str:
    """The first command in which all of ``words`` stand."""
    return next(one for one in COMMANDS if all(word in one for word in words))


class Shell:
    """A shell with ``aws`` on its path; AWS_ENDPOINT_URL is all that points it here."""

    def __init__(self, url: str, shims: Path) -> None:
        path = f"{shims}:{BIN}:/usr/bin:/bin"
        self.variables = environment(url, AWS_PAGER="", AWS_DEFAULT_OUTPUT="json", PATH=path)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", command], env=self.variables, capture_output=True, text=True, timeout=60, check=False
        )

    def aws(self, command: str) -> dict:
        done = self.run(command)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


@pytest.fixture(scope="module")
def shell(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    shims = tmp_path_factory.mktemp("shims")
    (shims / "date").write_text(DATE)
    (shims / "date").chmod(0o755)
    return Shell(served.url, shims)


def test_the_commands_of_the_pipeline_run_word_for_word(served, shell, tmp_path):
    (tmp_path / "function.zip").write_bytes(zipped(app=WITNESS))
    function = Function("orders-cdc-processor", "", tmp_path / "witness")
    function.witness.touch()
    function.plan("ORDER#13")
    shell.aws(
        "aws dynamodb create-table --table-name orders --billing-mode PAY_PER_REQUEST"
        " --attribute-definitions AttributeName=pk,AttributeType=S --key-schema AttributeName=pk,KeyType=HASH"
    )
    table = shell.aws(the_command("update-table"))["TableDescription"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    sqs = f"aws --endpoint-url {served.url} sqs"
    queue = shell.aws(f"{sqs} create-queue --queue-name orders-dlq")["QueueUrl"]
    attributes = shell.aws(f"{sqs} get-queue-attributes --queue-url {queue} --attribute-names QueueArn")["Attributes"]
    made = shell.aws(
        f"aws lambda create-function --function-name orders-cdc-processor --runtime python3.11 --handler app.handler"
        f" --role {ROLE} --zip-file fileb://{tmp_path}/function.zip --timeout 30"
        f" --environment 'Variables={{WITNESS={function.witness}}}'"
    )
    shell.variables |= {"STREAM_ARN": table["LatestStreamArn"], "DLQ_ARN": attributes["QueueArn"]}

    mapping = shell.aws(the_command("create-event-source-mapping"))
    assert mapping["FunctionArn"] == made["FunctionArn"]
    assert mapping["EventSourceArn"] == table["LatestStreamArn"]
    assert (mapping["StartingPosition"], mapping["State"]) == ("LATEST", "Creating")
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (100, 5)
    assert (mapping["ParallelizationFactor"], mapping["MaximumRetryAttempts"]) == (4, 3)
    assert (mapping["MaximumRecordAgeInSeconds"], mapping["BisectBatchOnFunctionError"]) == (3600, True)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": attributes["QueueArn"]}}
    served.settle(mapping["UUID"], "Enabled")

    ship = the_command("update-item", "SHIPPED")
    began_s = time.monotonic()
    shell.aws(ship)
    shell.aws(ship.replace("ORDER#42", "ORDER#13"))
    apart_s = time.monotonic() - began_s  # the first one opens the window, the last one tells the age
    buffered = lambda: sum(one["buffered"] for one in served.status(mapping["UUID"])["shards"])  # noqa: E731
    wait_for(lambda: buffered() == 2 or function.lines(), "both are read")
    served.call("clock", advance_s=6)
    wait_for(function.records, "the order is delivered")
    (change,) = [one["dynamodb"] for one in function.records()]
    assert change["NewImage"] == {"pk": {"S": "ORDER#42"}, "status": {"S": "SHIPPED"}}

    wait_for(lambda: served.call("clock", advance_s=1) is not None and served.messages(queue), "the letter")
    received = shell.aws(f"{sqs} receive-message --queue-url {queue}")["Messages"]
    (letter,) = [json.loads(one["Body"]) for one in received]
    assert letter["requestContext"]["approximateInvokeCount"] == 4
    assert letter["DDBStreamBatchInfo"]["streamArn"] == table["LatestStreamArn"]

    iterator_age = the_command("get-metric-statistics", "IteratorAge")
    points = wait_for(lambda: shell.aws(iterator_age)["Datapoints"], "the age is told")
    assert all(point["Unit"] == "Milliseconds" for point in points)
    assert max(point["Maximum"] for point in points) >= 1000 * (4 - apart_s), "the batching window made it old"

    shell.variables["ESM_UUID"] = mapping["UUID"]
    changed = shell.aws(the_command("update-event-source-mapping"))
    assert (changed["ParallelizationFactor"], changed["MaximumRecordAgeInSeconds"]) == (8, 21600)
    served.settle(mapping["UUID"], "Enabled")
    assert shell.aws('aws lambda get-event-source-mapping --uuid "$ESM_UUID"')["ParallelizationFactor"] == 8


def test_a_refusal_reads_as_awss_own(shell):
    done = shell.run(
        "aws lambda create-event-source-mapping --function-name f --starting-position LATEST --batch-size 10001"
        f" --event-source-arn arn:aws:dynamodb:{REGION}:000000000000:table/t/stream/2026-01-01T00:00:00.000"
    )
    assert done.returncode != 0
    assert "ValidationException" in done.stderr and "Value '10001' at 'batchSize'" in done.stderr


def test_a_stream_is_listed_described_and_read(served, shell):
    table = served.table()
    table.put("k")
    listed = shell.aws(f"aws dynamodbstreams list-streams --table-name {table.name}")["Streams"]
    assert [one["StreamArn"] for one in listed] == [table.stream]
    described = shell.aws(f"aws dynamodbstreams describe-stream --stream-arn {table.stream}")["StreamDescription"]
    iterator = shell.aws(
        f"aws dynamodbstreams get-shard-iterator --stream-arn {table.stream}"
        f" --shard-id {described['Shards'][0]['ShardId']} --shard-iterator-type TRIM_HORIZON"
    )["ShardIterator"]
    records = shell.aws(f"aws dynamodbstreams get-records --shard-iterator '{iterator}'")["Records"]
    assert [one["dynamodb"]["Keys"] for one in records] == [{"pk": {"S": "k"}}]
