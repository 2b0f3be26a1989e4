"""Addresses of tables for analytics: ``delta:PATH_OR_S3_URL`` and ``iceberg:CATALOG/NAMESPACE.TABLE``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from afterbay.errors import SettingsError
from afterbay.sinks.scheme import Scheme, SinkAddress, extra_wanted, no_check

if TYPE_CHECKING:
    from afterbay.sinks.where import GuardedStore

__all__ = ["SCHEMES"]

_BUCKET_URL = re.compile(r"s3a?://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^/].*", re.ASCII | re.DOTALL)
_ICEBERG_TABLE = re.compile(r"[A-Za-z0-9_-]+/(?:[A-Za-z0-9_-]+\.)+[A-Za-z0-9_-]+", re.ASCII)


def _delta_table(text: str, shown: str) -> str:
    place = unquote(text)
    if not place or "\0" in place or place.startswith("//"):
        raise SettingsError(f"{shown}: no table", hint="write delta:PATH (one slash for an absolute path)")
    if "://" in place and not _BUCKET_URL.fullmatch(place):
        raise SettingsError(
            f"{shown}: a Delta table is in a folder or in a bucket", hint="write delta:PATH or delta:s3://BUCKET/PREFIX"
        )
    return place


def _iceberg_table(text: str, shown: str) -> str:
    place = unquote(text)
    if not _ICEBERG_TABLE.fullmatch(place):
        raise SettingsError(
            f"{shown}: no table",
            hint="write iceberg:CATALOG/NAMESPACE.TABLE: letters, digits, dashes and underscores, and the catalog's"
            " name as pyiceberg's configuration has it",
        )
    return place


def _delta(address: SinkAddress) -> GuardedStore:
    with extra_wanted(address, "delta", "Delta Lake", "deltalake", "pyarrow"):
        from afterbay.sinks.delta import DeltaStore
        from afterbay.sinks.lake import LakeSink
    return LakeSink(DeltaStore(address.place), options=address.options)


def _iceberg(address: SinkAddress) -> GuardedStore:
    with extra_wanted(address, "iceberg", "Iceberg", "pyiceberg", "pyarrow", "sqlalchemy"):
        from afterbay.sinks.iceberg import IcebergStore
        from afterbay.sinks.lake import LakeSink
    catalog, _, table = address.place.partition("/")
    return LakeSink(IcebergStore(catalog, table), options=address.options)


SCHEMES = {
    "delta": Scheme((), _delta_table, no_check, _delta),
    "iceberg": Scheme((), _iceberg_table, no_check, _iceberg),
}
