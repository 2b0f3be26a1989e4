"""The real OpenSearch server in tests: an alias of each test's own, and a look at it that is not the sink's."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opensearchpy import OpenSearch

from afterbay.sinks.opensearch import OpenSearchSink
from afterbay.sinks.opensearch_cluster import ClusterAddress
from servers import server_url

_TEMPLATE = {
    "index_patterns": ["t-*"],
    "template": {"settings": {"number_of_replicas": 0, "index.translog.durability": "async"}},
}
"""No test looks at what a power cut leaves, and waiting for the disk takes most of their time."""


@dataclass(frozen=True)
class OpenSearchPlace:
    """``name`` is free when a test begins, and so is every name that begins with it."""

    url: str
    name: str
    client: OpenSearch

    @property
    def index(self) -> str:
        return f"{self.name}-with-tombstones"

    @property
    def address(self) -> str:
        return f"opensearch+{self.url}/{self.name}"

    def sink(self, *, url: str | None = None, **settings: object) -> OpenSearchSink:
        return OpenSearchSink(ClusterAddress(url or self.url), self.name, **settings)

    def hits(self, name: str | None = None) -> dict[str, dict]:
        """What a search over ``name``, else over the alias, finds: sources by id."""
        self.client.indices.refresh(index=self.index)
        found = self.client.search(index=name or self.name, body={"size": 1000})["hits"]["hits"]
        return {hit["_id"]: hit["_source"] for hit in found}

    def document(self, name: str) -> dict:
        """With its version, in the index."""
        return self.client.get(index=self.index, id=name)


@contextmanager
def opensearch_place() -> Iterator[OpenSearchPlace]:
    url = server_url("opensearch")
    client = OpenSearch(url, timeout=30)
    client.indices.put_index_template(name="tests", body=_TEMPLATE)
    place = OpenSearchPlace(url, f"t-{uuid.uuid4().hex[:12]}", client)
    try:
        yield place
    finally:
        for index in client.indices.get(index=f"{place.name}*", params={"expand_wildcards": "all"}):
            client.indices.delete(index=index)
        client.close()
