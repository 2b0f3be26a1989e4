"""The journal and the live lines of ``afterbay dev`` tell of a pipe as of a mapping: the same entries, its name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import boto3

from afterbay.cli.live import LiveLines
from afterbay.core.change.itemkey import item_key
from afterbay.endpoint.local import LocalAddress
from afterbay.telemetry.journal import Answered, Passed, Read, Sent
from integration.serving import REGION, ROLE, unique


def client(service: str, url: str):
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


def pipeline(url: str, name: str) -> None:
    """A table, a queue, a pipe between them, and one item."""
    made = client("dynamodb", url).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    client("sqs", url).create_queue(QueueName=name)
    client("pipes", url).create_pipe(
        Name=name,
        RoleArn=ROLE,
        Source=made["TableDescription"]["LatestStreamArn"],
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        Target=f"arn:aws:sqs:{REGION}:000000000000:{name}",
    )
    client("dynamodb", url).put_item(TableName=name, Item={"pk": {"S": "order-1"}})


async def test_an_item_is_followed_through_a_pipe_and_each_batch_has_a_line(tmp_path: Path) -> None:
    said: list[str] = []
    name = unique("orders")
    async with LocalAddress("127.0.0.1", 0, listeners=[LiveLines(said.append)]) as local:
        await asyncio.to_thread(pipeline, local.url, name)
        mark = local.journal.mark_of(item_key(b'{"pk":{"S":"order-1"}}'))
        async with asyncio.timeout(60):
            while True:
                told = await local.journal.about(mark)
                if any(isinstance(one.entry, Passed) for one in told.entries):
                    break
                await asyncio.sleep(0.02)  # the journal is written once a second
    kinds = [type(one.entry) for one in told.entries if isinstance(one.entry, Read | Sent | Answered | Passed)]
    assert kinds == [Read, Sent, Answered, Passed]
    assert {one.mapping for one in told.entries} == {f"arn:aws:pipes:{REGION}:000000000000:pipe/{name}"}
    (line,) = said
    assert line.startswith(f"{name} -> {name}: 1 record (") and "ok in" in line
