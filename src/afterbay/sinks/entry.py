"""A change as a current-state sink writes it: one key, one token, an item or a tombstone.

Decides what is written and what cannot be. Writing it in one atomic step with the guard is each sink's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import SequenceToken
from afterbay.core.change.value import Item, TypedItem, canonical_key, decode_item, json_bytes
from afterbay.core.change.view import ChangeKind
from afterbay.core.guard import LOWEST_TOKEN, Kind, Verdict, judge
from afterbay.errors import RecordError, SettingsError
from afterbay.sinks.options import Expiry, SinkOptions

__all__ = ["Entry", "entry_of", "judge_stored", "prepare", "prepare_all"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One write. ``key`` is the canonical key text, which tells items apart (S101). ``typed`` and ``item`` are the
    same item, in DynamoDB's typed JSON and in Python values, ``json`` its text with exact numbers for stores that keep
    documents; None makes a tombstone.

    ``skips``: an expiry that the sink does not mirror. What is stored stays and only its token moves up (E6).
    """

    key: str
    keys: Item
    keys_typed: TypedItem
    token: str
    created_s: float
    item: Item | None
    typed: TypedItem | None
    json: str | None
    skips: bool = False


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
    """What to write for ``change``, or the poison verdict of one that cannot be decoded or that hides its new image.

    Rules: E6 a removal is a tombstone, E13 an image of a backfill has the lowest token.
    """
    return _or_poison(lambda: _entry(change, options))


def entry_of(
    keys_typed: TypedItem, image: TypedItem | None, options: SinkOptions, *, token: str, created_s: float
) -> Entry | Verdict:
    """What to write for an item that was read from its table, None: it is not there. ``token`` is the one that the
    sink keeps for it, ``created_s`` the moment of that read. Otherwise as ``prepare``."""
    return _or_poison(lambda: _made(keys_typed, decode_item(keys_typed), image, options, token, created_s))


def _or_poison(make: Callable[[], Entry]) -> Entry | Verdict:
    try:
        return make()
    except RecordError as broken:
        return Verdict(Kind.POISON, str(broken))
    except UnicodeEncodeError:
        # A lone surrogate: JSON can spell it and Python reads it, but no table can hold it and no store takes it.
        return Verdict(Kind.POISON, "dynamodb: a text is not valid Unicode")


def _entry(change: ChangeRecord, options: SinkOptions) -> Entry:
    image: TypedItem | None = None
    if change.kind is not ChangeKind.REMOVE:
        image = change.new_typed
        if image is None:
            raise RecordError(
                f"a {change.kind} without the new image cannot be written",
                path="dynamodb.NewImage",
                hint="the stream's view type must be NEW_IMAGE or NEW_AND_OLD_IMAGES",
            )
    token = LOWEST_TOKEN if change.is_backfill else change.token
    skips = change.is_expiry and options.ttl is Expiry.SKIP
    return _made(change.keys_typed, change.keys, image, options, token, change.created_s, skips=skips)


def _made(
    keys_typed: TypedItem,
    keys: Item,
    image: TypedItem | None,
    options: SinkOptions,
    token: str,
    created_s: float,
    *,
    skips: bool = False,
) -> Entry:
    typed = None if image is None else options.project(image, keys_typed.keys())
    item = None if typed is None else decode_item(typed, "dynamodb.NewImage")
    return Entry(
        key=canonical_key(keys).decode(),
        keys=keys,
        keys_typed=keys_typed,
        token=token,
        created_s=created_s,
        item=item,
        typed=typed,
        json=None if item is None else json_bytes(item).decode(),
        skips=skips,
    )


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
