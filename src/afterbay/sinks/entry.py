"""A change as a current-state sink writes it: one key, one token, an item or a tombstone.

Decides what is written and what cannot be. Writing it in one atomic step with the guard is each sink's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import SequenceToken
from afterbay.core.change.value import Item, TypedItem, canonical_key, decode_item, json_bytes
from afterbay.core.change.view import ChangeKind
from afterbay.core.guard import LOWEST_TOKEN, Kind, Verdict, judge
from afterbay.errors import RecordError, SettingsError
from afterbay.sinks.options import Expiry, SinkOptions

__all__ = ["Entry", "judge_stored", "prepare", "prepare_all"]


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
    try:
        return _entry(change, options)
    except RecordError as broken:
        return Verdict(Kind.POISON, str(broken))
    except UnicodeEncodeError:
        # A lone surrogate: JSON can spell it and Python reads it, but no table can hold it and no store takes it.
        return Verdict(Kind.POISON, "dynamodb: a text is not valid Unicode")


def _entry(change: ChangeRecord, options: SinkOptions) -> Entry:
    keys_typed, keys = change.keys_typed, change.keys
    typed: dict[str, object] | None = None
    item: Item | None = None
    if change.kind is not ChangeKind.REMOVE:
        image = change.new_typed
        if image is None:
            raise RecordError(
                f"a {change.kind} without the new image cannot be written",
                path="dynamodb.NewImage",
                hint="the stream's view type must be NEW_IMAGE or NEW_AND_OLD_IMAGES",
            )
        typed = options.project(image, keys_typed.keys())
        item = decode_item(typed, "dynamodb.NewImage")
    return Entry(
        key=canonical_key(keys).decode(),
        keys=keys,
        keys_typed=keys_typed,
        token=LOWEST_TOKEN if change.is_backfill else change.token,
        created_s=change.created_s,
        item=item,
        typed=typed,
        json=None if item is None else json_bytes(item).decode(),
        skips=change.is_expiry and options.ttl is Expiry.SKIP,
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
