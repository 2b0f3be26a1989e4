"""The changes of one document in a batch, against what is stored: their verdicts, and the one write that is left.

Decides; nothing is called here. Changes of a key are taken in order and only the newest is written (E10).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import msgspec

from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.change.value import Item, json_bytes
from afterbay.core.guard import APPLIED, SKIPPED, Verdict
from afterbay.errors import SettingsError
from afterbay.sinks.entry import Entry, judge_stored
from afterbay.sinks.guard_names import GuardNames, without_guard
from afterbay.sinks.mending import NO_TOKEN, NOTHING_HELD, OVERTAKEN, Held
from afterbay.sinks.opensearch_cluster import Answer, within

__all__ = ["DocumentChanges", "Guard", "Plan", "Stored", "Write", "portions"]

_PORTION_DOCUMENTS = 1000
_PORTION_BYTES = 4 * 1024 * 1024
"""A request's size: a cluster takes 10 MB and more, and gains nothing from large ones."""


@dataclass(slots=True)
class DocumentChanges:
    """The changes of one document without a final verdict yet, in order, each with its place in the batch. ``tries``
    failed by somebody's fault, ``races`` were lost to other writers.

    ``taken_for_new``: begins with an insert, so ``create`` is tried without a look; the server says if it was there.
    """

    id: str
    entries: list[tuple[int, Entry]]
    taken_for_new: bool = False
    tries: int = 0
    races: int = 0
    pause_s: float = 0.0

    @property
    def may_only_move(self) -> bool:
        """A skipped expiry keeps what is stored, so that has to be read whole."""
        return any(entry.skips for _, entry in self.entries)

    @property
    def size_bytes(self) -> int:
        """About what a write of it takes."""
        return max(len(entry.json or entry.key) for _, entry in self.entries)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the index has under an id. ``source`` is there where it was asked for."""

    seq_no: int
    term: int
    token: object
    source: Answer | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """One document to write, if it is still as it was read. ``place`` is the change whose image it shows."""

    place: int
    entry: Entry
    lines: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """``verdicts`` by place; they hold once ``write``, if there is one, is done."""

    verdicts: Mapping[int, Verdict]
    write: Write | None


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of E5 and E6 on documents of the sink ``shown``."""

    names: GuardNames
    retention: TombstoneRetention
    shown: str

    def plan(self, changes: DocumentChanges, stored: Stored | None) -> Plan:
        """Raises ``SettingsError`` where the stored token is of another form (E2)."""
        verdicts: dict[int, Verdict] = {}
        token = self._token(stored)
        place, shows = -1, None
        for index, entry in changes.entries:
            verdict = judge_stored(entry.token, token, self.shown)
            if verdict is APPLIED:
                token = entry.token
                if entry.skips:
                    verdict = SKIPPED
                if not entry.skips or shows is None:
                    place, shows = index, entry
            verdicts[index] = verdict
        if shows is None or token is None:
            return Plan(verdicts, None)
        document = self._document(shows, token, stored)
        return Plan(verdicts, Write(place, shows, _action(changes.id, stored) + document + b"\n"))

    def mend(self, changes: DocumentChanges, seen: str | None, stored: Stored | None) -> Plan:
        """The write of one image, if the stored token is still ``seen`` (E14). Raises as ``plan``."""
        ((index, entry),) = changes.entries
        token = None if stored is None else self._token(stored) or NO_TOKEN
        if token != seen:
            return Plan({index: OVERTAKEN}, None)
        document = self._document(entry, entry.token, stored)
        return Plan({index: APPLIED}, Write(index, entry, _action(changes.id, stored) + document + b"\n"))

    def held(self, stored: Stored | None) -> Held:
        """What a document that was read whole stands for. Raises as ``plan``."""
        if stored is None:
            return NOTHING_HELD
        source = stored.source or {}
        gone = source.get(self.names.deleted) is True
        return Held(self._token(stored) or NO_TOKEN, None if gone else without_guard(source, self.names))

    def _token(self, stored: Stored | None) -> str | None:
        token = None if stored is None else stored.token
        if token is None or isinstance(token, str):
            return token
        raise SettingsError(
            f"{self.shown}: a document's field {self.names.token!r} holds something else than a token",
            hint="another program uses that name: choose others with GuardNames",
        )

    def _document(self, entry: Entry, token: str, stored: Stored | None) -> bytes:
        """The text of what to write: an item, a tombstone, or what is stored with a newer token."""
        names = self.names
        if entry.json is not None:
            own = msgspec.json.encode({names.token: token})
            return entry.json[:-1].encode() + b"," + own[1:]
        source = stored.source if stored is not None and entry.skips else None
        if source is not None and within(source, names.deleted) is not True:
            return json_bytes(cast("Item", {**source, names.token: token}))
        expires_s = self.retention.purge_at_s(entry.created_s)
        return json_bytes({**entry.keys, names.token: token, names.deleted: True, names.expires: expires_s})


def portions(changes: Iterable[DocumentChanges]) -> Iterator[list[DocumentChanges]]:
    """Cut into what one request takes."""
    portion: list[DocumentChanges] = []
    size_bytes = 0
    for one in changes:
        if portion and (len(portion) == _PORTION_DOCUMENTS or size_bytes + one.size_bytes > _PORTION_BYTES):
            yield portion
            portion, size_bytes = [], 0
        portion.append(one)
        size_bytes += one.size_bytes
    if portion:
        yield portion


def _action(document: str, stored: Stored | None) -> bytes:
    """``create`` fails where the document is there by now, ``if_seq_no`` where it changed since: guard and write are
    one step of the server (E5)."""
    if stored is None:
        return msgspec.json.encode({"create": {"_id": document}}) + b"\n"
    condition = {"_id": document, "if_seq_no": stored.seq_no, "if_primary_term": stored.term}
    return msgspec.json.encode({"index": condition}) + b"\n"
