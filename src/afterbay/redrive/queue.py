"""Dead letters in an SQS queue: a mapping's, a pipe's, a rule's, or those that a topic handed to it.

A queue cannot be listed. It is received from until it has shown everything, and every message is given back at once.
A receive counts: a queue with a redrive policy of its own moves a message that was looked at too often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

import msgspec

from afterbay.aws.client import Caller
from afterbay.aws.date import date_of
from afterbay.errors import ConflictError, NotFoundError, ServiceError, SettingsError, UnavailableError
from afterbay.redrive.letter import DeadLetter, Place, QueuePlace, read_letter
from afterbay.redrive.mailbox import LETTERS_MAX, Contents, Holding

__all__ = ["HOLD_S", "QueueMailbox"]

HOLD_S = 60
"""How long a message is hidden while a queue is looked through, or its letter redriven. A process that is killed hides
it for so long at most."""

SEEN_PER_S = 200
"""Messages that are looked through in a second, at least: a large queue is hidden for a little longer."""

RECEIVED_MAX = 10
"""The most that one call gives (SQS)."""

HIDDEN_MAX_S = 12 * 3600
"""The most that SQS hides a message for."""

LAST_LOOK_S = 1
"""A receive that waits asks every server of a queue, one that does not asks some: only the former can say "empty"."""

NOTHING_NEW_MAX = 3
"""Answers in a row that show nothing new, before we believe that there is nothing more."""

_T = TypeVar("_T")


class _Attribute(msgspec.Struct):
    StringValue: str = ""


class _Message(msgspec.Struct):
    """``hidden_until_s``: by the clock of this process; it may show again then, and not before."""

    MessageId: str
    ReceiptHandle: str
    Body: str
    Attributes: dict[str, str] = {}
    MessageAttributes: dict[str, _Attribute] = {}
    hidden_until_s: float = 0.0


class _Depth(msgspec.Struct):
    ApproximateNumberOfMessages: int = 0
    ApproximateNumberOfMessagesNotVisible: int = 0
    ApproximateNumberOfMessagesDelayed: int = 0

    @property
    def all(self) -> int:
        return (
            self.ApproximateNumberOfMessages
            + self.ApproximateNumberOfMessagesNotVisible
            + self.ApproximateNumberOfMessagesDelayed
        )


class QueueMailbox:
    """One queue by its URL. ``on_date`` hears the service's time."""

    def __init__(self, caller: Caller, url: str, *, on_date: Callable[[datetime], None] = lambda date: None) -> None:
        self._caller = caller
        self._url = url
        self._on_date = on_date
        self._held: dict[str, _Message] = {}

    @property
    def name(self) -> str:
        return self._url

    async def read(self) -> Contents:
        seen, unseen = await self._look(None)
        try:
            return Contents(tuple(self._letter(one) for one in seen.values()), unseen)
        finally:
            await self._give_back(one.ReceiptHandle for one in seen.values())

    async def hold(self, places: Collection[Place]) -> Holding:
        wanted = {one.message_id for one in places if isinstance(one, QueuePlace)}
        seen, unseen = await self._look(wanted)
        await self._give_back(one.ReceiptHandle for one in seen.values() if one.MessageId not in wanted)
        found = wanted & seen.keys()
        self._held |= {name: seen[name] for name in found}
        missing = wanted - found
        return Holding(self._places(found), self._places(missing) if unseen else frozenset())

    async def letter(self, place: Place) -> DeadLetter | None:
        assert isinstance(place, QueuePlace)
        held = self._held.get(place.message_id)
        return None if held is None else self._letter(held)

    async def remove(self, place: Place) -> str:
        assert isinstance(place, QueuePlace)
        message = self._held.pop(place.message_id, None)
        if message is None or _now_s() >= message.hidden_until_s:  # shown again by now: another reader may have had it
            again = await self.hold([place])
            if again.hidden:
                raise ConflictError(f"{place}: another reader has it now", code="MessageHidden")
            if not again.held:
                return "gone already: another reader has deleted it"
            message = self._held.pop(place.message_id)
        await self._call("delete_message", ReceiptHandle=message.ReceiptHandle)
        return "deleted"

    async def release(self) -> None:
        held, self._held = self._held, {}
        await self._give_back(message.ReceiptHandle for message in held.values())

    def _places(self, message_ids: Iterable[str]) -> frozenset[Place]:
        return frozenset(QueuePlace(self._url, one) for one in message_ids)

    def _letter(self, message: _Message) -> DeadLetter:
        sent_ms = message.Attributes.get("SentTimestamp", "")
        return read_letter(
            QueuePlace(self._url, message.MessageId),
            message.Body.encode(errors="replace"),
            {name: one.StringValue for name, one in message.MessageAttributes.items()},
            int(sent_ms) / 1000 if sent_ms.isascii() and sent_ms.isdecimal() else None,
        )

    async def _look(self, wanted: Collection[str] | None) -> tuple[dict[str, _Message], int]:
        """Every message that the queue shows, hidden meanwhile, and how many it says it has besides; or no more than it
        takes to find those that are ``wanted``."""
        hold_s = min(HOLD_S + (await self._depth()).all // SEEN_PER_S, HIDDEN_MAX_S)
        seen: dict[str, _Message] = {}
        nothing_new, wait_s = 0, 0
        try:
            while nothing_new < NOTHING_NEW_MAX and len(seen) < LETTERS_MAX:
                if wanted is not None and seen.keys() >= set(wanted):
                    return seen, 0
                received = await self._receive(hold_s, wait_s)
                before = len(seen)
                seen |= {one.MessageId: one for one in received}
                nothing_new = 0 if len(seen) > before else nothing_new + 1
                if not received:
                    unseen = await self._unseen(seen)
                    # What is to be removed is looked for until the queue itself says that it has no more.
                    if wait_s or (wanted is None and not unseen):
                        return seen, unseen
                wait_s = 0 if received else LAST_LOOK_S
            return seen, await self._unseen(seen)
        except BaseException:
            await asyncio.shield(self._give_back(one.ReceiptHandle for one in seen.values()))
            raise

    async def _unseen(self, seen: Collection[str]) -> int:
        return max(0, (await self._depth()).all - len(seen))

    async def _receive(self, hold_s: int, wait_s: int) -> list[_Message]:
        hidden_until_s = _now_s() + hold_s
        answer = await self._call(
            "receive_message",
            MaxNumberOfMessages=RECEIVED_MAX,
            VisibilityTimeout=hold_s,
            WaitTimeSeconds=wait_s,
            AttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        received = self._read(answer.get("Messages", []), list[_Message])
        for one in received:
            one.hidden_until_s = hidden_until_s
        return received

    async def _depth(self) -> _Depth:
        names = list(_Depth.__struct_fields__)
        answer = await self._call("get_queue_attributes", AttributeNames=names)
        return self._read(answer.get("Attributes", {}), _Depth)

    async def _give_back(self, receipts: Iterable[str]) -> None:
        """One that is not taken back shows again by itself: no reason to fail."""
        entries = [
            {"Id": str(index), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
            for index, receipt in enumerate(receipts)
        ]
        for start in range(0, len(entries), RECEIVED_MAX):
            with suppress(ServiceError):
                await self._call("change_message_visibility_batch", Entries=entries[start : start + RECEIVED_MAX])

    async def _call(self, operation: str, **parameters: object) -> dict[str, object]:
        try:
            answer = await self._caller.call("sqs", operation, QueueUrl=self._url, **parameters)
        except NotFoundError as gone:
            raise SettingsError(
                f"there is no queue {self._url}", hint="`aws sqs list-queues` names those of an account and region"
            ) from gone
        date = date_of(answer)
        if date is not None:
            self._on_date(date)
        return answer

    @staticmethod
    def _read(value: object, kind: type[_T]) -> _T:
        try:
            return msgspec.convert(value, kind, strict=False)
        except msgspec.ValidationError as error:
            raise UnavailableError(f"SQS answered something else: {error}", code="UnreadableAnswer") from error


def _now_s() -> float:
    """Of this process: a hold lasts in the service's time, of which this is close enough."""
    return asyncio.get_running_loop().time()
