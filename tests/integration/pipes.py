"""A running address with makers of pipes and of what stands at their ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.exceptions import ClientError

from integration.serving import REGION, ROLE, Served, unique, wait_for, zipped

HOME = f"{REGION}:000000000000"


class Queue:
    """A queue at the end of a pipe, or at its beginning."""

    def __init__(self, served: Served, *, fifo: bool = False, **attributes: str) -> None:
        self.client = served.client("sqs")
        self.name = unique("q") + (".fifo" if fifo else "")
        more = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
        self.url = self.client.create_queue(QueueName=self.name, Attributes={**more, **attributes})["QueueUrl"]
        self.arn = f"arn:aws:sqs:{HOME}:{self.name}"
        self.got: list[dict] = []

    def send(self, body: str, **more: str) -> None:
        self.client.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def take(self, count: int = 1) -> list[dict]:
        """At least ``count`` messages that came so far, in their order; each is deleted once it is here."""

        def enough() -> bool:
            found = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["All"])
            for one in found.get("Messages", []):
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=one["ReceiptHandle"])
                self.got.append(one)
            return len(self.got) >= count

        wait_for(enough, f"{count} messages in {self.name}")
        return self.got

    def bodies(self, count: int = 1) -> list:
        """The same as JSON."""
        return [json.loads(one["Body"]) for one in self.take(count)]

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


class Pipes:
    """Makes pipes, waits for them, and deletes them in the end."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.client = served.client("pipes")
        self._made: list[str] = []

    def make(self, source: str, target: str, *, until: str = "RUNNING", **more: object) -> str:
        """``reading`` are parameters of the source's own kind, ``filters`` patterns, ``sending`` TargetParameters."""
        group = {
            "dynamodb": "DynamoDBStreamParameters",
            "kinesis": "KinesisStreamParameters",
            "sqs": "SqsQueueParameters",
        }
        service = source.split(":")[2]
        own = {} if service == "sqs" else {"StartingPosition": "TRIM_HORIZON"}
        parameters: dict[str, object] = {group[service]: {**own, **more.pop("reading", {})}}
        if filters := more.pop("filters", None):
            parameters["FilterCriteria"] = {"Filters": [{"Pattern": json.dumps(one)} for one in filters]}
        if sending := more.pop("sending", None):
            more["TargetParameters"] = sending
        name = unique("p")
        made = self.client.create_pipe(
            Name=name, RoleArn=ROLE, Source=source, Target=target, SourceParameters=parameters, **more
        )
        assert (made["CurrentState"], made["DesiredState"]) == ("CREATING", more.get("DesiredState", "RUNNING"))
        self._made.append(name)
        self.settle(name, until)
        return name

    def describe(self, name: str) -> dict | None:
        """None once it is gone."""
        try:
            return self.client.describe_pipe(Name=name)
        except self.client.exceptions.NotFoundException:
            return None

    def settle(self, name: str, state: str) -> dict:
        def there() -> dict | None:
            told = self.describe(name)
            return told if told is not None and told["CurrentState"] == state else None

        return wait_for(there, f"pipe {name} is {state}")

    def delete(self, name: str) -> None:
        self.client.delete_pipe(Name=name)
        wait_for(lambda: self.describe(name) is None, f"pipe {name} is gone")

    def close(self) -> None:
        for name in self._made:
            try:
                self.client.delete_pipe(Name=name)
            except ClientError:  # the test deleted it, or everything
                continue


def function(served: Served, code: str) -> str:
    """The ARN of a function whose module is ``code``."""
    made = served.client("lambda").create_function(
        FunctionName=unique("f"),
        Runtime="python3.11",
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": zipped(app=code)},
        Timeout=30,
    )
    return made["FunctionArn"]


class Web:
    """A web server; ``answer`` says status and body for a path and a body."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[tuple[str, dict[str, str], str]] = []
        self.answer: Callable[[str, str], tuple[int, bytes]] = lambda path, body: (200, b"")


@contextmanager
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            one.seen.append((self.path, dict(self.headers), body))
            status, said = one.answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one = Web(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def api_destination(served: Served, url: str) -> str:
    """The ARN of a destination at ``url`` with an API key."""
    events, name = served.client("events"), unique("d")
    connection = events.create_connection(
        Name=name,
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "secret"}},
    )["ConnectionArn"]
    made = events.create_api_destination(
        Name=name,
        ConnectionArn=connection,
        InvocationEndpoint=url,
        HttpMethod="POST",
        InvocationRateLimitPerSecond=300,
    )
    return made["ApiDestinationArn"]
