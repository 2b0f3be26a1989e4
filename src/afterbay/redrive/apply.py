"""Acts on a plan that a person agreed to: performs each step of it, and says what came of it (E17).

Does; which step is next is ``steps``'.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, assert_never

from afterbay.errors import AfterbayError, ConflictError, ServiceError
from afterbay.redrive.letter import Place
from afterbay.redrive.mailbox import Mailbox
from afterbay.redrive.plan import Destination, Plan, PlannedLetter
from afterbay.redrive.result import LetterResult
from afterbay.redrive.send import Sender
from afterbay.redrive.steps import (
    Again,
    Answer,
    Find,
    ReadAgain,
    Release,
    Removal,
    Remove,
    Send,
    Step,
    Tell,
    Wait,
    redrive,
)

__all__ = ["Performer", "Reach", "apply"]


class Reach(Protocol):
    """What a redrive needs of the world."""

    def mailbox(self, place: Place) -> Mailbox:
        """Where a letter lies; the same one for all letters of a place."""
        ...

    def sender(self, letter: PlannedLetter, send: Destination) -> Sender:
        """Who sends its records."""
        ...

    async def read_again(self, letter: PlannedLetter) -> Again:
        """Its records, filtered as the plan says. Raises ``ServiceError`` or ``RecordError``."""
        ...


class Performer:
    """Performs a step. ``tell`` hears of each letter's end, ``wait`` lets seconds pass."""

    def __init__(
        self, reach: Reach, *, tell: Callable[[LetterResult], None], wait: Callable[[float], Awaitable[None]]
    ) -> None:
        self._reach = reach
        self._tell = tell
        self._wait = wait

    async def __call__(self, step: Step) -> Answer:
        """Raises ``ServiceError`` where the place of letters cannot be reached: nothing can go on then."""
        match step:
            case Find(places=places):
                return await self._reach.mailbox(places[0]).hold(places)
            case Wait(seconds=seconds):
                await self._wait(seconds)
            case ReadAgain(letter=letter):
                return await self._read_again(letter)
            case Send(letter=letter, records=records):
                assert letter.send is not None, "what is sent has a destination"
                return await self._reach.sender(letter, letter.send).send(records)
            case Remove(place=place):
                return await self._remove(place)
            case Release(place=place):
                await self._reach.mailbox(place).release()
            case Tell(result=result):
                self._tell(result)
            case _:
                assert_never(step)
        return None

    async def _read_again(self, letter: PlannedLetter) -> Again:
        try:
            return await self._reach.read_again(letter)
        except AfterbayError as error:
            return Again(failed=str(error))

    async def _remove(self, place: Place) -> Answer:
        try:
            return Removal(await self._reach.mailbox(place).remove(place))
        except (ConflictError, ServiceError) as error:
            return Removal(failed=str(error))


async def apply(plan: Plan, perform: Callable[[Step], Awaitable[Answer]]) -> None:
    """Perform the plan's steps, one after another. May end anywhere, and be begun again."""
    course = redrive(plan)
    step = next(course, None)
    while step is not None:
        answer = await perform(step)
        try:
            step = course.send(answer)
        except StopIteration:
            return
