"""Iceberg tables in a folder of a test, and a look at them that is not the sink's."""

from __future__ import annotations

from pathlib import Path

from pyiceberg.catalog import load_catalog
from pyiceberg.table import Table

from afterbay.sinks.iceberg import IcebergStore

NAME = "shop.copy"


def iceberg(folder: Path) -> IcebergStore:
    """A store on the catalog of this folder, in SQLite."""
    return IcebergStore("tests", NAME, properties=configuration(folder))


def iceberg_rows(folder: Path) -> list[dict]:
    return _table(folder).scan().to_arrow().to_pylist()


def properties(folder: Path) -> dict[str, str]:
    return _table(folder).properties


def set_properties(folder: Path, values: dict[str, str]) -> None:
    with _table(folder).transaction() as transaction:
        transaction.set_properties(values)


def _table(folder: Path) -> Table:
    return load_catalog("tests", **configuration(folder)).load_table(NAME)


def configuration(folder: Path) -> dict[str, str]:
    return {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
