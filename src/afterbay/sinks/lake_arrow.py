"""The one door to pyarrow, which has no types: rows of a lake table in Arrow's form, there and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, cast

import pyarrow  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs] # it has none

__all__ = ["KEEPS", "MENDS", "ArrowFault", "ArrowTable", "arrow_table", "one_text", "rows_of"]


class ArrowTable(Protocol):
    """A table of pyarrow, as far as sinks look into it."""

    @property
    def num_rows(self) -> int: ...

    def to_pylist(self) -> list[dict[str, object]]: ...

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class _Reader(Protocol):
    """Record batches, one after the other."""

    def from_stream(self, stream: object) -> Iterable[ArrowTable]: ...


class _Pyarrow(Protocol):
    """What is used of it."""

    ArrowException: type[Exception]
    RecordBatchReader: _Reader

    def bool_(self) -> object: ...
    def int64(self) -> object: ...
    def string(self) -> object: ...
    def field(self, name: str, kind: object, nullable: bool) -> object: ...
    def schema(self, fields: Sequence[object]) -> object: ...
    def table(self, columns: Mapping[str, Sequence[object]], schema: object) -> ArrowTable: ...


_pa = cast("_Pyarrow", pyarrow)

ArrowFault: type[Exception] = _pa.ArrowException

KEEPS, MENDS = "%keeps", "%mends"
"""Columns of a MERGE's source alone. No attribute's column has such a name (``column_name``)."""

_NOT_TEXT = {"_deleted": _pa.bool_(), KEEPS: _pa.bool_(), MENDS: _pa.bool_(), "_expires": _pa.int64()}


def arrow_table(columns: Mapping[str, Sequence[object]], required: Collection[str]) -> ArrowTable:
    """Values by column: text but for the sink's own flags and times. ``required`` columns are declared never null."""
    fields = [_pa.field(name, _NOT_TEXT.get(name, _pa.string()), name not in required) for name in columns]
    return _pa.table(columns, schema=_pa.schema(fields))


def rows_of(stream: object) -> Iterator[dict[str, object]]:
    """The rows of any library's stream of batches, through Arrow's C interface. Raises ``ArrowFault`` or ``OSError``
    for what fails on the way, where the library's own loop may raise no more than ``Exception``."""
    for batch in _pa.RecordBatchReader.from_stream(stream):
        yield from batch.to_pylist()


def one_text(value: object) -> str | None:
    """A value of a column of text."""
    return None if value is None else str(value)
