"""One change of one item, read from either wire form, no further than someone asks.

Decides what a record says (S59 to S68, R132 to R136). Bytes on their way through are ``wire.py``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TypeGuard, cast

import msgspec

from afterbay.core.change.arn import StreamArn, parse_stream_arn
from afterbay.core.change.diff import Diff
from afterbay.core.change.sequence import LOWEST_TOKEN, SequenceNumber, token
from afterbay.core.change.tombstone import Removal, removal
from afterbay.core.change.value import Item, decode_item, wire_item
from afterbay.core.change.view import ChangeKind, ViewType
from afterbay.core.change.wire import CREATED_S_MAX
from afterbay.errors import RecordError, SettingsError

__all__ = ["ChangeRecord"]

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value: msgspec.json.Decoder[object] = msgspec.json.Decoder()

_VIEWS = {view.value: view for view in ViewType}


class ChangeRecord:
    """A change: what happened to which item, and what the item was and is.

    Made of a record's JSON (Lambda's form or GetRecords') or of a decoded dict (an SDK's too, with ``bytes`` and
    ``datetime``). ``stream_arn`` is for records that do not name their stream; ``epoch`` replaces the stream's label in
    tokens where a mapping moved (E2). The head is read at once, keys and images when asked for. Raises ``RecordError``
    with the path of the member at fault.
    """

    def __init__(
        self, record: bytes | Mapping[str, object], *, stream_arn: str | None = None, epoch: str | None = None
    ) -> None:
        self._record = _opened(record, "")
        source = _plain(self._record.get("eventSource", "aws:dynamodb"), "eventSource")
        if source != "aws:dynamodb":
            raise RecordError(f"not a DynamoDB stream record: {str(source)[:40]!r}", path="eventSource")
        if "dynamodb" not in self._record:
            raise RecordError("missing", path="dynamodb")
        self._change = _opened(self._record["dynamodb"], "dynamodb")
        self.kind: ChangeKind = _kind(self._text("eventName"))
        self.sequence_number = _sequence(self._change)
        self._stream = self._named_stream(stream_arn)
        self._epoch = epoch
        if "Keys" not in self._change:
            raise RecordError("missing", path="dynamodb.Keys")

    def __repr__(self) -> str:
        """Without keys and images: they are the customer's data."""
        return f"ChangeRecord({self.kind} in {self.table} at {self.sequence_number})"

    @property
    def stream_arn(self) -> str:
        return self._stream.arn

    @property
    def table(self) -> str:
        """The table's name."""
        return self._stream.table

    @property
    def event_id(self) -> str | None:
        """The service's id of the event; identity is (stream, sequence number) all the same (S68)."""
        return self._text("eventID") if "eventID" in self._record else None

    @property
    def view(self) -> ViewType | None:
        """The stream's view type; None where the record does not say."""
        if "StreamViewType" not in self._change:
            return None
        path = "dynamodb.StreamViewType"
        view = _VIEWS.get(str(_plain(self._change["StreamViewType"], path)))
        if view is None:
            raise RecordError(f"unknown view type; known are {', '.join(ViewType)}", path=path)
        return view

    @property
    def created_s(self) -> float:
        """When the item was written, in epoch seconds; whole seconds, so no order (E3, S63)."""
        path = "dynamodb.ApproximateCreationDateTime"
        said = _plain(self._change.get("ApproximateCreationDateTime"), path)
        if type(said) is float and 0 <= said < CREATED_S_MAX:
            return said
        if isinstance(said, datetime) and said.tzinfo is not None:
            return said.timestamp()
        if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said < CREATED_S_MAX:
            raise RecordError("a number of epoch seconds is wanted (S63)", path=path)
        return float(said)

    @cached_property
    def keys(self) -> Item:
        """The item's primary key as Python values."""
        return decode_item(self.keys_typed, "dynamodb.Keys")

    @cached_property
    def old(self) -> Item | None:
        """The item before; None where there was none, or where the view type hides it."""
        return self._decoded("OldImage", self.old_typed)

    @cached_property
    def new(self) -> Item | None:
        """The item afterwards; None where there is none, or where the view type hides it."""
        return self._decoded("NewImage", self.new_typed)

    @cached_property
    def keys_typed(self) -> dict[str, object]:
        """``Keys`` in DynamoDB's typed JSON, binary as base64 text."""
        return self._wired("Keys", _item(self._change["Keys"], "dynamodb.Keys"))

    @cached_property
    def old_typed(self) -> dict[str, object] | None:
        """``OldImage`` in DynamoDB's typed JSON, binary as base64 text, or None as for ``old``."""
        return self._typed("OldImage", self.old_sent)

    @cached_property
    def new_typed(self) -> dict[str, object] | None:
        """``NewImage`` in DynamoDB's typed JSON, binary as base64 text, or None as for ``new``."""
        return self._typed("NewImage", self.new_sent)

    @property
    def old_sent(self) -> Mapping[str, object] | None:
        """``old_typed`` as it came, binary as base64 text or ``bytes``; read anew each time, for who needs it once."""
        view = self.view
        return self._sent("OldImage", shown=view is not None and view.shows_old(self.kind))

    @property
    def new_sent(self) -> Mapping[str, object] | None:
        """``new_typed`` as it came, binary as base64 text or ``bytes``; read anew each time, for who needs it once."""
        view = self.view
        return self._sent("NewImage", shown=view is not None and view.shows_new(self.kind))

    @property
    def is_backfill(self) -> bool:
        """True for an image that a first load read from the table: the state before all changes (E13)."""
        if "afterbay" not in self._record:
            return False
        mark = _plain(self._record["afterbay"], "afterbay")
        return _is_object(mark) and mark.get("backfill") is True

    @property
    def is_expiry(self) -> bool:
        """True for a removal by TTL (S65, R136)."""
        if self.kind is not ChangeKind.REMOVE or "userIdentity" not in self._record:
            return False
        identity = _plain(self._record["userIdentity"], "userIdentity")
        if not _is_object(identity):
            raise RecordError("a JSON object is wanted", path="userIdentity")
        return removal(identity) is Removal.EXPIRED

    @property
    def token(self) -> str:
        """The sequence token (E2): text that compares as changes do. The lowest one for a backfilled image (E13)."""
        return LOWEST_TOKEN if self.is_backfill else token(self._epoch or self._stream.label, self.sequence_number)

    def diff(self) -> Diff:
        """Which fields moved, from what to what. Raises ``SettingsError`` where the view type hides an image."""
        hidden = [
            name
            for name, there, image in (
                ("old", self.kind.has_old, self.old_typed),
                ("new", self.kind.has_new, self.new_typed),
            )
            if there and image is None
        ]
        if hidden:
            view = self.view or "an unknown view type"
            raise SettingsError(
                f"a {self.kind} under {view} has no {' and no '.join(hidden)} image: there is nothing to compare",
                where=self.stream_arn,
                hint="a stream with NEW_AND_OLD_IMAGES has both",
            )
        return Diff(self.old, self.new)

    def _text(self, name: str) -> str:
        said = _plain(self._record.get(name), name)
        if isinstance(said, str):
            return said
        raise RecordError("missing" if said is None else "a JSON string is wanted", path=name)

    def _named_stream(self, stream_arn: str | None) -> StreamArn:
        named = self._text("eventSourceARN") if "eventSourceARN" in self._record else stream_arn
        if named is None:
            raise RecordError(
                "the record does not name its stream",
                path="eventSourceARN",
                hint="records of GetRecords do not: pass stream_arn",
            )
        try:
            return parse_stream_arn(named)
        except SettingsError as wrong:
            raise RecordError(wrong.message, path="eventSourceARN", hint=wrong.hint) from wrong

    def _sent(self, name: str, *, shown: bool) -> Mapping[str, object] | None:
        path = f"dynamodb.{name}"
        if name in self._change:
            return _item(self._change[name], path)
        if shown and not self.is_backfill:
            raise RecordError(f"missing, though {self.view} shows it for {self.kind} (S60)", path=path)
        return None

    def _typed(self, name: str, sent: Mapping[str, object] | None) -> dict[str, object] | None:
        return None if sent is None else self._wired(name, sent)

    def _wired(self, name: str, sent: Mapping[str, object]) -> dict[str, object]:
        """What came decoded may hold ``bytes``, which become base64 text; all else stays."""
        parsed = isinstance(self._change[name], msgspec.Raw)
        return cast("dict[str, object]", sent) if parsed else wire_item(sent, f"dynamodb.{name}")

    def _decoded(self, name: str, typed: dict[str, object] | None) -> Item | None:
        return None if typed is None else decode_item(typed, f"dynamodb.{name}")


