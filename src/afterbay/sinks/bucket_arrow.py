"""What a change log needs of pyarrow: Parquet, and zstd, which Python has not. Loaded when an address asks for it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import IO, TYPE_CHECKING, Protocol, cast

import pyarrow  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs] # it has none
import pyarrow.parquet  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs] # the same

if TYPE_CHECKING:
    from afterbay.sinks.bucket_rows import LogRow

__all__ = ["from_parquet", "from_zstd", "to_parquet", "to_zstd"]


class _Batch(Protocol):
    def to_pylist(self) -> list[dict[str, object]]: ...


class _Table(Protocol):
    def to_batches(self) -> list[_Batch]: ...


class _Arrow(Protocol):
    """pyarrow, as far as it is used here."""

    def string(self) -> object: ...
    def timestamp(self, unit: str, tz: str) -> object: ...
    def field(self, name: str, type: object, nullable: bool = True) -> object: ...
    def schema(self, fields: Sequence[object]) -> object: ...
    def table(self, columns: Mapping[str, Sequence[object]], schema: object) -> _Table: ...
    def compress(self, buf: bytes, codec: str, asbytes: bool) -> bytes: ...
    def CompressedInputStream(self, stream: IO[bytes], codec: str) -> AbstractContextManager[IO[bytes]]: ...


class _Parquet(Protocol):
    def write_table(self, table: _Table, where: IO[bytes], *, compression: str) -> None: ...
    def read_table(self, source: IO[bytes], *, columns: Sequence[str]) -> _Table: ...


pa = cast("_Arrow", pyarrow)
pq = cast("_Parquet", pyarrow.parquet)

_COLUMNS = ("key", "token", "kind", "created", "old", "new")
_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("token", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("created", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("old", pa.string()),
        pa.field("new", pa.string()),
    ]
)
"""The images are JSON text: a table's items have no common schema, and no digit of a number is lost."""


def to_parquet(rows: Sequence[LogRow], compression: str) -> bytes:
    table = pa.table(
        {
            "key": [row.key for row in rows],
            "token": [row.token for row in rows],
            "kind": [row.kind for row in rows],
            "created": [datetime.fromisoformat(row.created) for row in rows],
            "old": [row.old_json for row in rows],
            "new": [row.new_json for row in rows],
        },
        schema=_SCHEMA,
    )
    written = io.BytesIO()
    pq.write_table(table, written, compression=compression)
    return written.getvalue()


def from_parquet(body: bytes) -> Iterator[LogRow]:
    from afterbay.sinks.bucket_rows import LogRow

    table = pq.read_table(io.BytesIO(body), columns=list(_COLUMNS))
    for batch in table.to_batches():
        for found in batch.to_pylist():
            created = cast("datetime", found["created"])
            yield LogRow(
                str(found["key"]),
                str(found["token"]),
                str(found["kind"]),
                created.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
                cast("str | None", found["old"]),
                cast("str | None", found["new"]),
            )


def to_zstd(text: bytes) -> bytes:
    return pa.compress(text, codec="zstd", asbytes=True)


def from_zstd(body: bytes) -> bytes:
    with pa.CompressedInputStream(io.BytesIO(body), "zstd") as stream:
        return stream.read()
