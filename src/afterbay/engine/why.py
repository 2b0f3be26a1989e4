"""What became of a record, as a story: made of the journal's account of it, and of what is read again.

Decides what the account comes to. Values in, values out: ``Fetch`` reads for it, the journal is asked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

import msgspec

from afterbay.core.change.arn import is_pipe, owner_name
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.deadletter import Condition
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.whereabouts import Whereabouts
from afterbay.engine.happening import Happening, Words, fate_in
from afterbay.engine.left_out import FilterVerdict, judge
from afterbay.engine.recall import Account, Place, Recorded
from afterbay.telemetry.journal import Answered, Lettered, Passed, Read, Resting, Sent, Told, unpack

__all__ = ["Outcome", "RecordStory", "Story", "as_document", "needs_record", "of_mapping", "tell", "with_record"]

Outcome = Literal[
    "delivered",
    "filtered",
    "discarded",
    "skipped",
    "dropped",
    "trimmed",
    "in flight",
    "waiting",
    "read",
]

_SUMMARIES: dict[Outcome, str] = {
    "delivered": "delivered",
    "filtered": "left out by the filters, or finished by an earlier run",
    "discarded": "given up, by dead letter",
    "skipped": "given up by an operator, by dead letter",
    "dropped": "given up; no destination was set, so there is no dead letter",
    "trimmed": "failed until its stream dropped it",
    "in flight": "being delivered",
    "waiting": "waiting to be tried again",
    "read": "read, and not delivered yet",
}

_QUIET = (Read, Sent, Answered, Resting, Lettered, Passed)
"""What is about records. All else is told of a shard or a mapping, and only while the record was on its way."""


@dataclass(frozen=True, slots=True)
class RecordStory:
    """One record in one mapping. ``key`` is the item's typed key, or None where only its mark is known. ``function``:
    the ARN of the function or pipe, None where the mapping's settings are not at hand, as are then ``stream`` and
    ``filters``. ``record`` is there if it was asked for and could be read again; ``lost`` says why it could not.
    """

    mapping: str
    function: str | None
    stream: str | None
    shard: str
    sequence_number: str
    key: JsonValue
    outcome: Outcome
    summary: str
    events: tuple[Happening, ...]
    waits: Whereabouts | None = None
    filters: tuple[FilterVerdict, ...] = ()
    record: JsonValue = None
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """``asked`` as it was typed. ``more``: the item has older records that are not told."""

    asked: str
    records: tuple[RecordStory, ...]
    more: bool = False


def tell(
    asked: str,
    account: Account,
    settings: Mapping[str, MappingSettings],
    whereabouts: Mapping[Place, Whereabouts],
) -> Story:
    """The story of every record of ``account``, the one that was read first at the top.

    ``settings``: of mappings by UUID, as far as they are known. ``whereabouts``: of what a mapping holds now.
    """
    told = [
        _record(place, entries, settings.get(place.mapping), whereabouts.get(place))
        for place, entries in zip(account.places, account.stories, strict=True)
    ]
    return Story(asked, tuple(sorted(told, key=_when)), account.more)


def needs_record(story: RecordStory, *, images: bool) -> bool:
    """True where the record, read again, would say more: what a filter left out, a key that is not known, or its
    images, if they are to be shown."""
    return story.stream is not None and (images or story.key is None or story.outcome in ("filtered", "read"))


def with_record(
    story: RecordStory, body: bytes | None, settings: MappingSettings, *, lost: str | None = None, images: bool
) -> RecordStory:
    """The story, and what the record itself says. ``body`` in Lambda's form; None: it is ``lost``."""
    if body is None:
        return replace(story, lost=lost or "the stream has no record of this number")
    whole: JsonValue = msgspec.json.decode(body)
    if story.key is None:
        story = replace(story, key=_keys_in(whole))
    if images:
        story = replace(story, record=whole)
    if story.outcome not in ("filtered", "read"):
        return story
    verdicts = judge(settings, body)
    if verdicts and not any(one.matched for one in verdicts):
        left_out = "; ".join(f"filter {one.number}: {', '.join(one.because)}" for one in verdicts)
        return replace(story, outcome="filtered", filters=verdicts, summary=f"left out by {left_out}")
    if story.outcome == "filtered":
        story = replace(
            story, summary="the filters let it pass: an earlier run had finished it, or they have changed since"
        )
    return replace(story, filters=verdicts)


