"""moto in this process: one thread of its own, our account, our clock (DESIGN section 8).

DynamoDB is called directly, past moto's HTTP layer; the other services as a WSGI application. moto keeps its state in
module globals: a process can hold one of it at a time.
"""

from __future__ import annotations

import asyncio
import decimal
import io
import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, tzinfo
from functools import cache
from hashlib import md5
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Protocol, TypeVar, cast
from urllib.parse import unquote_to_bytes

from afterbay.endpoint.mended_updates import mend_updates
from afterbay.endpoint.protocol import ACCOUNT, Request, Response, TimeKeeper, json_object
from afterbay.errors import StateError

if TYPE_CHECKING:
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.dynamo_type import Item

__all__ = ["Keeper", "Moto"]

T = TypeVar("T")

WsgiApplication = Callable[[dict[str, object], Callable[..., None]], Iterable[bytes]]

_ENVIRONMENT = {"MOTO_ACCOUNT_ID": ACCOUNT, "MOTO_ALLOW_NONEXISTENT_REGION": "true"}
_EXACT_DIGITS = 400
"""moto adds numbers in the thread's decimal context, whose 28 digits would round a number of 38 (S97); the widest sum
of two numbers in range has fewer than 260."""


class Keeper(Protocol):
    """Stores what a call changes (``state.moto_keeper``). In moto's thread."""

    def around(self, request: Request, carry_out: Callable[[Request], Response]) -> Response: ...


class Moto:
    """moto's services, called from the event loop. ``start`` before use, ``close`` after.

    ``keeper`` and ``standing_at`` are for an address with a state, and for moto's thread.
    """

    _running = False

    def __init__(self, clock: TimeKeeper) -> None:
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "moto", initializer=_widen_decimals)
        self._due: list[Callable[[], None]] = []
        self._saved: dict[str, str | None] = {}
        self._application: WsgiApplication | None = None
        self._replaced: list[tuple[object, str, object]] = []
        self.keeper: Keeper | None = None
        self.standing_at: datetime | None = None

    async def start(self) -> None:
        """Load DynamoDB's part; the other services load at their first request. Raises ``StateError``."""
        if Moto._running:
            raise StateError("one process can hold one local address: moto keeps its state in module globals")
        Moto._running = True
        self._saved = {name: os.environ.get(name) for name in _ENVIRONMENT}
        os.environ.update(_ENVIRONMENT)
        await self.run(self._load)

    async def close(self) -> None:
        """Forget everything and leave the process as it was."""
        await self.run(self._unload)
        self._thread.shutdown()
        for name, value in self._saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        Moto._running = False

    async def run(self, work: Callable[[], T]) -> T:
        """Carry out ``work`` in moto's thread, after all that was asked for before.

        What it asked for with ``on_loop`` happens before its result is known, even if nobody waits for that any more.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def step() -> None:
            # One wake-up of the loop for everything: each costs more than an item's write.
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                loop.call_soon_threadsafe(_settle, self._take_due(), future, None, error)
            else:
                loop.call_soon_threadsafe(_settle, self._take_due(), future, result, None)

        self._thread.submit(step)
        return await future

    def on_loop(self, call: Callable[[], None]) -> None:
        """Have the event loop do this once the work that runs now is over, in the order of asking."""
        self._due.append(call)

    def _take_due(self) -> list[Callable[[], None]]:
        due, self._due = self._due, []
        return due

    def dynamodb(self, region: str) -> DynamoDBBackend:
        """moto's tables of a region. For moto's thread only, as are all methods below."""
        from moto.dynamodb.models import dynamodb_backends

        return dynamodb_backends[ACCOUNT][region]

    def dynamodb_regions(self) -> list[DynamoDBBackend]:
        """The regions that were used."""
        from moto.dynamodb.models import dynamodb_backends

        return list(dynamodb_backends[ACCOUNT].values())

    def call_dynamodb(self, region: str, target: str, body: bytes) -> Response:
        """One table operation. ``target`` is the X-Amz-Target."""
        from moto.core.request import Request as MotoRequest
        from moto.dynamodb.responses import DynamoHandler

        host = f"dynamodb.{region}.amazonaws.com"
        headers = {"host": host, "x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
        # A query string keeps moto from reading the JSON body as one (`parse_qsl`), which costs more than the write.
        request = MotoRequest(_environ(Request("POST", "/", "afterbay", headers, body, region)))
        status, answered, text = DynamoHandler.dispatch(request)
        return _response(int(status), dict(answered), text)

    def call(self, request: Request) -> Response:
        """One request to any other service of moto's. Raises ``EndpointError`` for a body that is no JSON object where
        its protocol wants one: moto takes what it cannot read for nothing, or fails."""
        if _is_plain_json(request):
            json_object(request.body)
        return self.carry_out(request) if self.keeper is None else self.keeper.around(request, self.carry_out)

    def carry_out(self, request: Request) -> Response:
        """``call``, kept by nobody."""
        if self._application is None:
            module = import_module("moto.moto_server.werkzeug_app")  # by name: this part of moto has no types
            application: WsgiApplication = module.DomainDispatcherApplication(module.create_backend_app)
            self._application = application
        told: list[tuple[int, dict[str, str]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            told.append((int(status.split(" ", 1)[0]), {name.lower(): value for name, value in headers}))

        chunks = self._application(_environ(request), start_response)
        body = b"".join(chunks)
        status, headers = told[-1]
        return _response(status, headers, body)

    def reset(self) -> None:
        """Empty every service."""
        from moto.core.base_backend import BackendDict

        BackendDict.reset()

    def _load(self) -> None:
        from moto.core import responses, utils
        from moto.dynamodb.models.dynamo_type import Item
        from moto.dynamodb.responses import DynamoHandler

        assert DynamoHandler is not None, "loaded for its side effect: the first request finds it there"
        self.reset()
        self.replace(Item, "is_within_segment", _is_within_segment)
        mend_updates(self.replace)
        # moto lists a class's methods anew for every request, a sixth of a PutItem; they never change.
        responses.__dict__["method_names_from_class"] = cache(utils.method_names_from_class)
        # moto asks `datetime.datetime.now(UTC)` in `moto.core.utils` alone for what it stamps and compares.
        clock = SimpleNamespace(now=self._now, fromtimestamp=datetime.fromtimestamp, strptime=datetime.strptime)
        utils.__dict__["datetime"] = SimpleNamespace(datetime=clock)

    def replace(self, owner: object, name: str, ours: object) -> None:
        """Put ``ours`` in the place of something of moto's until ``close``. For moto's thread."""
        self._replaced.append((owner, name, vars(owner)[name]))
        setattr(owner, name, ours)

    def now_s(self) -> float:
        """The time that moto sees, in epoch seconds."""
        return (self.standing_at or self._clock.now()).timestamp()

    def _unload(self) -> None:
        import datetime as real

        from moto.core import responses, utils

        for owner, name, theirs in reversed(self._replaced):
            setattr(owner, name, theirs)
        self._replaced.clear()
        utils.__dict__["datetime"] = real
        responses.__dict__["method_names_from_class"] = utils.method_names_from_class
        self.reset()

    def _now(self, zone: tzinfo | None = None) -> datetime:
        """The time that moto sees: of a call that can be made again, always the same."""
        return (self.standing_at or self._clock.now()).astimezone(zone)


def _settle(
    due: list[Callable[[], None]], future: asyncio.Future[T], result: T | None, error: BaseException | None
) -> None:
    for call in due:
        try:
            call()
        except Exception as failed:  # noqa: BLE001 - the request that caused it must hear of it, and not wait for ever
            error = error or failed
    if future.done():  # nobody waits any more
        return
    if error is None:
        future.set_result(cast("T", result))
    elif isinstance(error, StopIteration):  # no future takes it; moto raises it for a value without a type
        future.set_exception(RuntimeError("moto: StopIteration"))
    else:
        future.set_exception(error)


def _is_plain_json(request: Request) -> bool:
    """CBOR is another form of the same protocol, and botocore packs the metrics that it sends; moto reads both."""
    headers = request.headers
    return (
        "x-amz-target" in headers
        and "cbor" not in headers.get("content-type", "")
        and "content-encoding" not in headers
    )


def _is_within_segment(item: Item, segments: tuple[None, None] | tuple[int, int]) -> bool:
    """moto's own rule, for keys of bytes too: a parallel Scan of such a table failed."""
    segment, total = segments
    if segment is None or total is None:
        return True
    value = cast("object", item.hash_key.value)
    content = value if isinstance(value, bytes) else str(value).encode()
    return md5(content, usedforsecurity=False).digest()[0] % total == segment


