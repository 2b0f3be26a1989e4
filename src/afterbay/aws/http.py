"""Signed JSON calls for the hot read path: bytes out, bytes in, no response parser (DESIGN section 3).

Decides how a call is signed, sent and checked. Which call, and what its bytes mean, is the caller's.
docs/decisions/0005 has the choice of the client and its figures.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import msgspec

from afterbay.aws.errors import CREDENTIALS_HINT, from_botocore, service_error
from afterbay.errors import DeniedError, ServiceError, UnavailableError

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.session import Session

__all__ = ["JsonCaller"]

CONNECTIONS_MAX = 64
"""Reads under way at once against one service; a wider stream takes turns."""

TIMEOUT_S = 30.0
"""GetRecords answers within a second or two; what takes longer is not coming."""

_NOT_ANSWERED = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.ProxyError)


class _Refusal(msgspec.Struct):
    """The error document (S3); services disagree on the case of ``message``."""

    type_: str = msgspec.field(name="__type", default="")
    message: str = ""
    Message: str = ""


_REFUSAL = msgspec.json.Decoder(_Refusal)


class JsonCaller:
    """Calls of one AWS JSON service at one address. Belongs to one event loop; ``close`` it.

    ``target`` is the prefix of X-Amz-Target, as in ``DynamoDBStreams_20120810``. ``on_date`` hears the server's time
    with every answer (DESIGN section 8: "now" for ages is the source's). ``answer_s``: how long an answer may take.
    """

    def __init__(
        self,
        session: Session,
        *,
        endpoint: str,
        region: str,
        signing_name: str,
        target: str,
        json_version: str = "1.0",
        on_date: Callable[[datetime], None] | None = None,
        answer_s: float = TIMEOUT_S,
    ) -> None:
        self._session = session
        self._endpoint = endpoint.rstrip("/") + "/"
        self._host = urlsplit(self._endpoint).netloc
        self._region = region
        self._signing_name = signing_name
        self._target = target
        self._content_type = f"application/x-amz-json-{json_version}"
        self._on_date = on_date
        self._timeouts = {"connect": TIMEOUT_S, "write": TIMEOUT_S, "read": answer_s, "pool": answer_s}
        self._credentials: Credentials | None = None
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX, proxy=_proxy(self._endpoint)
        )

    async def prepare(self) -> None:
        """Find the credentials now, so that who has none hears of it at once and the first call need not wait for them,
        nor for what the client loads with it.

        Raises ``DeniedError`` where there are none, ``ServiceError`` where they cannot be had.
        """
        self._credentials = await asyncio.to_thread(self._find_credentials)
        await asyncio.to_thread(_load_network)

    async def call(self, operation: str, body: bytes) -> bytes:
        """Send one call; the answer's bytes, checked against its checksum where it has one (S3).

        Raises ``ServiceError``.
        """
        headers = await self._signed_headers(operation, body)
        try:
            answer = await self._pool.request(
                "POST",
                self._endpoint,
                headers=list(headers.items()),
                content=body,
                extensions={"timeout": self._timeouts},
            )
        except _NOT_ANSWERED as error:
            reason = str(error) or type(error).__name__
            raise UnavailableError(f"{operation} at {self._endpoint}: {reason}", code=type(error).__name__) from error
        page = answer.content
        told = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
        self._tell_date(told.get(b"date"))
        checksum = told.get(b"x-amz-crc32")
        if checksum is not None and checksum != str(zlib.crc32(page)):
            raise UnavailableError(f"{operation}: the answer does not match its checksum", code="ChecksumMismatch")
        if answer.status != 200:
            raise _refused(operation, answer.status, page, told)
        return page

    async def close(self) -> None:
        await self._pool.aclose()

    async def _signed_headers(self, operation: str, body: bytes) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        if self._credentials is None or _expiring(self._credentials):
            # looking for credentials and refreshing them reads files and may ask a service: not on the loop
            self._credentials = await asyncio.to_thread(self._find_credentials)
        request = AWSRequest(
            "POST",
            self._endpoint,
            headers={
                "Content-Type": self._content_type,
                "X-Amz-Target": f"{self._target}.{operation}",
                "Accept-Encoding": "identity",  # a page is read whole and at once: unpacking costs more than it saves
            },
            data=body,
        )
        frozen = self._credentials.get_frozen_credentials()
        SigV4Auth(frozen, self._signing_name, self._region).add_auth(request)
        signed = {str(name): str(value) for name, value in request.headers.items()}
        return {**signed, "Host": self._host, "Content-Length": str(len(body))}

    def _find_credentials(self) -> Credentials:
        from botocore.exceptions import BotoCoreError

        for needed in ("botocore.auth", "botocore.awsrequest"):  # signing: some 30 ms that the loop is not to wait for
            import_module(needed)
        try:
            found = self._session.get_credentials()
            if found is not None:
                found.get_frozen_credentials()  # refreshes what is about to expire
                return found
        except BotoCoreError as error:
            raise from_botocore(error, action=f"credentials for {self._endpoint}") from error
        raise DeniedError(f"no credentials for {self._endpoint}", code="NoCredentials", hint=CREDENTIALS_HINT)

    def _tell_date(self, text: str | None) -> None:
        if self._on_date is None or text is None:
            return
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return  # a header that no one can read tells no time
        self._on_date(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _load_network() -> None:
    """Load what httpcore stands on: some 30 ms that the loop is not to wait for."""
    import anyio

    anyio.run(anyio.sleep, 0)


def _proxy(endpoint: str) -> httpcore.Proxy | None:
    """The proxy that the environment names for this address, as botocore and the AWS CLI take it."""
    address = urlsplit(endpoint)
    named = getproxies().get(address.scheme)
    if named is None or proxy_bypass(address.netloc):
        return None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    auth = None if proxy.username is None else (unquote(proxy.username), unquote(proxy.password or ""))
    return httpcore.Proxy(f"{proxy.scheme}://{proxy.netloc.rpartition('@')[2]}", auth=auth)


def _expiring(credentials: Credentials) -> bool:
    """True when asking for the frozen credentials would refresh them first."""
    from botocore.credentials import RefreshableCredentials

    return isinstance(credentials, RefreshableCredentials) and credentials.refresh_needed()


def _refused(operation: str, status: int, page: bytes, headers: Mapping[bytes, str]) -> ServiceError:
    """Our error for an answer that is none. A body without a code (a proxy's page) is judged by its status."""
    try:
        told = _REFUSAL.decode(page)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        told = _Refusal()
    wait = headers.get(b"retry-after", "")
    return service_error(
        told.type_ or headers.get(b"x-amzn-errortype") or f"HTTP{status}",
        f"{operation}: {told.message or told.Message}",
        status=status,
        retry_after_s=float(wait) if wait.isdigit() else None,
    )
