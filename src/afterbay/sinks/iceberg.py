"""An Iceberg table in a catalog: the batch's keys are read, merged and written back in one commit on that snapshot.

Iceberg's Python library has no guarded MERGE, so the guard is the commit itself: it names the snapshot that was read,
and the catalog refuses it when another is current. The catalog is configured as pyiceberg configures it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchPropertyException,
    NoSuchTableError,
    NotInstalledError,
    RESTError,
    TableAlreadyExistsError,
    ValidationError,
    ValidationException,
)
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.schema import Schema
from pyiceberg.types import BooleanType, LongType, NestedField, StringType
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from afterbay.errors import ConflictError, SettingsError, UnavailableError
from afterbay.sinks.iceberg_table import LIVE, IcebergTable, create_table, expired, forget_snapshots, load_table, one_of
from afterbay.sinks.lake_arrow import ArrowFault, arrow_table, one_text
from afterbay.sinks.lake_columns import OWN, Columns, check_own, check_table, column_name
from afterbay.sinks.lake_rows import LakeRow, column_values
from afterbay.sinks.reduced import Stored

__all__ = ["IcebergStore"]

_NO_REBASE = {"commit.retry.num-retries": "0"}
"""pyiceberg would repeat a lost commit on the newer snapshot, past the guard: rows appended twice. We read anew
instead."""

_DAMAGED = (ValidationError, EOFError)
"""What a metadata file that is not whole raises."""

_USERINFO = re.compile(r"//.*@", re.DOTALL)

_SNAPSHOTS_KEPT = timedelta(days=5)

_REASON_CHARS_MAX = 300


class IcebergStore:
    """``table`` (``NAMESPACE.TABLE``, made where it is missing) in the catalog that pyiceberg's configuration has under
    the name ``catalog``. ``properties`` add to that configuration."""

    def __init__(self, catalog: str, table: str, *, properties: Mapping[str, str] | None = None) -> None:
        self._catalog_name = catalog
        self._name = table
        self._properties = dict(properties or {})
        self._catalog: Catalog | None = None
        self._table: IcebergTable | None = None
        self._required = frozenset[str]()
        self._there = frozenset[str]()

    def __str__(self) -> str:
        return f"iceberg:{self._catalog_name}/{self._name}"

    def open(self, keys: Sequence[str]) -> Columns:
        with self._faults():
            table = self._table = self._writable() or self._created(keys)
            fields = table.schema().fields
            nullable = {one.name: isinstance(one.field_type, StringType) for one in fields if not one.required}
            self._required = frozenset(one.name for one in fields if one.required)
            check_table(self._required, nullable, keys, str(self))
        return Columns(one.name for one in fields if one.name not in OWN)

    def stored(self, keys: Collection[str]) -> dict[str, Stored]:
        with self._faults():
            found = self._rows(keys, "_key", "_tok", "_deleted")
        stored = {str(row["_key"]): Stored(str(row["_tok"]), deleted=bool(row["_deleted"])) for row in found}
        self._there = frozenset(stored)
        return stored

    def commit(self, rows: Sequence[LakeRow], columns: Columns) -> None:
        with self._faults():
            table = self._opened()
            values = column_values(rows, columns.names)
            kept = {row.key: place for place, row in enumerate(rows) if row.keeps}
            for found in self._rows(kept) if kept else ():
                for name in found.keys() - {"_tok", "_expires"}:
                    values[name][kept[str(found["_key"])]] = found[name]
            written = arrow_table(values, self._required)
            with table.transaction() as transaction:
                if columns.added:
                    with transaction.update_schema() as evolving:
                        for name in columns.added:
                            evolving.add_column(name, StringType())
                replaced = self._there.intersection(row.key for row in rows)
                if replaced:
                    transaction.overwrite(written, one_of("_key", replaced))
                else:
                    transaction.append(written)

    def held(self, keys: Collection[str]) -> dict[str, tuple[str, str | None]]:
        with self._faults():
            table = self._loaded()
            if table is None:
                return {}
            rows = table.scan(one_of("_key", keys), ("_key", "_tok", "_item")).to_arrow().to_pylist()
        return {str(row["_key"]): (str(row["_tok"]), one_text(row["_item"])) for row in rows}

    def live(self) -> Iterator[tuple[str, str]]:
        with self._faults():
            table = self._loaded()
            if table is None:
                return
            for batch in table.scan(LIVE, ("_key", "_item")).to_arrow_batch_reader():
                for row in batch.to_pylist():
                    yield str(row["_key"]), str(row["_item"])

    def purge(self, before_s: int) -> int:
        with self._faults():
            table = self._writable()
            found = 0 if table is None else table.scan(expired(before_s), ("_key",)).to_arrow().num_rows
            if table is not None and found:
                with table.transaction() as transaction:
                    transaction.delete(expired(before_s))
            return found

    def compact(self) -> None:
        """The table is read into memory and written as few files, and snapshots 5 days older than its newest are
        forgotten (Iceberg's default). For a table too large for that, use an engine's own procedures."""
        with self._faults():
            table = self._writable()
            if table is not None:
                with table.transaction() as transaction:
                    transaction.overwrite(table.scan().to_arrow(), AlwaysTrue())
                forget_snapshots(table, _SNAPSHOTS_KEPT)

    def close(self) -> None:
        catalog, self._catalog, self._table = self._catalog, None, None
        if catalog is not None:
            catalog.close()

    # ---- the table

    def _opened(self) -> IcebergTable:
        assert self._table is not None, "open() comes first"
        return self._table

    def _connected(self) -> Catalog:
        if self._catalog is None:
            try:
                self._catalog = load_catalog(self._catalog_name, **self._properties)
            except (ValueError, NoSuchPropertyException, NotInstalledError, ArgumentError) as wrong:
                raise SettingsError(
                    f"{self}: catalog {self._catalog_name!r} is not configured: {_reason(wrong)}",
                    hint="configure it as pyiceberg does: .pyiceberg.yaml, or variables that begin with"
                    f" PYICEBERG_CATALOG__{self._catalog_name.upper()}__",
                ) from wrong
        return self._catalog

    def _loaded(self) -> IcebergTable | None:
        try:
            table = load_table(self._connected(), self._name)
        except (NoSuchTableError, NoSuchNamespaceError):
            return None
        check_own((field.name for field in table.schema().fields), str(self))
        return table

    def _writable(self) -> IcebergTable | None:
        """The table, with what makes a lost commit an error: an operator may have set it otherwise."""
        table = self._loaded()
        if table is not None and not _NO_REBASE.items() <= table.properties.items():
            with table.transaction() as transaction:
                transaction.set_properties(_NO_REBASE)
        return table

    def _created(self, keys: Sequence[str]) -> IcebergTable:
        catalog = self._connected()
        namespace = self._name.rpartition(".")[0]
        try:
            catalog.create_namespace_if_not_exists(namespace)
            return create_table(catalog, self._name, _schema(keys), _NO_REBASE)
        except ValueError as wrong:
            raise SettingsError(
                f"{self}: {_reason(wrong)}", hint="the catalog's configuration has a warehouse"
            ) from wrong
        except (TableAlreadyExistsError, NamespaceAlreadyExistsError) as first:
            raise ConflictError(f"{self}: another writer made the table", code=type(first).__name__) from first

    def _rows(self, keys: Collection[str], *names: str) -> list[dict[str, object]]:
        return self._opened().scan(one_of("_key", keys), names or ("*",)).to_arrow().to_pylist()

    @contextmanager
    def _faults(self) -> Generator[None]:
        """pyiceberg's errors, its catalog's and its files' as ours, by their class (E9)."""
        try:
            yield
        except (CommitFailedException, ValidationException) as lost:
            raise ConflictError(f"{self}: another writer was first", code=type(lost).__name__) from lost
        except (RESTError, SQLAlchemyError, NoSuchTableError, OSError, ArrowFault, *_DAMAGED) as fault:
            raise UnavailableError(f"{self}: {_reason(fault)}", code=type(fault).__name__) from fault


def _schema(keys: Sequence[str]) -> Schema:
    text, own = StringType(), (("_key", True), ("_item", False), ("_tok", True))
    columns = [(column_name(key), text, True) for key in keys] + [(name, text, must) for name, must in own]
    every = [*columns, ("_deleted", BooleanType(), True), ("_expires", LongType(), False)]
    return Schema(*(NestedField(place, name, kind, must) for place, (name, kind, must) in enumerate(every, 1)))


def _reason(fault: Exception) -> str:
    """The first line of a fault, cut, since the rest may show data; without what stands before an ``@``."""
    said = _USERINFO.sub("//***@", str(fault).strip()) or type(fault).__name__
    return said.partition("\n")[0][:_REASON_CHARS_MAX]
