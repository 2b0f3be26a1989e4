"""A pipe to a bus with three rules on ``afterbay dev --state``: targets fail, the address is killed, and no event is
lost to any rule (X83, B4, B53)."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from integration.serving import ROLE, Served, Table, wait_for
from integration.state_address import killed

SEED = 20261128
RULES = ("search", "archive", "analytics")
FAULTS = ("ServiceUnavailable", "InternalError", "ThrottlingException")
FAILURES_AT_ONCE = 15
WRITE_BATCH = 25
TEMPLATE = '{"order": <$.dynamodb.Keys.pk.S>, "n": <$.dynamodb.NewImage.n.N>}'


def set_up(served: Served) -> Table:
    table = served.table()
    events, sqs = served.client("events"), served.client("sqs")
    bus = events.create_event_bus(Name="commerce")["EventBusArn"]
    for rule in RULES:
        events.put_rule(Name=rule, EventBusName="commerce", EventPattern='{"detail-type": ["OrderShipped"]}')
        url = sqs.create_queue(QueueName=rule)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_targets(Rule=rule, EventBusName="commerce", Targets=[{"Id": "queue", "Arn": arn}])
    served.client("pipes").create_pipe(
        Name="orders",
        RoleArn=ROLE,
        Source=table.stream,
        SourceParameters={
            "DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 100},
            "FilterCriteria": {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
        },
        Target=bus,
        TargetParameters={
            "InputTemplate": TEMPLATE,
            "EventBridgeEventBusParameters": {"Source": "orders", "DetailType": "OrderShipped"},
        },
    )
    return table


def write(served: Served, table: Table, numbers: range) -> None:
    """One request for some items, until it is answered."""
    items = [{"PutRequest": {"Item": {"pk": {"S": f"o-{n}"}, "n": {"N": str(n)}}}} for n in numbers]
    served.client("dynamodb").batch_write_item(RequestItems={table.name: items})


def fail_now_and_then(served: Served, chance: random.Random) -> None:
    """A target, or the bus itself, answers errors for a while: a different one each time."""
    service, operation = chance.choice([("sqs", "SendMessage"), ("sqs", "SendMessage"), ("events", "PutEvents")])
    with suppress(OSError):  # the address was killed
        served.call(
            "faults",
            service=service,
            operation=operation,
            error=chance.choice(FAULTS),
            times=chance.randint(1, FAILURES_AT_ONCE),
        )


def bodies(served: Served, queue: str) -> Iterator[dict]:
    """What a queue holds, taken out of it."""
    sqs = served.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        yield from (json.loads(one["Body"]) for one in found)
        sqs.delete_message_batch(
            QueueUrl=url, Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(found)]
        )


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("count, kills", [(500, 4), pytest.param(10_000, 8, marks=pytest.mark.long)])
def test_every_rule_gets_every_event_whatever_fails_and_whenever_it_is_killed(tmp_path: Path, count: int, kills: int):
    state, chance = tmp_path / "state", random.Random(SEED)
    with killed(state, tmp_path) as served:
        table = set_up(served)
    got = {rule: Counter[str]() for rule in RULES}
    written = 0
    for number in range(kills):
        with killed(state, tmp_path) as served:
            until = count * (number + 1) // kills
            kill = threading.Timer(chance.uniform(0.5, 1.5) * count / 500, served.process.kill)
            kill.start()
            with suppress(BotoCoreError, ClientError, OSError):
                while written < until:
                    numbers = range(written, min(until, written + WRITE_BATCH))
                    write(served, table, numbers)
                    written = numbers.stop
                    fail_now_and_then(served, chance)
            kill.join()
    with killed(state, tmp_path) as served:
        while written < count:
            numbers = range(written, min(count, written + WRITE_BATCH))
            write(served, table, numbers)
            written = numbers.stop
        wanted = {f"o-{n}" for n in range(count)}

        def everywhere() -> bool:
            served.call("clock", advance_s=5)  # pauses between tries are not waited for
            for rule in RULES:
                got[rule].update(one["detail"]["order"] for one in bodies(served, rule))
            return all(got[rule].keys() >= wanted for rule in RULES)

        wait_for(everywhere, "every rule has every event", 60 + count / 20)
        pipe = served.client("pipes").describe_pipe(Name="orders")
    assert pipe["CurrentState"] == "RUNNING"
    for rule in RULES:
        assert got[rule].keys() == wanted
        assert sum(got[rule].values()) < 3 * count, "what is repeated is what was under way"
