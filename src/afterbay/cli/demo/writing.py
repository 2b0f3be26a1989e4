"""The orders' lives, written to the table by several threads; one order is always the same thread's."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from afterbay.cli.demo.orders import Life, Write, interleaved
from afterbay.core.change.view import ChangeKind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Writing"]

WRITERS = 4
"""Two cores are kept busy by the address and the function already; more writers would only wait."""


class Writing:
    """``with Writing(...)``: writes from the start of the block; leaving it early stops after the write under way."""

    def __init__(self, client: DynamoDBClient, table: str, lives: Sequence[Life]) -> None:
        self._client = client
        self._table = table
        self._lives = lives
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._written = 0
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="orders")
        self._threads: list[Future[None]] = []

    def __enter__(self) -> Writing:
        self._threads = [self._pool.submit(self._run, self._lives[first::WRITERS]) for first in range(WRITERS)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown()

    @property
    def written(self) -> int:
        """Writes that the table has answered."""
        with self._lock:
            return self._written

    def check(self) -> None:
        """Raise what a writer raised."""
        for thread in self._threads:
            if thread.done():
                thread.result()

    def _run(self, lives: Sequence[Life]) -> None:
        for write in interleaved(lives):
            if self._stop.is_set():
                return
            self._one(write)
            with self._lock:
                self._written += 1

    def _one(self, write: Write) -> None:
        key = {"pk": {"S": write.pk}}
        # boto3's own types have no name for "a typed attribute value"; what ``orders`` builds is one.
        attributes = cast("dict[str, Any]", write.attributes)
        match write.kind:
            case ChangeKind.INSERT:
                self._client.put_item(TableName=self._table, Item={**key, **attributes})
            case ChangeKind.MODIFY:
                self._client.update_item(
                    TableName=self._table,
                    Key=key,
                    UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
                    ExpressionAttributeNames={f"#{name}": name for name in attributes},
                    ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
                )
            case ChangeKind.REMOVE:
                self._client.delete_item(TableName=self._table, Key=key)
