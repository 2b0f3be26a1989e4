"""Iceberg tables in a folder of a test, and a look at them that is not the sink's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pyiceberg.catalog import load_catalog
from pyiceberg.table import Table

from afterbay.sinks.iceberg import IcebergStore

NAME = "shop.copy"


def iceberg(folder: Path) -> IcebergStore:
    """A store on the catalog of this folder, in SQLite."""
    return IcebergStore("tests", NAME, properties=configuration(folder))


def iceberg_rows(folder: Path) -> list[dict]:
    with _table(folder) as table:
        return table.scan().to_arrow().to_pylist()


def properties(folder: Path) -> dict[str, str]:
    with _table(folder) as table:
        return table.properties


def set_properties(folder: Path, values: dict[str, str]) -> None:
    with _table(folder) as table, table.transaction() as transaction:
        transaction.set_properties(values)


@contextmanager
def _table(folder: Path) -> Iterator[Table]:
    """The catalog's connections are closed at the end: Python 3.13 tells of those that are not."""
    with closing(load_catalog("tests", **configuration(folder))) as catalog:
        yield catalog.load_table(NAME)


def configuration(folder: Path) -> dict[str, str]:
    return {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
