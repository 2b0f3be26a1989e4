"""A template on an address that has it already, as after a restart with the same state: nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

from botocore.credentials import Credentials

from afterbay.aws.client import Aws, AwsSettings
from afterbay.endpoint.local import LocalAddress
from afterbay.manifest.assemble import assemble
from afterbay.manifest.load import load

REGION = "eu-west-1"
FILE = Path(__file__).parents[2] / "examples/sam-python/template.yaml"
ITEM = {"customer": {"S": "ann"}, "order": {"S": "1"}, "total": {"N": "1"}}


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
