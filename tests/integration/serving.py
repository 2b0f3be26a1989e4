"""``afterbay dev`` as a child process, and what tests need beside it: clients, functions that bear witness, letters."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import boto3
from botocore.config import Config

from integration.forked import Process, launch

REGION = "eu-west-1"
ROLE = "arn:aws:iam::000000000000:role/any"
AFTERBAY = (sys.executable, "-m", "afterbay")
"""The program as a user starts it: for tests of that. Others ``launch`` it at less cost."""

READY = re.compile(r"AWS_ENDPOINT_URL=(http://\S+)")
WAIT_S = 30
_T = TypeVar("_T")

WITNESS = '''\
"""Writes every event it gets to a file, and fails as a plan beside the file says."""

import base64
import json
import os
from pathlib import Path


def name_of(one):
    """What the plan calls a record: a table's key, and what Kinesis or a queue carries."""
    if "dynamodb" in one:
        return one["dynamodb"]["Keys"]["pk"]["S"]
    return base64.b64decode(one["kinesis"]["data"]).decode() if "kinesis" in one else one["body"]


def identifier_of(one):
    if "dynamodb" in one:
        return one["dynamodb"]["SequenceNumber"]
    return one["kinesis"]["sequenceNumber"] if "kinesis" in one else one["messageId"]


def handler(event, context):
    file = Path(os.environ["WITNESS"])
    plan = json.loads(file.with_suffix(".plan").read_text())
    failed = sum(json.loads(line)["failed"] for line in file.read_text().splitlines())
    records = event["Records"]
    bad = [one for one in records if name_of(one) in plan["bad"]]
    if failed >= plan["times"]:
        bad = []
    with file.open("a") as out:
        out.write(json.dumps({"id": context.aws_request_id, "records": records, "failed": bool(bad)}) + "\\n")
    if bad and not plan["partial"]:
        raise ValueError("as planned")
    return {"batchItemFailures": [{"itemIdentifier": identifier_of(one)} for one in bad]}
