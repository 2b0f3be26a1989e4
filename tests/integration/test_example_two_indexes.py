"""examples/two-indexes: one table's item types, each in its own index of a real OpenSearch, without code."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest

from integration.test_templates import EXAMPLES, up
from servers import server_url

ITEMS = [
    {"pk": {"S": "ann"}, "sk": {"S": "profile"}, "type": {"S": "customer"}, "password": {"S": "hash"}},
    {"pk": {"S": "ann"}, "sk": {"S": "order#1"}, "type": {"S": "order"}, "total": {"N": "12.50"}},
    {"pk": {"S": "bob"}, "sk": {"S": "profile"}, "type": {"S": "customer"}, "password": {"S": "hash"}},
    {"pk": {"S": "ann"}, "sk": {"S": "cart"}, "type": {"S": "cart"}},
]


@pytest.mark.timeout(240)
def test_customers_and_orders_are_each_in_their_own_index(tmp_path: Path) -> None:
    """A name of its own for both indexes, since the server outlives the test."""
    server, prefix = server_url("opensearch"), uuid.uuid4().hex[:8]
    template = tmp_path / "template.yaml"
    text = (EXAMPLES / "two-indexes" / "template.yaml").read_text()
    for name in ("customers", "orders"):
        text = text.replace(f"${{Search}}/{name}", f"${{Search}}/{prefix}-{name}")
    template.write_text(text)
    shutil.copytree(EXAMPLES / "two-indexes" / "src", tmp_path / "src")

    def found(name: str) -> list[dict[str, object]]:
        url = f"{server}/{prefix}-{name}"
        try:
            urllib.request.urlopen(f"{url}/_refresh", data=b"", timeout=30).close()
            with urllib.request.urlopen(f"{url}/_search?size=100", timeout=30) as answer:
                hits = json.load(answer)["hits"]["hits"]
        except urllib.error.HTTPError as missing:
            assert missing.code == 404, missing
            return []
        items = [hit["_source"] for hit in hits]
        return sorted(({k: v for k, v in one.items() if k[0] != "_"} for one in items), key=lambda one: one["pk"])

    with up(tmp_path, template, "--param", f"Search=opensearch+{server}") as one:
        dynamodb = one.client("dynamodb")
        for item in ITEMS:
            dynamodb.put_item(TableName="shop", Item=item)
        one.until(lambda: len(found("customers")) == 2 and len(found("orders")) == 1, "both indexes are filled")
        assert found("customers") == [
            {"pk": "ann", "sk": "profile", "type": "customer"},
            {"pk": "bob", "sk": "profile", "type": "customer"},
        ]
        assert [order["total"] for order in found("orders")] == [12.5]
        dynamodb.put_item(TableName="shop", Item=ITEMS[1] | {"type": {"S": "cart"}})
        dynamodb.delete_item(TableName="shop", Key={"pk": {"S": "bob"}, "sk": {"S": "profile"}})
        one.until(lambda: found("orders") == [] and len(found("customers")) == 1, "what left its index is gone from it")
