"""SQS: moto's queues, with long polling that holds up nobody.

moto waits for messages inside its own thread, which is the only one; here a poller waits on the event loop and asks
again when something was sent.
"""

from __future__ import annotations

import asyncio
from typing import cast
from urllib.parse import parse_qs, urlencode

import msgspec

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.moto import Moto
from afterbay.endpoint.protocol import ACCOUNT, Request, Response, TimeKeeper, json_object
from afterbay.sources.news import News

__all__ = ["Queues"]

ASK_AGAIN_S = 0.5
"""A message can become visible by time alone; then nobody tells."""

WAIT_MAX_S = 20

_READING = ("Get", "List")
"""How operations begin that change nothing: they wake nobody."""


class Queues:
    """The service as the address calls it. ``touched`` is called whenever moto may have got a message; ``news`` tells
    the mappings that read queues."""

    def __init__(self, moto: Moto, clock: TimeKeeper) -> None:
        self.news = News(clock)
        self._moto = moto
        self._hurried = False
        self._touched = asyncio.Event()

    def touched(self) -> None:
        """Wake who polls: a queue may have something."""
        self._touched.set()
        self._touched = asyncio.Event()
        self.news.tell()

    async def visibility_s(self, queue_arn: str) -> float | None:
        """How long a received message stays hidden; None: there is no such queue."""
        arn = parse_arn(queue_arn)
        if arn.account != ACCOUNT:
            return None
        return await self._moto.run(lambda: _visibility_s(arn.region, arn.resource))

    async def __call__(self, request: Request) -> Response:
        receive = _Receive.read(request)
        if receive is None:
            response = await self._moto.run(lambda: self._call(request))
            if not _operation(request).startswith(_READING):
                self.touched()
            return response
        loop = asyncio.get_running_loop()
        wait_s = receive.wait_s
        if wait_s is None:
            wait_s = await self._moto.run(lambda: self._default_wait_s(request.region, receive.queue))
        until = loop.time() + min(wait_s, WAIT_MAX_S)
        while True:
            touched = self._touched
            response = await self._moto.run(lambda: self._call(receive.at_once))
            left_s = until - loop.time()
            if left_s <= 0 or response.status != 200 or receive.found(response):
                return response
            try:
                await asyncio.wait_for(touched.wait(), min(left_s, ASK_AGAIN_S))
            except TimeoutError:
                continue

    def _call(self, request: Request) -> Response:
        if not self._hurried:
            _hurry(self._moto)
            _let_old_messages_back(self._moto)
            self._hurried = True
        return self._moto.call(request)

    def _default_wait_s(self, region: str, queue: str) -> int:
        """The queue's own waiting time; an unknown queue is moto's to refuse."""
        from moto.sqs.models import sqs_backends

        found = sqs_backends[ACCOUNT][region].queues.get(queue)
        return 0 if found is None else int(found.attributes.get("ReceiveMessageWaitTimeSeconds") or 0)


def _hurry(moto: Moto) -> None:
    """moto asks for the time once for every message of a queue, several times for each that it takes or hands out: a
    thousand messages took a minute to send and two to receive. Here it is asked for once; the answers stay the same.
    """
    from moto.sqs import models

    def is_kept(backend: models.SQSBackend, queue_name: str, message: models.Message) -> bool:
        kept_s = float(vars(backend.get_queue(queue_name))["message_retention_period"])
        return (message.sent_timestamp or 0) / 1000 + kept_s > moto.now_s()

    def all_of(queue: models.Queue) -> list[models.Message]:
        return cast("list[models.Message]", vars(queue)["_messages"])

    def messages(queue: models.Queue) -> list[models.Message]:
        now_ms = moto.now_s() * 1000
        return [one for one in all_of(queue) if one.visible_at < now_ms >= one.delayed_until]

    def hidden(queue: models.Queue) -> int:
        now_ms = moto.now_s() * 1000
        return sum(one.visible_at >= now_ms for one in all_of(queue))

    def delayed(queue: models.Queue) -> int:
        now_ms = moto.now_s() * 1000
        return sum(one.delayed_until > now_ms for one in all_of(queue))

    moto.replace(models, "unix_time", moto.now_s)
    moto.replace(models, "unix_time_millis", lambda: moto.now_s() * 1000)
    moto.replace(models.SQSBackend, "is_message_valid_based_on_retention_period", is_kept)
    moto.replace(models.Queue, "messages", property(messages))
    moto.replace(models.Queue, "approximate_number_of_messages_not_visible", property(hidden))
    moto.replace(models.Queue, "approximate_number_of_messages_delayed", property(delayed))


def _let_old_messages_back(moto: Moto) -> None:
    """moto counts the 12 hours that a message may be hidden from when it was sent: one that is older could not be given
    back at all. What one call may ask for is bounded before."""
    from moto.sqs import models
    from moto.sqs.exceptions import ReceiptHandleIsInvalid

    def change_visibility(
        backend: models.SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> None:
        queue = backend.get_queue(queue_name)
        messages = cast("list[models.Message]", vars(queue)["_messages"])
        found = [one for one in messages if one.had_receipt_handle(receipt_handle)]
        if not found:
            raise ReceiptHandleIsInvalid
        found[0].change_visibility(int(visibility_timeout))
        if found[0].visible:
            queue.pending_messages.discard(found[0])

    moto.replace(models.SQSBackend, "change_message_visibility", change_visibility)


def _visibility_s(region: str, queue: str) -> float | None:
    from moto.sqs.models import sqs_backends

    found = sqs_backends[ACCOUNT][region].queues.get(queue)
    return None if found is None else float(found.attributes["VisibilityTimeout"])


def _operation(request: Request) -> str:
    """The call's name, where a header or the form says it."""
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    return target or parse_qs(request.body.decode(errors="replace")).get("Action", [""])[0]


class _Receive:
    """A ReceiveMessage: how long it would wait, and the same request that does not wait."""

    def __init__(self, queue: str, wait_s: float | None, at_once: Request, mark: bytes) -> None:
        self.queue = queue
        self.wait_s = wait_s
        self.at_once = at_once
        self._mark = mark

    def found(self, response: Response) -> bool:
        return self._mark in response.body

    @staticmethod
    def read(request: Request) -> _Receive | None:
        """None for any other operation."""
        if request.headers.get("x-amz-target", "").endswith(".ReceiveMessage"):
            members = json_object(request.body)
            wait_s = _seconds(members.get("WaitTimeSeconds"))
            body = msgspec.json.encode({**members, "WaitTimeSeconds": 0})
            return _Receive(_queue(members.get("QueueUrl")), wait_s, _with_body(request, body), b'"Messages"')
        if b"Action=ReceiveMessage" not in request.body:
            return None
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        wait_s = _seconds(form.get("WaitTimeSeconds"))
        body = urlencode({**form, "WaitTimeSeconds": "0"}).encode()
        queue = _queue(form.get("QueueUrl", request.path))
        return _Receive(queue, wait_s, _with_body(request, body), b"<Message>")


def _with_body(request: Request, body: bytes) -> Request:
    return Request(
        request.method, request.path, request.query, request.headers, body, request.region, request.client_host
    )


def _queue(url: JsonValue) -> str:
    return str(url or "").rstrip("/").rpartition("/")[2]


def _seconds(value: JsonValue) -> float | None:
    try:
        return None if value is None or isinstance(value, dict | list) else float(value)
    except ValueError:
        return None
