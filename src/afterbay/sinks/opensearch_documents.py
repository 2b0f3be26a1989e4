"""The requests that a sink makes on its documents: tokens read, documents written, pages of live ones, old tombstones.

Everything but the purge goes through the alias. What to write, and what an answer means for a change, is the callers'.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from afterbay.errors import NotFoundError, UnavailableError
from afterbay.sinks.guard_names import GuardNames
from afterbay.sinks.opensearch_bulk import Row, read_row
from afterbay.sinks.opensearch_changes import DocumentChanges, Stored, Write
from afterbay.sinks.opensearch_cluster import Answer, Cluster, objects, within

__all__ = ["Documents"]

_PAGE = 500
_SCROLL = "5m"
"""How long a reader may take for a page."""


@dataclass(frozen=True, slots=True)
class Documents:
    """Those behind ``alias``. Every call raises ``ServiceError``."""

    cluster: Cluster
    alias: str
    names: GuardNames

    def stored(self, portion: Sequence[DocumentChanges]) -> dict[str, Stored]:
        """What the index has now, whether refreshed or not, by id; but for what is taken for new."""
        asked = [one for one in portion if not one.taken_for_new]
        whole = [one for one in asked if one.may_only_move]
        tokens = [one for one in asked if not one.may_only_move]
        found: dict[str, Stored] = {}
        if tokens:
            told = self.cluster.call(
                "POST",
                f"/{self.alias}/_mget",
                {"ids": [one.id for one in tokens]},
                stored_fields=self.names.token,
                # The server's filter makes numbers inexact; there are none of the document's here.
                filter_path="docs.found,docs._seq_no,docs._primary_term,docs.fields,docs.error.type",
            )
            self._read([one.id for one in tokens], objects(told, "docs"), found)
        return found | self.whole([one.id for one in whole])

    def whole(self, ids: Sequence[str]) -> dict[str, Stored]:
        """What the index has now under ``ids``, sources included."""
        found: dict[str, Stored] = {}
        for start in range(0, len(ids), _PAGE):
            asked = ids[start : start + _PAGE]
            told = self.cluster.call("POST", f"/{self.alias}/_mget", {"ids": asked})
            self._read(asked, objects(told, "docs"), found)
        return found

    def write(self, writes: Sequence[Write]) -> dict[int, Row]:
        """The result of each write, by the place of its change."""
        if not writes:
            return {}
        told = self.cluster.call(
            "POST",
            f"/{self.alias}/_bulk",
            b"".join(write.lines for write in writes),
            lines=True,
            # Else the server would make a plain index in the place of an alias that is gone, tombstones in sight.
            require_alias="true",
            filter_path="items.*.status,items.*.error",
        )
        rows = objects(told, "items")
        return {write.place: read_row(row, write.entry) for write, row in zip(writes, rows, strict=True)}

    def live(self, index: str) -> Iterator[Answer]:
        """The sources of all live documents, guard's fields included, as they are at one moment after a refresh."""
        self.cluster.call("POST", f"/{index}/_refresh")
        page = self.cluster.call("POST", f"/{self.alias}/_search", {"size": _PAGE, "sort": ["_doc"]}, scroll=_SCROLL)
        scroll = page.get("_scroll_id")
        try:
            while hits := objects(page, "hits", "hits"):
                yield from (cast("Answer", hit["_source"]) for hit in hits)
                page = self.cluster.call("POST", "/_search/scroll", {"scroll": _SCROLL, "scroll_id": scroll})
                scroll = page.get("_scroll_id")
        finally:
            self.cluster.call("DELETE", "/_search/scroll", {"scroll_id": scroll})

    def purge(self, index: str, now_s: int, *, limit: int) -> int:
        """Remove tombstones that expired before ``now_s``; one that changes meanwhile stays. Answers how many."""
        old = [{"term": {self.names.deleted: True}}, {"range": {self.names.expires: {"lt": now_s}}}]
        told = self.cluster.call(
            "POST",
            f"/{index}/_delete_by_query",
            {"query": {"bool": {"filter": old}}, "max_docs": limit},
            conflicts="proceed",
        )
        deleted = told.get("deleted")
        return deleted if isinstance(deleted, int) else 0

    def _read(self, asked: Sequence[str], docs: Sequence[Answer], found: dict[str, Stored]) -> None:
        for one, doc in zip(asked, docs, strict=True):
            code = within(doc, "error", "type")
            if code is not None:
                kind = NotFoundError if code == "index_not_found_exception" else UnavailableError
                raise kind(f"{self.alias}: {code}", code=str(code))
            if doc.get("found") is not True:
                continue
            whole = doc.get("_source")
            source = cast("Answer", whole) if isinstance(whole, dict) else None
            tokens = within(doc, "fields", self.names.token)
            token: object = cast("list[object]", tokens)[0] if isinstance(tokens, list) else None
            if source is not None:
                token = source.get(self.names.token)
            found[one] = Stored(cast("int", doc["_seq_no"]), cast("int", doc["_primary_term"]), token, source)
