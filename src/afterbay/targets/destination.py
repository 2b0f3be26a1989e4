"""Calls of API destinations over HTTP: address and connection put together, rate kept, tokens fetched (B52, B54, B68).

Does; what a call holds is ``core.bus.call``'s, what an answer means its caller's.
"""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import httpcore

from afterbay.core.bus.authorization import OAuth, additions
from afterbay.core.bus.call import HttpCall, HttpParameters, compose
from afterbay.core.bus.connection import Connection
from afterbay.core.bus.destination import ApiDestination, Pace
from afterbay.core.bus.oauth import Token, read_token, token_call
from afterbay.core.bus.outcome import HTTP_TIMEOUT_S, retry_after_s
from afterbay.core.target.call import DestinationCall, Fault, Refused, Reply
from afterbay.core.target.http import reply_of
from afterbay.errors import NotFoundError

__all__ = ["DestinationCaller", "Found"]

ANSWER_BYTES_MAX = 6 * 1024 * 1024 + 1
"""X52, and the byte by which a longer answer is seen to be too long; the rest of it is not read."""

CONNECTIONS_MAX = 32
"""Of one destination, whose slowness is no other's."""


TOKEN_LASTS_MAX_S = 10 * 365 * 86_400.0
"""For a token whose server does not say, or says more: a call that is refused fetches another one (B52)."""

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_TIMEOUTS = dict.fromkeys(("connect", "read", "write", "pool"), HTTP_TIMEOUT_S)

Found = tuple[ApiDestination, Connection]
"""A destination with the connection that it calls with."""


