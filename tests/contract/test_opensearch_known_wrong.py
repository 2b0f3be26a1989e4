"""Shortcuts 2, 3 and 4 on the real server, as other projects take them, fail the suite that our sink passes.

They lean on the server's external versions: it refuses a version that is not higher, and forgets that of a deleted
document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast
from urllib.parse import quote

import pytest

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import document_id
from afterbay.core.guard import APPLIED, STALE, Kind, Verdict
from afterbay.errors import ConflictError, NotFoundError, ServiceError
from afterbay.sinks.entry import prepare
from afterbay.sinks.live import LiveItem
from afterbay.sinks.opensearch_cluster import Cluster, ClusterAddress, objects
from afterbay.sinks.options import Expiry, SinkOptions
from contract import sink_suite
from contract.histories import LABELS
from contract.opensearch_server import OpenSearchPlace, opensearch_place


class ExternalVersions:
    """Right for as long as the server remembers deletes: its versions are the changes' true order in 64 bits, which
    only who made the history knows."""

    gc_deletes = "1h"

    def __init__(self, place: OpenSearchPlace) -> None:
        self.cluster = Cluster(ClusterAddress(place.url), "wrong")
        self._index = place.index
        self._keys: dict[str, str] = {}
        settings = {"settings": {"index.gc_deletes": self.gc_deletes}, "mappings": {"dynamic": False}}
        self.cluster.call("PUT", f"/{self._index}", settings)

    def version(self, change: ChangeRecord) -> int:
        return LABELS.index(change.token[:23]) * 10**9 + change.sequence_number.number // 10**20

    def apply(self, changes: list[ChangeRecord]) -> list[Verdict]:
        return [self._one(change) for change in changes]

    def _one(self, change: ChangeRecord) -> Verdict:
        entry = prepare(change, SinkOptions(ttl=Expiry.MIRROR))
        if isinstance(entry, Verdict):
            return entry
        name = document_id(entry.keys_typed)
        self._keys[name] = entry.key
        method, body = ("DELETE", None) if entry.json is None else ("PUT", entry.json.encode())
        versioned = {"version": str(self.version(change)), "version_type": "external"}
        try:
            self.cluster.call(method, f"/{self._index}/_doc/{quote(name, safe='')}", body, **versioned)
        except ConflictError:
            return STALE
        except NotFoundError:
            return APPLIED
        except ServiceError as refused:
            return Verdict(Kind.RETRYABLE, str(refused))
        return APPLIED

    def read_live(self) -> Iterator[LiveItem]:
        self.cluster.call("POST", f"/{self._index}/_refresh")
        found = self.cluster.call("POST", f"/{self._index}/_search", {"size": 100})
        for hit in objects(found, "hits", "hits"):
            yield LiveItem(self._keys[cast("str", hit["_id"])], cast("dict", hit["_source"]))


class SequenceNumberAsVersion(ExternalVersions):  # shortcut 2
    def version(self, change):
        return change.sequence_number.number


class CreationTimeAsVersion(ExternalVersions):  # shortcut 3
    def version(self, change):
        return int(change.created_s)


class DeletesAreForgotten(ExternalVersions):  # shortcut 4
    """As after ``index.gc_deletes``, which is 60 seconds unless set."""

    gc_deletes = "0s"


@pytest.fixture
def place() -> Iterator[OpenSearchPlace]:
    with opensearch_place() as place:
        yield place


def replays(sink):
    sink_suite.in_order_with_replays(sink, Expiry.MIRROR, 2)


def no_order(sink):
    sink_suite.in_no_order(sink, 4)


@pytest.mark.parametrize("check", [replays, no_order])
def test_what_the_shortcuts_are_made_of_is_right(place, check):
    check(ExternalVersions(place))


@pytest.mark.parametrize("wrong", [SequenceNumberAsVersion, CreationTimeAsVersion, DeletesAreForgotten])
def test_a_shortcut_fails_the_suite(place, wrong):
    with pytest.raises(AssertionError):
        replays(wrong(place))


def test_a_sequence_number_is_no_version_that_the_server_takes(place):
    change = sink_suite.history(1).changes[0]
    (verdict,) = SequenceNumberAsVersion(place).apply([change])
    assert verdict.kind is Kind.RETRYABLE and "HTTP 400" in verdict.reason
