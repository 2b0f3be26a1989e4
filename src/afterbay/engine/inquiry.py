"""A question after an item or a record, answered: from the journal, from what is read again, from what a mapping holds.

Does what ``why.py`` needs done; the words and the conclusions are there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.whereabouts import Whereabouts
from afterbay.core.shard.position import Position, ShardId
from afterbay.engine.asked_key import KeyAttribute, asked_number, first_parts, is_named, keys_meant, whole_key
from afterbay.engine.recall import Account, Place, recall
from afterbay.engine.why import RecordStory, Story, needs_record, tell, with_record
from afterbay.errors import AfterbayError
from afterbay.ports import JournalReader
from afterbay.sources.span import Reread
from afterbay.telemetry.journal import Read, decode
from afterbay.telemetry.marks import KeyMarks

__all__ = ["Fetch", "Question", "answer", "search"]

READ_AGAIN_MAX = 20
"""Records that are read again for one question: two calls each. The others' stories do without."""

Fetch = Callable[[MappingSettings, ShardId, Position], Awaitable[Reread]]
"""Reads one record of a mapping's stream again."""


@dataclass(frozen=True, slots=True)
class Question:
    """``text`` as it was typed: a key or a sequence number, unless it is ``by_key``. ``shard`` narrows it
    down. ``schemas``: key attributes of the tables that may be meant, for a journal that has no key in clear."""

    text: str
    by_key: bool = False
    shard: str | None = None
    schemas: tuple[tuple[KeyAttribute, ...], ...] = ()
    images: bool = False


def search(journal: JournalReader, question: Question) -> Account:
    """All that the journal has about it. Blocking. Raises ``StateError``, and ``SettingsError`` for what is no key."""
    number = None if question.by_key else asked_number(question.text)
    if number is not None:
        return recall(journal, number, question.shard)
    marks = KeyMarks(journal.seed())
    whole = whole_key(question.text)
    keys = [whole] if whole is not None else _keys(journal, question)
    accounts = [recall(journal, marks.of(key), question.shard) for key in keys]
    return Account(
        tuple(place for one in accounts for place in one.places),
        tuple(entry for one in accounts for entry in one.entries),
        any(one.more for one in accounts),
        tuple(story for one in accounts for story in one.stories),
    )


async def answer(
    question: Question,
    account: Account,
    settings: Mapping[str, MappingSettings],
    whereabouts: Mapping[Place, Whereabouts],
    fetch: Fetch,
) -> Story:
    """The story; ``settings`` and ``whereabouts`` as ``why.tell`` takes them. Raises nothing that a service can cause:
    what cannot be read again is told as lost."""
    story = tell(question.text, account, settings, whereabouts)
    left = READ_AGAIN_MAX
    records: list[RecordStory] = []
    for one in story.records:
        mapping = settings.get(one.mapping)
        if mapping is None or not left or not needs_record(one, images=question.images):
            records.append(one)
            continue
        left -= 1
        records.append(await _read_again(one, mapping, fetch, images=question.images))
    return Story(story.asked, tuple(records), story.more)


async def _read_again(one: RecordStory, mapping: MappingSettings, fetch: Fetch, *, images: bool) -> RecordStory:
    try:
        again = await fetch(mapping, ShardId(one.shard), Position(int(one.sequence_number)))
    except AfterbayError as error:
        return with_record(one, None, mapping, lost=str(error), images=images)
    found = [record for record in again.records if record.position == int(one.sequence_number)]
    return with_record(one, found[0].body if found else None, mapping, lost=again.lost, images=images)


def _keys(journal: JournalReader, question: Question) -> list[bytes]:
    """The keys that a text without types means: those in clear that are called so, and what it can be in a table."""
    found: dict[bytes, None] = dict.fromkeys(_in_clear(journal, question.text))
    for schema in question.schemas:
        found |= dict.fromkeys(bytes(key) for key in keys_meant(question.text, schema))
    return list(found)


def _in_clear(journal: JournalReader, text: str) -> Iterable[bytes]:
    """Keys of a journal that keeps them in clear and whose item is called ``text`` (E4)."""
    for part in first_parts(text):
        content = msgspec.json.encode(part)
        for _, row in journal.journal_holding(content):
            entry = decode(row.body)
            keys = entry.keys if isinstance(entry, Read) and entry.keys is not None else ()
            yield from (key for key in keys if content in key and is_named(key, text))
