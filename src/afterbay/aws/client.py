"""The one door to the SDK: sessions, clients, and calls that do not block the event loop.

Everything but the hot read path goes through here (``http.py`` has that one). botocore is imported when it is first
needed: ``import afterbay`` must not pay for it.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlsplit

from afterbay.aws.errors import from_botocore
from afterbay.errors import SettingsError

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.credentials import Credentials
    from botocore.session import Session

__all__ = ["ADDRESS_HINT", "Aws", "AwsSettings", "Caller", "check_address"]

THREADS_MAX = 16
"""Calls under way at once: letters, invocations and metrics of one process. More wait in line, not on the loop."""

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 70
"""Longer than any service but a function takes; who invokes functions makes an ``Aws`` with their time-out."""

ATTEMPTS_MAX = 3
"""botocore's standard retries, for a lone throttle or reset. Longer troubles are the engine's to wait out, visibly."""


ADDRESS_HINT = "an address is like http://127.0.0.1:4566, as --endpoint-url or in AWS_ENDPOINT_URL"


def check_address(url: str) -> None:
    """Raises ``SettingsError`` for what is no address of a service: neither connection nor signature would say why."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole or not url.isprintable() or " " in url:
        raise SettingsError(f"{url!r} is no address", hint=ADDRESS_HINT)


@dataclass(frozen=True, slots=True)
class AwsSettings:
    """As on the AWS CLI's command line. None: what environment and profile say, ``AWS_ENDPOINT_URL`` included.

    ``credentials`` are for an address that takes any.
    """

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    credentials: Credentials | None = field(default=None, repr=False)


class Caller(Protocol):
    """What makes calls: ``Aws``, as far as most need it. Raises ``ServiceError``."""

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]: ...


class Aws:
    """Clients of one account and region. Belongs to one event loop; ``close`` it.

    Raises ``ServiceError``, or ``SettingsError`` where the caller's own settings or parameters are at fault.
    """

    def __init__(
        self,
        settings: AwsSettings,
        *,
        threads: int = THREADS_MAX,
        read_timeout_s: int = READ_TIMEOUT_S,
        attempts_max: int = ATTEMPTS_MAX,
    ) -> None:
        self._settings = settings
        self._threads = threads
        self._read_timeout_s = read_timeout_s
        self._attempts_max = attempts_max
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aws")
        self._making = threading.Lock()  # a session may make one client at a time
        self._session: Session | None = None
        self._clients: dict[str, BaseClient] = {}

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]:
        """Call ``operation`` (boto3's name, as in ``send_message``) of ``service`` in the pool; answer its response.

        A body that comes as a stream is read there, too.
        """
        work = partial(self._call, service, operation, parameters)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def endpoint(self, service: str) -> str:
        """The address that calls of ``service`` go to: botocore's rules, with every setting that it knows (S2)."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._endpoint, service)

    def session(self) -> Session:
        """The session, for credentials and the region. Blocking: reads files, and may ask a metadata service."""
        with self._making:
            return self._open_session()

    def close(self) -> None:
        """Let calls under way end by themselves; drop those in line."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _call(self, service: str, operation: str, parameters: dict[str, object]) -> dict[str, object]:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.response import StreamingBody

        try:
            method = getattr(self._client(service), operation)
            answer = cast("dict[str, object]", method(**parameters))
            return {name: value.read() if isinstance(value, StreamingBody) else value for name, value in answer.items()}
        except (BotoCoreError, ClientError) as error:
            raise from_botocore(error, action=f"{service} {operation}") from error

    def _endpoint(self, service: str) -> str:
        from botocore.exceptions import BotoCoreError

        try:
            return str(self._client(service).meta.endpoint_url)
        except BotoCoreError as error:
            raise from_botocore(error, action=f"{service} endpoint") from error

    def _client(self, service: str) -> BaseClient:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        with self._making:
            client = self._clients.get(service)
            if client is None:
                config = Config(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=self._read_timeout_s,
                    retries={"mode": "standard", "total_max_attempts": self._attempts_max},
                    max_pool_connections=self._threads,
                )
                try:
                    client = self._open_session().create_client(
                        service,
                        region_name=self._settings.region,
                        endpoint_url=self._settings.endpoint_url,
                        config=config,
                    )
                except BotoCoreError:  # some are ValueErrors, too
                    raise
                except ValueError as error:  # botocore's for an address
                    raise SettingsError(f"{service}: {error}", hint=ADDRESS_HINT) from error
                check_address(client.meta.endpoint_url)
                self._clients[service] = client
            return client

    def _open_session(self) -> Session:
        from botocore.session import Session

        if self._session is None:
            self._session = Session(profile=self._settings.profile)
            fixed = self._settings.credentials
            if fixed is not None:
                self._session.set_credentials(fixed.access_key, fixed.secret_key, fixed.token)
        return self._session
