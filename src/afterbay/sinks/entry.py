"""A change as a current-state sink writes it: one key, one token, an item or a tombstone.

Decides what is written and what cannot be. Writing it in one atomic step with the guard is each sink's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import SequenceToken
from afterbay.core.change.value import Item, TypedItem, canonical, decode_item, json_item, wire_item
from afterbay.core.change.view import ChangeKind
from afterbay.core.guard import LOWEST_TOKEN, Kind, Verdict, judge
from afterbay.errors import RecordError, SettingsError
from afterbay.sinks.options import Expiry, SinkOptions

__all__ = ["Entry", "entry_of", "judge_stored", "prepare", "prepare_all", "refuse_no_key"]

_KEY_TYPES = frozenset({"S", "N", "B"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One write. ``key`` is the canonical key text, which tells items apart (S101). ``json`` is the item's text with
    exact numbers, for stores that keep documents; None makes a tombstone. ``names`` are the item's attributes, a
    tombstone's the key's.

    ``image`` reads the item in DynamoDB's typed JSON: few sinks want it in a form that takes more room than its text.

    ``skips``: an expiry that the sink does not mirror. What is stored stays and only its token moves up (E6).
    """

    key: str
    keys_typed: TypedItem
    names: Collection[str]
    token: str
    created_s: float
    json: str | None
    image: Callable[[], TypedItem]
    skips: bool = False

    @property
    def typed(self) -> TypedItem | None:
        """The item in DynamoDB's typed JSON."""
        return None if self.json is None else self.image()

    @property
    def item(self) -> Item | None:
        """The item in Python values, decoded each time."""
        return None if self.json is None else decode_item(self.image())

    @property
    def keys(self) -> Item:
        """The key in Python values, decoded each time."""
        return decode_item(self.keys_typed)


def prepare_all(
    changes: Sequence[ChangeRecord], options: SinkOptions
) -> tuple[list[tuple[int, Entry]], dict[int, Verdict]]:
    """The writes of a batch by place, in order, and the verdicts of those that cannot be written."""
    entries: list[tuple[int, Entry]] = []
    refused: dict[int, Verdict] = {}
    for index, change in enumerate(changes):
        prepared = prepare(change, options)
        if isinstance(prepared, Entry):
            entries.append((index, prepared))
        else:
            refused[index] = prepared
    return entries, refused


def prepare(change: ChangeRecord, options: SinkOptions) -> Entry | Verdict:
    """What to write for ``change``, or the poison verdict of one that cannot be decoded, has no key that a table could
    have, or hides its new image.

    Rules: E6 a removal is a tombstone, E13 an image of a backfill has the lowest token. Raises ``SettingsError`` for
    what is no change.
    """
    if not isinstance(change, ChangeRecord):  # pyright: ignore[reportUnnecessaryIsInstance] # a person's code
        raise SettingsError(
            f"a sink takes changes, not {type(change).__name__}", hint="afterbay.changes(event) makes them"
        )
    return _or_poison(lambda: _entry(change, options))


def entry_of(
    keys_typed: TypedItem, image: TypedItem | None, options: SinkOptions, *, token: str, created_s: float
) -> Entry | Verdict:
    """What to write for an item that was read from its table, None: it is not there. ``token`` is the one that the
    sink keeps for it, ``created_s`` the moment of that read. Otherwise as ``prepare``."""

    def make() -> Entry:
        keys = wire_item(keys_typed)
        sent = None if image is None else wire_item(image)
        return _made(keys, sent, lambda: sent or {}, options, token=token, created_s=created_s)

    return _or_poison(make)


def _or_poison(make: Callable[[], Entry]) -> Entry | Verdict:
    try:
        return make()
    except RecordError as broken:
        return Verdict(Kind.POISON, str(broken))
    except UnicodeEncodeError:
        # A lone surrogate: JSON can spell it and Python reads it, but no table can hold it and no store takes it.
        return Verdict(Kind.POISON, "dynamodb: a text is not valid Unicode")


def _entry(change: ChangeRecord, options: SinkOptions) -> Entry:
    keys = change.keys_typed
    sent: TypedItem | None = None
    if change.kind is not ChangeKind.REMOVE:
        sent = change.new_sent
        if sent is None:
            raise RecordError(
                f"a {change.kind} without the new image cannot be written",
                path="dynamodb.NewImage",
                hint="the stream's view type must be NEW_IMAGE or NEW_AND_OLD_IMAGES",
            )
    return _made(
        keys,
        sent,
        lambda: change.new_typed or {},
        options,
        token=change.token,
        created_s=change.created_s,
        skips=change.is_expiry and options.ttl is Expiry.SKIP,
    )


def _made(
    keys: TypedItem,
    sent: TypedItem | None,
    typed: Callable[[], TypedItem],
    options: SinkOptions,
    *,
    token: str,
    created_s: float,
    skips: bool = False,
) -> Entry:
    """``sent`` is the image as it came, ``typed`` reads it with binary as base64 text."""

    def image() -> TypedItem:
        return options.project(typed(), keys.keys())

    key = canonical(keys, "dynamodb.Keys").decode()
    refuse_no_key(keys)
    names: Collection[str] = keys
    json: str | None = None
    if sent is not None:
        item = options.project(sent, keys.keys())
        json, names = json_item(item, "dynamodb.NewImage", image).decode(), tuple(item)
    return Entry(
        key=key,
        keys_typed=keys,
        names=names,
        token=token,
        created_s=created_s,
        json=json,
        image=image,
        skips=skips,
    )


def refuse_no_key(keys: TypedItem) -> None:
    """``keys`` are well-formed values; raises ``RecordError`` where no table could have them for its key (E4, S99): a
    sink would store an item under another's key, or fail the whole batch."""
    if not keys:
        raise RecordError("a record's key has at least one attribute", path="dynamodb.Keys")
    for name, value in keys.items():
        ((tag, inner),) = cast("Mapping[str, object]", value).items()
        if tag not in _KEY_TYPES:
            raise RecordError("a key attribute is a string, a number or binary", path=f"dynamodb.Keys.{name}")
        if not inner:
            raise RecordError("a key attribute is never empty (S99)", path=f"dynamodb.Keys.{name}")


def judge_stored(token: str, stored: str | None, sink: str) -> Verdict:
    """E5 against a token read from a sink. Raises ``SettingsError`` for one of another form: the two do not compare, so
    one sink never holds both (E2)."""
    if stored not in (None, LOWEST_TOKEN):
        try:
            SequenceToken.parse(stored)
        except (RecordError, SettingsError) as foreign:
            raise SettingsError(
                f"{sink} holds a token of another form, of {len(stored)} characters",
                hint="its items are another source's or another program's: give each kind of source a sink of its own",
            ) from foreign
    return judge(token, stored)
