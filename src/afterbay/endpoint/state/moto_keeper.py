"""moto's services over a restart: their calls are kept and made again, messages and records are stored as such."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from random import Random
from urllib.parse import parse_qs

from afterbay.endpoint.moto import Moto
from afterbay.endpoint.protocol import ACCOUNT, Request, Response, json_object
from afterbay.endpoint.routing import Route, route
from afterbay.endpoint.state.calls import Call, CallLog, Kept, draw_call_seed, kept, tell_failure
from afterbay.endpoint.state.moto_rows import KinesisRows, MessageRows
from afterbay.endpoint.state.state import Op, State
from afterbay.errors import EndpointError

__all__ = ["MotoKeeper", "carried_out", "standing"]

_ONE_QUEUE = frozenset(
    {
        "ReceiveMessage",
        "DeleteMessage",
        "DeleteMessageBatch",
        "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
        "PurgeQueue",
    }
)
"""Operations that touch the messages of the queue they name, and of its dead-letter queue."""

_ADDING = frozenset({"SendMessage", "SendMessageBatch", "Publish", "PublishBatch"})

_RECORDS = frozenset({"PutRecord", "PutRecordBatch"})

_READING = ("Get", "List", "Describe")


class MotoKeeper:
    """A ``moto.Keeper``. All of it is for moto's thread."""

    def __init__(self, state: State, moto: Moto, now: Callable[[], datetime]) -> None:
        self._state = state
        self._moto = moto
        self._now = now
        self._messages = MessageRows(state)
        self._kinesis = KinesisRows(state)

    def around(self, request: Request, carry_out: Callable[[Request], Response]) -> Response:
        """Carry out a call, and have the loop note what it changed before its answer is known."""
        found = route(request)
        about = kept(found, request)
        if about is None:
            response = carry_out(request)
            ops: list[Op] = []
        else:
            seed, at = draw_call_seed(), self._now()
            with standing(self._moto, at, seed):
                response = carry_out(request)
            about = _never_forgotten(about) if found.service == "s3" and _remembers(about.scope) else about
            call = Call(found.service, found.operation, at, seed, request)
            ops = CallLog.ops(call, about) if response.status < 400 else []
        ops += self._data(found, request)
        if ops:
            self._moto.on_loop(partial(self._state.note, ops))
        return response

    def restore(self, calls: Iterable[Call]) -> None:
        """Make calls again; then messages and records are put back. What fails is told and left out."""
        with _silent_buckets():
            for call in calls:
                with standing(self._moto, call.at, call.seed):
                    carried_out(call, partial(self._moto.carry_out, call.request))
        self._messages.restore()
        self._kinesis.restore()

    def reset(self) -> None:
        self._messages.reset()
        self._kinesis.reset()

    def _data(self, found: Route, request: Request) -> list[Op]:
        operation = found.operation
        match found.service:
            case "sqs" | "sns" if operation in _ADDING:
                return self._messages.additions()
            case "sqs" if operation in _ONE_QUEUE:
                return self._messages.changes(frozenset({_queue_name(request)}))
            case "kinesis" if not operation.startswith(_READING):
                return self._kinesis.changes()
            case "sqs" | "sns" if not operation.startswith(_READING):
                return self._messages.changes()
            case "s3" if request.method not in ("GET", "HEAD"):  # a bucket tells queues and topics
                return self._messages.additions()
            case "firehose" if operation in _RECORDS:  # which go into a bucket
                return self._messages.additions()
            case _:
                return []


@contextmanager
def standing(moto: Moto, at: datetime, seed: int) -> Generator[None]:
    """moto with one time and one randomness: what a call makes is the same whenever it is made again.

    Afterwards moto draws what nobody can foresee, so that no id comes twice.
    """
    from moto.moto_api import _internal

    random = _internal.mock_random
    s3 = sys.modules.get("moto.s3.models")
    moto.standing_at = at
    random.seed(seed)
    if s3 is not None:
        s3.__dict__["os"] = _Os(random)
    try:
        yield
    finally:
        if s3 is not None:
            s3.__dict__["os"] = os
        random.seed()
        moto.standing_at = None


class _Os:
    """``os`` for moto's buckets, which draw the ids of uploads there."""

    def __init__(self, random: Random) -> None:
        self.urandom = random.randbytes

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)


def carried_out(call: Call, carry_out: Callable[[], Response]) -> None:
    """Make a call again; what fails is told and left out."""
    try:
        response = carry_out()
    except Exception as error:  # noqa: BLE001 - moto raises anything, and all the other calls are still to be made
        response = Response(500, repr(error).encode())
    if response.status >= 400:
        tell_failure(call, response.body[:500].decode(errors="replace"))


def _never_forgotten(about: Kept) -> Kept:
    return replace(about, part=None, undoes=())


def _remembers(bucket: str) -> bool:
    """True for a bucket that has, or had, versions."""
    from moto.s3.models import s3_backends

    found = s3_backends[ACCOUNT]["aws"].buckets.get(bucket)
    return found is not None and found.versioning_status is not None


@contextmanager
def _silent_buckets() -> Generator[None]:
    """Objects that are written again are no news: their messages were sent the first time."""
    from moto.s3 import notifications

    tell = notifications.send_event
    notifications.__dict__["send_event"] = _tell_nobody
    try:
        yield
    finally:
        notifications.__dict__["send_event"] = tell


def _tell_nobody(account_id: str, event_name: object, bucket: object, key: object) -> None:
    return


def _queue_name(request: Request) -> str:
    """The name in a QueueUrl, of either form, or in the path."""
    url: object = None
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        url = parse_qs(request.body.decode(errors="replace")).get("QueueUrl", [None])[-1]
    else:
        try:
            url = json_object(request.body).get("QueueUrl")
        except EndpointError:
            url = None
    return str(url or request.path).rstrip("/").rpartition("/")[2]
