"""What the sink uses of pyiceberg, with types: its own methods hand out pyarrow's values, which have none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast

from pyiceberg.catalog import Catalog
from pyiceberg.expressions import And, BooleanExpression, EqualTo, In, LessThan
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import IcebergType

from afterbay.sinks.lake_arrow import ArrowTable

__all__ = ["LIVE", "IcebergTable", "create_table", "expired", "forget_snapshots", "load_table", "one_of"]


class Scan(Protocol):
    """Rows that were asked for."""

    def to_arrow(self) -> ArrowTable: ...
    def to_arrow_batch_reader(self) -> Iterable[ArrowTable]: ...


class SchemaUpdate(Protocol):
    """Columns to be added when the block ends."""

    def add_column(self, path: str, field_type: IcebergType) -> object: ...


class Transaction(Protocol):
    """Changes that are one commit, made when the block ends."""

    def set_properties(self, properties: dict[str, str]) -> object: ...
    def update_schema(self) -> AbstractContextManager[SchemaUpdate]: ...
    def append(self, df: ArrowTable) -> None: ...
    def overwrite(self, df: ArrowTable, overwrite_filter: BooleanExpression) -> None: ...
    def delete(self, delete_filter: BooleanExpression) -> None: ...


class IcebergTable(Protocol):
    """One version of a table: what is committed counts only if no other version came in between."""

    @property
    def properties(self) -> dict[str, str]: ...

    def schema(self) -> Schema: ...
    def scan(self, row_filter: BooleanExpression = ..., selected_fields: Sequence[str] = ...) -> Scan: ...
    def transaction(self) -> AbstractContextManager[Transaction]: ...


def load_table(catalog: Catalog, name: str) -> IcebergTable:
    """The newest version. Raises what the catalog raises."""
    return cast("IcebergTable", catalog.load_table(name))


def create_table(catalog: Catalog, name: str, schema: Schema, properties: dict[str, str]) -> IcebergTable:
    make = cast("Callable[..., IcebergTable]", getattr(catalog, "create_table"))  # noqa: B009 - its type is unknown
    return make(name, schema=schema, properties=properties)


def one_of(column: str, values: Collection[str]) -> BooleanExpression:
    return _where(In, column, sorted(values))


def expired(before_s: int) -> BooleanExpression:
    """Tombstones whose time is over."""
    return And(_where(EqualTo, "_deleted", True), _where(LessThan, "_expires", before_s))


def forget_snapshots(table: IcebergTable, kept: timedelta) -> None:
    """Take snapshots older than ``kept`` before the newest out of the table's history, which every commit reads and
    writes whole."""
    whole = cast("Table", table)
    newest = whole.current_snapshot()
    if newest is not None:
        until = datetime.fromtimestamp(newest.timestamp_ms / 1000, UTC) - kept
        whole.maintenance.expire_snapshots().older_than(until).commit()


def _where(kind: Callable[..., BooleanExpression], column: str, value: object) -> BooleanExpression:
    """A condition on a column. pyiceberg takes both by place, which its models' types deny."""
    return kind(column, value)


LIVE = _where(EqualTo, "_deleted", False)