class Clock(Protocol):
    """The address's clock: a destination's rate goes by it, time-outs do not (DESIGN section 8)."""

    def now(self) -> datetime: ...

    async def sleep_until(self, when: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class _Held:
    """A token, and whose it is: other credentials need another one."""

    token: Token
    until: datetime
    oauth: OAuth


class DestinationCaller:
    """``find`` looks a destination up by its ARN; None: there is none. ``authorized`` hears whether a connection got
    its token. ``close`` it."""

    def __init__(
        self, find: Callable[[str], Found | None], clock: Clock, *, authorized: Callable[[Connection, bool], None]
    ) -> None:
        self._find = find
        self._clock = clock
        self._authorized = authorized
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}
        self._paces: dict[tuple[str, int], Pace] = {}
        self._tokens: dict[str, _Held] = {}
        self._fetching: dict[str, asyncio.Lock] = {}

    async def __call__(self, call: DestinationCall) -> Reply:
        """Make the call when its destination's rate allows it. Raises ``NotFoundError``.

        A connection that was deauthorized has no credentials: nothing is called without them.
        """
        found = self._find(call.arn)
        if found is None:
            raise NotFoundError(f"API destination {call.arn} does not exist", code="ResourceNotFoundException")
        destination, connection = found
        if connection.auth is None:
            return Refused(Fault.DENIED, "Deauthorized", f"connection {connection.name} is deauthorized")
        if not await self._turn(destination, call.until_s):
            return Refused(Fault.TOO_LATE, "RateExceeded", "the rate of the destination left no time for the call")
        token = await self._token(connection)
        if isinstance(token, Refused):
            return token
        added = additions(connection.auth, token=token)
        target = HttpParameters(
            path_values=call.path_values, headers=tuple(call.headers.items()), query=tuple(call.query.items())
        )
        composed = compose(destination.method, destination.endpoint, call.body, target=target, connection=added)
        reply = await self._send(destination.arn, composed, oauth=token is not None)
        if isinstance(reply, Refused) and reply.fault is Fault.TOKEN_REFUSED:
            self._drop(connection, token)
        return reply

    async def fetch_token(self, connection: Connection) -> None:
        """Authorize an OAuth connection anew (B33); ``authorized`` hears what came of it."""
        self._tokens.pop(connection.arn, None)
        await self._token(connection)

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()

    async def _turn(self, destination: ApiDestination, until_s: float | None) -> bool:
        """Wait for a place within the rate; False: there was none before ``until_s`` (B54)."""
        pace = self._paces.setdefault((destination.arn, destination.rate), Pace(destination.rate))
        now = self._clock.now()
        wait_s = pace.take(now.timestamp())
        left_s = wait_s if until_s is None else until_s - now.timestamp()
        if wait_s > 0:
            await self._clock.sleep_until(now + timedelta(seconds=min(wait_s, left_s)))
        return until_s is None or wait_s < left_s

    async def _token(self, connection: Connection) -> str | Refused | None:
        """The token to call with; None where the connection needs none. Calls that begin together fetch it once."""
        oauth = None if connection.auth is None else connection.auth.authorization
        if not isinstance(oauth, OAuth):
            return None
        async with self._fetching.setdefault(connection.arn, asyncio.Lock()):
            held = self._tokens.get(connection.arn)
            if held is not None and held.oauth == oauth and held.until > self._clock.now():
                return held.token.access_token
            return await self._fetched(connection, oauth)

    def _drop(self, connection: Connection, token: str | None) -> None:
        """Forget a token that was refused, unless another call has fetched a new one meanwhile."""
        held = self._tokens.get(connection.arn)
        if held is not None and held.token.access_token == token:
            del self._tokens[connection.arn]

    async def _fetched(self, connection: Connection, oauth: OAuth) -> str | Refused:
        reply = await self._send(connection.arn, token_call(oauth))
        token = None if isinstance(reply, Refused) else read_token(reply.payload)
        self._authorized(connection, token is not None)
        if token is None:
            told = reply.message if isinstance(reply, Refused) else "the answer holds no access_token"
            fault = reply.fault if isinstance(reply, Refused) else Fault.DENIED
            return Refused(fault, "TokenEndpoint", f"no token for connection {connection.name}: {told}")
        told_s = TOKEN_LASTS_MAX_S if token.expires_in_s is None else token.expires_in_s
        lasts = timedelta(seconds=max(0.0, min(told_s, TOKEN_LASTS_MAX_S)))
        self._tokens[connection.arn] = _Held(token, self._clock.now() + lasts, oauth)
        return token.access_token

    def _pool(self, arn: str) -> httpcore.AsyncConnectionPool:
        found = self._pools.get(arn)
        if found is None:
            found = httpcore.AsyncConnectionPool(max_connections=CONNECTIONS_MAX, max_keepalive_connections=0)
            self._pools[arn] = found
        return found

    async def _send(self, arn: str, call: HttpCall, *, oauth: bool = False) -> Reply:
        """One request of the destination or connection ``arn``, and its answer; redirects are not followed (B52)."""
        # A header may be taken from an event, and events are Unicode: as UTF-8, which HTTP lets pass.
        headers = [(name.encode(), value.encode(errors="replace")) for name, value in call.headers]
        timeouts = {"timeout": _TIMEOUTS}
        try:
            async with (
                asyncio.timeout(HTTP_TIMEOUT_S),
                self._pool(arn).stream(
                    call.method, call.url, headers=headers, content=call.body, extensions=timeouts
                ) as answer,
            ):
                received = await _received(answer)
        except (TimeoutError, httpcore.TimeoutException):
            return Refused(Fault.TIMED_OUT, "Timeout", f"no answer within {HTTP_TIMEOUT_S:g} s")
        except httpcore.LocalProtocolError as error:  # such as a line break in a header
            return Refused(Fault.REFUSED, "NotSendable", str(error) or "no such request can be sent")
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            fault = Fault.NO_SUCH_HOST if _is_of_the_name(error) else Fault.NOT_CONNECTED
            return Refused(fault, type(error).__name__, str(error) or "the connection failed")
        except ValueError as error:  # such as a port that is no number
            return Refused(Fault.NO_SUCH_HOST, "BadAddress", str(error))
        told = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
        payload = _unpacked(received, told.get(b"content-encoding", "").strip().lower())
        advice = retry_after_s(told[b"retry-after"], self._clock.now()) if b"retry-after" in told else None
        return reply_of(answer.status, payload, oauth=oauth, retry_after_s=advice)


def _is_of_the_name(error: BaseException | None) -> bool:
    """True if what lies below is that nobody knows the host's name: waiting does not mend that (B52)."""
    while error is not None:
        if isinstance(error, socket.gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False


async def _received(answer: httpcore.Response) -> bytes:
    """The body, as far as it is looked at."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.aiter_stream():
        chunks.append(chunk)
        size += len(chunk)
        if size >= ANSWER_BYTES_MAX:
            break
    return b"".join(chunks)[:ANSWER_BYTES_MAX]


def _unpacked(body: bytes, encoding: str) -> bytes:
    """We say that we take gzip and deflate (X56). What is not what it says stays as it came."""
    if encoding not in _WINDOW_BITS:
        return body
    try:
        return zlib.decompressobj(wbits=_WINDOW_BITS[encoding]).decompress(body, ANSWER_BYTES_MAX)
    except zlib.error:
        return body
