"""The journal of ``afterbay dev``: a real function in a real process, and what its sink said."""

from __future__ import annotations

import asyncio
import urllib.request

import boto3

from afterbay.core.change.itemkey import item_key
from afterbay.endpoint.local import LocalAddress
from afterbay.telemetry.journal import Answered, Passed, Read, Sent, Verdicts
from integration.serving import REGION, ROLE, unique, zipped


def client(service: str, url: str):
    return boto3.client(
        service, endpoint_url=url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


def pipeline(url: str, table: str) -> None:
    """A table, a function that writes to a sink, a mapping between them, and one item."""
    dynamodb, functions = client("dynamodb", url), client("lambda", url)
    made = dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    functions.create_function(
        FunctionName=table,
        Runtime="python3.11",
        Handler="afterbay.handler.into_sink",
        Role=ROLE,
        Code={"ZipFile": zipped(unused="")},
        Timeout=30,
        Environment={"Variables": {"AFTERBAY_SINK": "memory:copy"}},
    )
    functions.create_event_source_mapping(
        FunctionName=table,
        EventSourceArn=made["TableDescription"]["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "order-1"}, "note": {"S": "an image"}})


async def test_an_item_is_followed_from_its_page_to_what_the_sink_said_of_it() -> None:
    async with LocalAddress("127.0.0.1", 0) as local:
        await asyncio.to_thread(pipeline, local.url, unique("orders"))
        mark = local.journal.mark_of(item_key(b'{"pk":{"S":"order-1"}}'))
        async with asyncio.timeout(60):
            while True:
                told = await local.journal.about(mark)
                if any(isinstance(one.entry, Passed) for one in told.entries):
                    break
                await asyncio.sleep(0.02)  # another process's doing has no event to wait for
        (place,) = told.places
        assert place.key == b'{"pk":{"S":"order-1"}}', "in clear, since it is only in memory here"
        entries = [one for one in told.entries if one.request_id is not None or isinstance(one.entry, Read)]
        assert [type(one.entry) for one in entries] == [Read, Sent, Verdicts, Answered]
        (verdicts,) = (one.entry for one in told.entries if isinstance(one.entry, Verdicts))
        assert (verdicts.records, verdicts.failed) == (1, 0)
        assert verdicts.sinks["memory:copy"]["applied"] == 1
        await asyncio.to_thread(reset, local.url)
        assert (await local.journal.about(mark)).places == ()


def reset(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_afterbay/reset", method="POST")) as answer:
        assert answer.status < 300