def of_mapping(story: Story, name: str) -> Story:
    """Only what a mapping did: named by its UUID, or by the ARN or name of its function or pipe."""
    return replace(story, records=tuple(one for one in story.records if name in _names(one)))


def as_document(story: Story) -> dict[str, object]:
    """The documented JSON form; a happening's members stand beside its moment and its line."""
    return {
        "asked": story.asked,
        "more": story.more,
        "records": [
            {**asdict(replace(one, events=())), "events": [_event(event) for event in one.events]}
            for one in story.records
        ],
    }


def _event(event: Happening) -> dict[str, object]:
    return {"at": event.at, "what": event.what, "text": event.text, **event.members}


def _record(
    place: Place, entries: Iterable[Recorded], settings: MappingSettings | None, waits: Whereabouts | None
) -> RecordStory:
    own = _own(place, list(entries))
    words = Words(place.position, _called(place, settings))
    outcome = _outcome(place, own)
    return RecordStory(
        mapping=place.mapping,
        function=None if settings is None else settings.function_arn,
        stream=None if settings is None else settings.event_source_arn,
        shard=place.shard,
        sequence_number=str(place.position),
        key=None if place.key is None else _plain_key(place.key),
        outcome=outcome,
        summary=_SUMMARIES[outcome] if waits is None else waits.text,
        events=tuple(words.of(one) for one in own),
        waits=waits,
    )


def _own(place: Place, entries: list[Recorded]) -> list[Recorded]:
    """What concerns the record itself, and what befell its shard or mapping while it was on its way.

    A batch that was given up before it was ever sent is told by its range alone, in which there are records of other
    lanes: one that was delivered has nothing to do with it.
    """
    requests = {one.request_id for one in entries if isinstance(one.entry, Sent)}
    delivered = any(
        isinstance(one.entry, Answered)
        and one.request_id in requests
        and fate_in(one.entry, place.position) == "delivered"
        for one in entries
    )
    own = [
        one
        for one in entries
        if not (isinstance(one.entry, Told) and one.entry.notice == "DISCARDED")  # its letter says it
        and not (delivered and one.request_id not in requests and isinstance(one.entry, Lettered | Told) and one.first)
    ]
    moments = [one.entry.at_ms for one in own if isinstance(one.entry, _QUIET)]
    over = any(isinstance(one.entry, Passed) for one in own)
    first, last = min(moments, default=0), max(moments, default=0)
    return [
        one
        for one in own
        if one.first is not None
        or one.request_id
        or (first <= one.entry.at_ms and (not over or one.entry.at_ms <= last))
    ]


def _outcome(place: Place, entries: list[Recorded]) -> Outcome:
    state: Outcome = "read"
    passed = False
    for one in entries:
        match one.entry:
            case Sent() if place.position in unpack(one.first or 0, one.entry.positions):
                state = "in flight"
            case Answered() as answer:
                state = "delivered" if fate_in(answer, place.position) == "delivered" else "waiting"
            case Lettered(condition=condition):
                state = "skipped" if condition == Condition.SKIPPED_BY_OPERATOR.value else "discarded"
            case Told(notice="DROPPED"):
                state = "dropped"
            case Told(notice="TRIMMED") if one.first is not None:  # else it is of a shard, and of nothing that was read
                state = "trimmed"
            case Passed():
                passed = True
            case _:
                pass
    return "filtered" if state == "read" and passed else state


def _names(story: RecordStory) -> set[str]:
    arn = story.mapping if story.function is None else story.function
    return {story.mapping, arn, _name(arn)}


def _name(arn: str) -> str:
    """Of a function or a pipe; empty for what is no ARN."""
    return owner_name(arn) if arn.startswith("arn:") else ""


def _called(place: Place, settings: MappingSettings | None) -> str:
    arn = place.mapping if settings is None else settings.function_arn
    return f"pipe {_name(arn)}" if is_pipe(arn) else _name(arn) or "the function"


def _plain_key(key: bytes) -> JsonValue:
    try:
        whole: JsonValue = msgspec.json.decode(key)
        return whole
    except (msgspec.DecodeError, UnicodeDecodeError):
        return key.decode(errors="replace")  # of Kinesis: the partition key


def _keys_in(record: JsonValue) -> JsonValue:
    part = record.get("dynamodb") if isinstance(record, dict) else None
    return part.get("Keys") if isinstance(part, dict) else None


def _when(story: RecordStory) -> str:
    return story.events[0].at if story.events else ""
