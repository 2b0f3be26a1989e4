"""An item as an object: its name, its body and metadata, and what a batch makes of what is stored.

Decides names, shapes and verdicts. Calls, conditions and faults are ``bucket_state.py``'s.

An ETag is mostly the MD5 of the body. So that each state of an item has an ETag of its own, a live body holds its
token, and ends with a line feed for each mend under that token: else two states of one content could not be told
apart, and a slow writer would overwrite the newer one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, unquote

from afterbay.core.change.number import number_text
from afterbay.core.change.sequence import TOKEN_CHARS, document_id
from afterbay.core.change.value import TypedItem, canonical
from afterbay.core.guard import APPLIED, Verdict
from afterbay.errors import SettingsError
from afterbay.sinks import reduced
from afterbay.sinks.entry import Entry, judge_stored
from afterbay.sinks.guard_names import refuse_name
from afterbay.sinks.live import LiveItem, plain_text
from afterbay.sinks.mending import OVERTAKEN

if TYPE_CHECKING:
    from afterbay.core.change.tombstone import TombstoneRetention

__all__ = [
    "GRAVES",
    "NAME_BYTES_MAX",
    "Plan",
    "Stored",
    "TokenName",
    "Version",
    "object_name",
    "plan",
    "plan_mend",
    "read_stored",
    "tombstone_metadata",
]

NAME_BYTES_MAX = 255
"""What servers that keep objects as files take in one part of a name."""

GRAVES = "_gone"
"""The folder of what is known of deleted items; no item has this name."""

_TOKEN = "afterbay-token"
_KEYS = "afterbay-keys"
_BURIED = "afterbay-buried"
_EXPIRES = "afterbay-expires"
_MENDS = "afterbay-mends"

Version = tuple[str, int]
"""A token, and how many mends there were under it: of two states of an item, the greater one came later."""


def object_name(keys: TypedItem) -> str:
    """The name of an item's object (interfaces.md section 4): without a slash, so that none is another's folder.

    One that some server would refuse, or would take for another, is replaced by its SHA-256; so is what looks like one.
    """
    whole = document_id(keys)
    if whole in (".", "..", GRAVES) or any(char in "/\\\x7f" or char < " " for char in whole):
        return hashlib.sha256(whole.encode()).hexdigest()
    return document_id(keys, bytes_max=NAME_BYTES_MAX)


@dataclass(frozen=True, slots=True)
class Stored:
    """What was read of an object. ``live``: it is an item, not a tombstone. ``buried``: it is a tombstone, or came
    after one, so that graves must be asked. ``body`` None: it was not read. ``mends`` as in ``Version``."""

    token: str
    etag: str
    live: bool
    buried: bool
    expires_s: int
    metadata: Mapping[str, str]
    body: bytes | None = None
    mends: int = 0

    @property
    def version(self) -> Version:
        return (self.token, self.mends)


def read_stored(metadata: Mapping[str, str], etag: str, size: int, body: bytes | None, sink: str) -> Stored:
    """Raises ``SettingsError`` for an object that no sink wrote."""
    token = metadata.get(_TOKEN)
    if token is None:
        raise SettingsError(
            f"{sink} holds an object without a token",
            hint="another program writes there: give the sink a prefix of its own",
        )
    live = size > 0
    return Stored(
        token,
        etag,
        live=live,
        buried=not live or _BURIED in metadata,
        expires_s=_number(metadata.get(_EXPIRES, "")),
        metadata=metadata,
        body=body,
        mends=_number(metadata.get(_MENDS, "")),
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


@dataclass(frozen=True, slots=True)
class TokenName:
    """The member of a live body that holds its token (E11)."""

    text: str = "_tok"

    def refuse_in(self, entry: Entry) -> None:
        """Raises ``RecordError`` where the source has such an attribute, which must not be overwritten."""
        for there in (entry.keys_typed, entry.names):
            refuse_name(self.text, there, "name the sink's own otherwise (TokenName)")

    def body(self, item_json: str, version: Version) -> bytes:
        """The item's JSON, its token first. An item has its key attributes, so it is never empty."""
        token, mends = version
        return self._head(token) + item_json[1:].encode() + b"\n" * mends

    def renewed(self, stored: Stored, token: str, sink: str) -> bytes:
        """The same body with a newer token. Raises ``SettingsError`` for a body that the sink did not write."""
        body, head = stored.body, self._head(stored.token)
        if body is None or not body.startswith(head):
            raise SettingsError(f"{sink} holds an item with another body than the sink writes", hint="who changed it?")
        return self._head(token) + body[len(head) :]

    def live(self, stored: Stored) -> LiveItem:
        """The item as readers of all sinks see it. Raises ``RecordError`` for another program's body."""
        assert stored.body is not None
        item = plain_text(stored.body.decode())
        item.pop(self.text, None)
        types = cast("dict[str, str]", json.loads(unquote(stored.metadata.get(_KEYS, "{}"))))
        return LiveItem(canonical({name: {tag: _typed(item[name])} for name, tag in types.items()}).decode(), item)

    def _head(self, token: str) -> bytes:
        assert len(token) == TOKEN_CHARS
        return f'{{{json.dumps(self.text)}:"{token}",'.encode()