'''


def wait_for(condition: Callable[[], _T], what: str, seconds: float = WAIT_S) -> _T:
    """The first true answer of ``condition``; fails by name when it does not come in time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.01)  # other processes' doings have no event to wait for
    return found


def environment(url: str | None = None, **more: str) -> dict[str, str]:
    """A child's variables: nothing of this machine's settings, any credentials, the address."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AFTERBAY_"))}
    own = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": REGION}
    return {**clean, **own, **({"AWS_ENDPOINT_URL": url} if url else {}), **more}


def afterbay(*words: str, url: str | None = None, seconds: float = 60, **more) -> subprocess.CompletedProcess[str]:
    """A verb that ends by itself."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = launch(*words, env=environment(url), stdout=out, stderr=err, **more)
        try:
            process.wait(seconds)
        finally:
            process.kill()
            process.wait()
        told = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (out, err)]
    return subprocess.CompletedProcess(words, process.returncode, *told)


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return buffer.getvalue()


def unique(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:10]}"


@dataclass
class Function:
    """A function that bears witness, and the plan of its failures."""

    name: str
    arn: str
    witness: Path

    def plan(self, *bad: str, times: int = 1_000_000, partial: bool = False) -> None:
        """Fail each batch that holds one of the keys ``bad``, for the first ``times`` such batches."""
        new = self.witness.with_suffix(".new")
        new.write_text(json.dumps({"bad": bad, "times": times, "partial": partial}))
        new.replace(self.witness.with_suffix(".plan"))  # in one step: the function may be reading

    def lines(self) -> list[dict]:
        text = self.witness.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def batches(self) -> list[list[str]]:
        """The keys of every batch, failed ones too, in the order of the calls."""
        return [[key_of(one) for one in line["records"]] for line in self.lines()]

    def records(self) -> list[dict]:
        """The records of batches that did not fail."""
        return [one for line in self.lines() if not line["failed"] for one in line["records"]]


def key_of(record: dict) -> str:
    """A table's key, or what Kinesis or a queue carries."""
    if "dynamodb" in record:
        return record["dynamodb"]["Keys"]["pk"]["S"]
    return base64.b64decode(record["kinesis"]["data"]).decode() if "kinesis" in record else record["body"]


class Served:
    """A running address: its URL, its process, AWS's clients on it, and makers of what a test needs."""

    def __init__(self, url: str, process: Process, log: Path) -> None:
        self.url = url
        self.process = process
        self.log = log
        self._clients: dict[str, object] = {}
        self._close = ExitStack()

    def client(self, service: str):
        if service not in self._clients:
            session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="y", region_name=REGION)
            config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
            made = session.client(service, endpoint_url=self.url, config=config)
            self._close.callback(made.close)
            self._clients[service] = made
        return self._clients[service]

    def close(self) -> None:
        self._close.close()

    def call(self, path: str, method: str = "POST", **body: object) -> dict:
        """One of the address's own calls, which must succeed."""
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self.url}/_afterbay/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def table(self, view: str = "NEW_AND_OLD_IMAGES") -> Table:
        name = unique("t")
        made = self.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
        )
        return Table(self, name, made["TableDescription"]["LatestStreamArn"])

    def function(self, folder: Path) -> Function:
        name = unique("f")
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="app.handler",
            Role=ROLE,
            Code={"ZipFile": zipped(app=WITNESS)},
            Timeout=30,
            Environment={"Variables": {"WITNESS": str(folder / name)}},
        )
        function = Function(name, made["FunctionArn"], folder / name)
        function.witness.touch()
        function.plan()
        return function

    def queue(self) -> tuple[str, str]:
        """A queue's URL and ARN."""
        name = unique("q")
        url = self.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:000000000000:{name}"

    def messages(self, queue: str) -> list[dict]:
        """What is in the queue now, as JSON; it is left there."""
        got = self.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(one["Body"]) for one in got.get("Messages", [])]

    def state(self, mapping: str) -> dict | None:
        """The mapping as the API shows it; None once it is gone."""
        client = self.client("lambda")
        try:
            return client.get_event_source_mapping(UUID=mapping)
        except client.exceptions.ResourceNotFoundException:
            return None

    def settle(self, mapping: str, state: str) -> None:
        wait_for(lambda: (self.state(mapping) or {}).get("State") == state, f"the mapping is {state}")

    def status(self, mapping: str) -> dict:
        (found,) = [one for one in self.call("status", "GET")["mappings"] if one["uuid"] == mapping]
        return found


class Table:
    """A table of one shard with a key ``pk``."""

    def __init__(self, served: Served, name: str, stream: str) -> None:
        self.served = served
        self.name = name
        self.stream = stream

    def put(self, *keys: str, n: int = 0) -> None:
        for key in keys:
            self.served.client("dynamodb").put_item(TableName=self.name, Item={"pk": {"S": key}, "n": {"N": str(n)}})

    def shards(self) -> list[str]:
        description = self.served.client("dynamodbstreams").describe_stream(StreamArn=self.stream)
        return [one["ShardId"] for one in description["StreamDescription"]["Shards"]]


@contextmanager
def child(folder: Path, *words: str) -> Iterator[Served]:
    """``afterbay dev`` on a free port until the block ends; it must end with 0. ``words`` are further options."""
    log = folder / f"{unique('dev')}.log"
    with log.open("wb") as stderr:
        process = launch("dev", "--port", "0", *words, env=environment(), stdout=subprocess.DEVNULL, stderr=stderr)

    def ready() -> re.Match[str] | None:
        assert process.poll() is None, log.read_text()[-2000:]
        return READY.search(log.read_text())

    try:
        served = Served(wait_for(ready, "the address is ready")[1], process, log)
        try:
            yield served
        finally:
            served.close()
    finally:
        process.terminate()
        assert process.wait(WAIT_S) == 0, log.read_text()[-2000:]
