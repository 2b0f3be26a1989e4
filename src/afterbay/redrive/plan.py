"""The plan of a redrive: a JSON file that a person reads, agrees to, and hands back (E17).

Decides its members (docs/redrive.md). What goes into it is ``planning``'s, acting on it ``steps``'.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

import msgspec
from msgspec import UNSET, Raw, UnsetType

from afterbay.core.change.arn import parse_arn, parse_function_name
from afterbay.errors import SettingsError
from afterbay.redrive.bodies import BodiesFrom
from afterbay.redrive.letter import LetterKind, ObjectPlace, Place, QueuePlace
from afterbay.redrive.owner import Form
from afterbay.sinks.address import parse_address

__all__ = [
    "FORMAT",
    "VERSION",
    "Destination",
    "Plan",
    "PlannedLetter",
    "PlannedRecord",
    "Wanted",
    "WrittenPlace",
    "read_plan",
    "write_plan",
    "written_place",
]

FORMAT = "afterbay redrive plan"
VERSION = 1


class Wanted(Enum):
    """What the plan wants done with a letter."""

    REDRIVE = "redrive"
    LOST = "lost"
    HELD = "held"
    """It is a letter, and cannot be sent as it was asked for; ``why`` says what would help."""
    UNKNOWN = "unknown"


class WrittenPlace(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a message: ``queue`` and ``message_id``; of an object: ``bucket`` and ``key``."""

    queue: str | None = None
    message_id: str | None = None
    bucket: str | None = None
    key: str | None = None

    def place(self) -> Place:
        """Raises ``SettingsError``."""
        if self.queue is not None and self.message_id is not None:
            return QueuePlace(self.queue, self.message_id)
        if self.bucket is not None and self.key is not None:
            return ObjectPlace(self.bucket, self.key)
        raise SettingsError("a letter's place is queue and message_id, or bucket and key")


class PlannedRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``key`` and images as plain JSON, where they are shown. ``guard``: what the sink would say; None: not asked."""

    sequence_number: str
    kind: str
    key: Raw | UnsetType = UNSET
    guard: str | None = None
    old: Raw | UnsetType = UNSET
    new: Raw | UnsetType = UNSET


class Destination(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Either a sink's address (``into``) or a function's ARN or name, with how it is called."""

    into: str | None = None
    function: str | None = None
    form: Form = Form.RECORDS
    partial: bool | None = None
    batch_size: int = 100


class PlannedLetter(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One letter. Times are ISO texts in UTC. ``records`` are what is sent, ``left_out`` what the owner's filter keeps
    back; ``lost`` says what the stream has no more, also where ``bodies_from`` names who has kept it."""

    place: WrittenPlace
    kind: LetterKind
    wanted: Wanted
    why: str = ""
    owner: str = ""
    target: str | None = None
    condition: str = ""
    error: str | None = None
    attempts: int | None = None
    request_id: str | None = None
    sent_at: str | None = None
    stream: str | None = None
    shard: str | None = None
    first: str | None = None
    last: str | None = None
    batch_size: int = 0
    trimmed_at: str | None = None
    time_left_s: float | None = None
    lost: str | None = None
    bodies_from: BodiesFrom | None = None
    send: Destination | None = None
    filters: tuple[str, ...] = ()
    records: tuple[PlannedRecord, ...] = ()
    left_out: tuple[PlannedRecord, ...] = ()
    repair: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """``archive``: where bodies are kept that the stream has dropped."""

    format: str = FORMAT
    version: int = VERSION
    made_at: str
    archive: str | None = None
    not_shown: int = 0
    letters: tuple[PlannedLetter, ...] = ()

    def count(self, wanted: Wanted) -> int:
        return sum(one.wanted is wanted for one in self.letters)


class _Head(msgspec.Struct):
    format: str = ""
    version: int = 0


def written_place(place: Place) -> WrittenPlace:
    match place:
        case QueuePlace(url=url, message_id=message_id):
            return WrittenPlace(queue=url, message_id=message_id)
        case ObjectPlace(bucket=bucket, key=key):
            return WrittenPlace(bucket=bucket, key=key)


def write_plan(plan: Plan, path: Path) -> None:
    """Write it, for its owner alone: keys are in it, and a sink's address may hold a password. Raises
    ``SettingsError``."""
    text = msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
    except OSError as error:
        raise SettingsError(f"the plan cannot be written: {error.strerror}", where=str(path)) from error


def read_plan(path: Path) -> Plan:
    """Read it back. Raises ``SettingsError`` for what is no plan, or one of another version."""
    try:
        text = path.read_bytes()
        head = msgspec.json.decode(text, type=_Head)
        if head.format != FORMAT:
            raise SettingsError("is no plan of a redrive", where=str(path), hint="`afterbay redrive plan` writes one")
        if head.version != VERSION:
            raise SettingsError(
                f"is a plan of version {head.version}, and this afterbay reads {VERSION}",
                where=str(path),
                hint="plan again",
            )
        plan = msgspec.json.decode(text, type=Plan)
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingsError(f"is no plan of a redrive: {error}", where=str(path)) from error
    for number, one in enumerate(plan.letters):
        one.place.place()
        try:
            _check(one)
        except SettingsError as wrong:
            raise SettingsError(wrong.message, where=f"{path}: letters[{number}]", hint=wrong.hint) from wrong
    return plan


def _check(letter: PlannedLetter) -> None:
    """What a plan never says unless it was edited. Raises ``SettingsError``."""
    if letter.first is not None and not (letter.first.isascii() and letter.first.isdecimal()):
        raise SettingsError(f"first is no sequence number: {letter.first!r}", hint="plan again")
    if letter.wanted is not Wanted.REDRIVE:
        return
    send = letter.send
    if send is None or (send.into is None) == (send.function is None):
        raise SettingsError("it is to be redriven, and send names not one of into and function", hint="plan again")
    if send.into is not None:
        parse_address(send.into)
    elif send.function is not None:
        parse_arn(send.function) if send.function.startswith("arn:") else parse_function_name(send.function)
