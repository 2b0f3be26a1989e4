"""``/_afterbay/why`` and ``/_afterbay/skip``: what became of a record, and how a shard is unblocked.

Reads the question and finds who can answer. The answers are made elsewhere: ``engine/inquiry.py``,
``core/mapping/skip.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial

from afterbay.core.change.source import SourceKind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.events import SkipRequested
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.skip import SkipPlan
from afterbay.core.mapping.whereabouts import Whereabouts
from afterbay.core.shard.position import Position, ShardId
from afterbay.engine.asked_key import asked_number
from afterbay.engine.inquiry import Question, answer, search
from afterbay.engine.journal import Journal
from afterbay.engine.recall import Place
from afterbay.engine.supervisor import Supervisor
from afterbay.engine.why import as_document, of_mapping
from afterbay.errors import SettingsError
from afterbay.sources.span import Reread, Span, reread
from afterbay.sources.streams_api import StreamsApi

__all__ = ["Inquiries"]

Members = Mapping[str, JsonValue]


class Inquiries:
    """Answers documents. Raises ``SettingsError`` for a question that cannot be meant."""

    def __init__(
        self, supervisor: Supervisor, journal: Journal, streams: StreamsApi, now: Callable[[], datetime]
    ) -> None:
        self._supervisor = supervisor
        self._journal = journal
        self._streams = streams
        self._now = now

    def calls(self) -> Mapping[tuple[str, str], Callable[[Members], Awaitable[object]]]:
        """By method and name; those that are no GET change something."""
        return {("GET", "why"): self.why, ("GET", "skip"): self.plan_skip, ("POST", "skip"): self.skip}

    async def why(self, members: Members) -> object:
        """``key`` or ``sequence``; ``mapping``, ``shard``, ``images=1``. What ``afterbay why --json`` prints."""
        known = ("key", "sequence", "mapping", "shard", "images")
        texts = _texts(members, *known)
        key, sequence = texts.get("key"), texts.get("sequence")
        if (key is None) == (sequence is None):
            raise SettingsError("one of key and sequence is asked for", hint="as in why?key=order-1")
        if sequence is not None and asked_number(sequence) is None:
            raise SettingsError(f"sequence must be a number of 21 to 40 digits, not {sequence!r}")
        question = Question(
            text=key if key is not None else sequence or "",
            by_key=key is not None,
            shard=texts.get("shard"),
            images=texts.get("images", "0") not in ("0", "", "false"),
        )
        account = await self._journal.ask(partial(search, question=question))
        places = account.places
        settings = {place.mapping: found for place in places if (found := self._settings(place.mapping)) is not None}
        held: dict[Place, Whereabouts] = {}
        for place in places:
            here = self._supervisor.whereabouts(place.mapping, place.shard, place.position)
            if here is not None:
                held[place] = here
        story = await answer(question, account, settings, held, self._fetch)
        return as_document(of_mapping(story, texts["mapping"]) if "mapping" in texts else story)

    async def plan_skip(self, members: Members) -> object:
        uuid, request = _skip_in(members)
        return self._document(uuid, self._supervisor.plan_skip(uuid, request))

    async def skip(self, members: Members) -> object:
        uuid, request = _skip_in(members)
        return self._document(uuid, self._supervisor.skip(uuid, request))

    def _settings(self, uuid: str) -> MappingSettings | None:
        return self._supervisor.settings_of(uuid)

    async def _fetch(self, settings: MappingSettings, shard: ShardId, position: Position) -> Reread:
        if settings.kind is not SourceKind.TABLE:
            return Reread((), lost=f"a record of a {settings.kind.value} is not read again")
        return await reread(self._streams, Span(settings.event_source_arn, shard, position, position), limit=1)

    def _document(self, uuid: str, plan: SkipPlan) -> object:
        """Positions as text: they fit no number of JSON's."""
        age_s = None if plan.oldest_s is None else max(0.0, self._now().timestamp() - plan.oldest_s)
        told = asdict(plan)
        del told["oldest_s"]
        ends = {name: None if told[name] is None else str(told[name]) for name in ("through", "first", "last")}
        return {"mapping": uuid, **told, **ends, "oldest_age_s": age_s}


def _skip_in(members: Members) -> tuple[str, SkipRequested]:
    texts = _texts(members, "mapping", "shard", "through", "letter_to")
    for name in ("mapping", "shard", "through"):
        if not texts.get(name):
            raise SettingsError(f"{name} is missing", hint='as in {"mapping": UUID, "shard": S, "through": SEQUENCE}')
    if not texts["through"].isdecimal():
        raise SettingsError(f"through must be a sequence number, not {texts['through']!r}")
    return texts["mapping"], SkipRequested(
        ShardId(texts["shard"]), Position(int(texts["through"])), texts.get("letter_to") or None
    )


def _texts(members: Members, *known: str) -> dict[str, str]:
    unknown = sorted(set(members) - set(known))
    if unknown:
        raise SettingsError(f"unknown member {unknown[0]!r}", hint=f"known are {', '.join(known)}")
    texts: dict[str, str] = {}
    for name, value in members.items():
        if not isinstance(value, str):
            raise SettingsError(f"{name} must be a text, not {value!r}")
        texts[name] = value
    return texts