def _typed(value: object) -> str:
    return number_text(value) if isinstance(value, int | Decimal) else str(value)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch's changes of one key come to (E10): one verdict each, and one write; ``token`` None: none.

    ``item_json`` None and ``live``: the stored item stays and only its token moves (E6).
    """

    verdicts: Mapping[int, Verdict]
    known: frozenset[int]
    """The verdicts that hold whether the write is done or not."""
    token: str | None
    live: bool
    expires_s: int
    item_json: str | None
    keys: TypedItem
    mends: int = 0

    @property
    def version(self) -> Version:
        assert self.token is not None
        return (self.token, self.mends)

    def metadata(self, stored: Stored | None) -> dict[str, str]:
        if not self.live:
            return tombstone_metadata(self.version, self.expires_s)
        types = {name: next(iter(cast("Mapping[str, object]", value))) for name, value in self.keys.items()}
        told = _versioned(self.version) | {_KEYS: quote(json.dumps(types), safe="")}
        return told | ({_BURIED: "1"} if stored is not None and stored.buried else {})


def tombstone_metadata(version: Version, expires_s: int) -> dict[str, str]:
    return _versioned(version) | {_EXPIRES: str(expires_s)}


def _versioned(version: Version) -> dict[str, str]:
    token, mends = version
    return {_TOKEN: token} | ({_MENDS: str(mends)} if mends else {})


def plan(entries: Sequence[tuple[int, Entry]], stored: Stored | None, retention: TombstoneRetention, sink: str) -> Plan:
    """Changes of one key, in order, against what is stored (E5). Raises ``SettingsError`` as ``judge_stored`` does."""
    before = None if stored is None else reduced.Stored(stored.token, deleted=not stored.live)
    left = reduced.reduced(entries, before, retention, sink)
    write = left.write
    return Plan(
        left.verdicts,
        frozenset(index for index, one in entries if before is not None and one.token <= before.token),
        token=None if write is None else write.token,
        live=write is not None and not write.deleted,
        expires_s=0 if write is None else write.expires_s or 0,
        item_json=None if write is None else write.item,
        keys=entries[0][1].keys_typed,
    )


def plan_mend(
    index: int, entry: Entry, seen: str | None, stored: Stored | None, retention: TombstoneRetention, sink: str
) -> Plan:
    """An image, if the stored token is still ``seen`` (E14). Raises ``SettingsError`` for a token of another form."""
    token = None if stored is None else stored.token
    judge_stored(entry.token, token, sink)
    holds = token == seen
    return Plan(
        {index: APPLIED if holds else OVERTAKEN},
        frozenset() if holds else frozenset([index]),
        token=entry.token if holds else None,
        live=entry.json is not None,
        expires_s=retention.purge_at_s(entry.created_s),
        item_json=entry.json,
        keys=entry.keys_typed,
        mends=0 if stored is None else stored.mends + 1,
    )