def _opened(value: object, path: str) -> Mapping[str, object]:
    """An object's members, undecoded where it came as bytes."""
    if isinstance(value, bytes | msgspec.Raw):
        try:
            return _members.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
            raise RecordError("a JSON object is wanted", path=path) from broken
    if _is_object(value):
        return value
    raise RecordError(f"an object is wanted, not {type(value).__name__}", path=path)


def _plain(value: object, path: str) -> object:
    """A member, decoded if it came as bytes."""
    if not isinstance(value, msgspec.Raw):
        return value
    try:
        return _value.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise RecordError("not JSON", path=path) from broken


def _item(value: object, path: str) -> Mapping[str, object]:
    plain = _plain(value, path)
    if _is_object(plain):
        return plain
    raise RecordError("an item is a JSON object", path=path)


def _kind(name: str) -> ChangeKind:
    try:
        return ChangeKind(name)
    except ValueError as unknown:
        raise RecordError(
            f"unknown kind of change {name[:20]!r}; known are {', '.join(ChangeKind)}", path="eventName"
        ) from unknown


def _sequence(change: Mapping[str, object]) -> SequenceNumber:
    path = "dynamodb.SequenceNumber"
    said = _plain(change.get("SequenceNumber"), path)
    if not isinstance(said, str):
        raise RecordError("missing" if said is None else "a JSON string of digits is wanted", path=path)
    try:
        return SequenceNumber(said)
    except RecordError as wrong:
        raise RecordError(str(wrong), path=path) from wrong


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)
