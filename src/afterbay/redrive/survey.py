"""Reads letters wherever they lie, and gathers what a list, a look or a plan says of them.

Does; what is said is ``listing``'s and ``planning``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from afterbay.core.change.source import TABLE_RETENTION_S
from afterbay.errors import ServiceError, SettingsError, ThrottledError, UnavailableError
from afterbay.redrive.access import Access
from afterbay.redrive.bodies import Bodies
from afterbay.redrive.destinations import find_destinations
from afterbay.redrive.letter import DeadLetter, LetterKind
from afterbay.redrive.listing import Seen
from afterbay.redrive.mailbox import Contents, Mailbox
from afterbay.redrive.owner import Owner
from afterbay.redrive.plan import Plan, PlannedLetter
from afterbay.redrive.planning import Asked, instant, keys_of, plan_letter

__all__ = ["Found", "Looks", "Sources", "make_plan", "read_letters", "see"]


class Looks(Protocol):
    """What a look at a letter needs of the world. Each raises ``ServiceError`` or ``SettingsError``."""

    async def retention_s(self, stream_arn: str) -> float: ...

    async def owner(self, letter: DeadLetter) -> Owner: ...

    async def bodies(self, letter: DeadLetter, filters: Sequence[str]) -> Bodies: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to look. Nothing named: every destination of the account and region."""

    queues: tuple[str, ...] = ()
    buckets: tuple[tuple[str, str], ...] = ()

    @property
    def named(self) -> bool:
        return bool(self.queues or self.buckets)


@dataclass(frozen=True, slots=True)
class Found:
    """``places`` that were looked into, ``unreadable`` ones with the reason, ``not_shown``: how many more letters they
    say they hold."""

    letters: tuple[DeadLetter, ...]
    places: tuple[str, ...]
    unreadable: tuple[str, ...] = ()
    not_shown: int = 0


async def read_letters(access: Access, sources: Sources) -> Found:
    """Every letter, oldest first. Raises ``ServiceError``, and ``SettingsError`` for a place that was named and is not
    there; one that was found by itself is told instead."""
    unreadable: list[str] = []
    named = sources.named
    if not named:
        found = await find_destinations(access.aws())
        sources = Sources(found.queues, found.buckets)
        unreadable += found.unreadable
    boxes: list[Mailbox] = [access.queue(url) for url in sources.queues]
    boxes += [access.bucket(*one) for one in sources.buckets]
    letters: list[DeadLetter] = []
    not_shown = 0
    # Side by side: a queue is known to be empty only after a receive that waits.
    told = await asyncio.gather(*(_read(box, lenient=not named) for box in boxes))
    for box, contents in zip(boxes, told, strict=True):
        if isinstance(contents, str):
            unreadable.append(f"{box.name}: {contents}")
            continue
        letters += contents.letters
        not_shown += contents.not_shown
    letters.sort(key=lambda one: (one.sent_s or 0.0, str(one.place)))
    return Found(tuple(letters), tuple(one.name for one in boxes), tuple(unreadable), not_shown)


async def _read(box: Mailbox, *, lenient: bool) -> Contents | str:
    """What is in it; of one that was found by itself, why it cannot be read."""
    try:
        return await box.read()
    except (ServiceError, SettingsError) as error:
        if not lenient:
            raise
        return error.message


async def see(access: Looks, letter: DeadLetter, *, records: bool) -> Seen:
    """What a list (``records`` False) or a look says of a letter. One that names what is none, or what nobody here may
    look at, is said to be unreadable: it keeps nobody from the others. Raises ``ServiceError`` for an outage."""
    retention_s = TABLE_RETENTION_S
    try:
        retention_s = await access.retention_s(letter.stream_arn)
        if letter.kind is LetterKind.UNKNOWN or not records:
            return Seen(letter, retention_s)
        owner = await access.owner(letter)
        return Seen(letter, retention_s, owner, await access.bodies(letter, owner.filters))
    except (ThrottledError, UnavailableError):
        raise
    except (ServiceError, SettingsError) as refused:
        return Seen(letter, retention_s, bodies=Bodies(unreadable=str(refused)))


async def make_plan(
    access: Access, found: Found, asked: Asked, *, archive: str | None, heard: Callable[[int], None]
) -> Plan:
    """Plan every letter. Changes nothing. ``heard`` is told how many are done. Raises ``ServiceError``."""
    planned: list[PlannedLetter] = []
    for letter in found.letters:
        planned.append(await _plan_one(access, letter, asked))
        heard(len(planned))
    made_at = instant(access.now().timestamp()) or ""
    return Plan(made_at=made_at, archive=archive, not_shown=found.not_shown, letters=tuple(planned))


async def _plan_one(access: Access, letter: DeadLetter, asked: Asked) -> PlannedLetter:
    seen = await see(access, letter, records=True)
    tokens = None
    if asked.into is not None:
        tokens = await access.tokens(asked.into, keys_of(seen.bodies.records))
    return plan_letter(
        letter,
        seen.owner,
        seen.bodies,
        asked,
        now=access.now(),
        retention_s=seen.retention_s,
        tokens=tokens,
    )