def _widen_decimals() -> None:
    decimal.getcontext().prec = _EXACT_DIGITS


def _environ(request: Request) -> dict[str, object]:
    """The WSGI form of a request. The body is whole, so its length is known however it was sent."""
    headers = request.headers
    host = headers.get("host", "localhost")
    path = unquote_to_bytes(request.path).decode("latin-1")
    environ: dict[str, object] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": request.query,
        "RAW_URI": request.path + ("?" + request.query if request.query else ""),
        "SERVER_NAME": host.rpartition(":")[0] or host,
        "SERVER_PORT": host.rpartition(":")[2] if ":" in host else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.client_host,
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    kept: dict[str, str] = {}
    for name, value in headers.items():
        if name in ("content-length", "transfer-encoding", "connection", "expect"):
            continue
        if name == "user-agent":
            # moto would take a region named there for the request's own.
            environ["HTTP_USER_AGENT"] = _USER_AGENT_REGION.sub("", value)
            continue
        key = name.upper().replace("-", "_")
        if key != "CONTENT_TYPE":
            key = f"HTTP_{key}"
        if "_" in name:
            kept[key] = name
        environ[key] = value
    environ["moto.preserved_header_names"] = kept
    return environ


_USER_AGENT_REGION = re.compile(r"region/\S+")


def _response(status: int, headers: Mapping[str, object], body: str | bytes) -> Response:
    told = {name.lower(): str(value) for name, value in headers.items()}
    for name in ("status", "date", "server"):
        told.pop(name, None)
    return Response(status, body.encode() if isinstance(body, str) else body, told)
