"""Threads that write keys side by side, and the client that they share. Made at the first use, ended by ``close``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

__all__ = ["WRITERS", "Writers"]

WRITERS = 8
"""Keys written at once. A write takes some milliseconds, most of them waiting; more writers only meet throttles
sooner."""


class _Closing(Protocol):
    def close(self) -> None: ...


Client = TypeVar("Client", bound=_Closing)
T = TypeVar("T")
R = TypeVar("R")


class Writers(Generic[Client]):
    """``make`` makes the client; one that is ``given`` stays its owner's. Safe to use from several threads."""

    def __init__(self, name: str, make: Callable[[], Client], given: Client | None) -> None:
        self._name = name
        self._make = make
        self._client = given
        self._is_ours = given is None
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def client(self) -> Client:
        """Raises what ``make`` raises."""
        with self._lock:
            if self._client is None:
                self._client = self._make()
            return self._client

    def side_by_side(self, work: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
        """``work`` on each of ``things``, several at once; results in their order. ``things`` are bounded: all of them
        are read first."""
        waiting = list(things)
        if len(waiting) < 2:
            return map(work, waiting)
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix=self._name)
            return self._pool.map(work, waiting)

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
            client = None
            if self._is_ours:
                client, self._client = self._client, None
        if pool is not None:
            pool.shutdown()
        if client is not None:
            client.close()
