"""Addresses of sinks that need no server: ``memory:NAME`` and ``sqlite:///FILE?table=T``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from afterbay.errors import SettingsError
from afterbay.sinks.scheme import Scheme, SinkAddress, no_check

if TYPE_CHECKING:
    from afterbay.sinks.where import GuardedStore

__all__ = ["SCHEMES"]

_SQL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)


def _memory_name(text: str, shown: str) -> str:
    name = unquote(text)
    if not name or name.startswith("/"):
        raise SettingsError(f"{shown}: a memory sink has a name", hint="write memory:NAME")
    return name


def _sqlite_file(text: str, shown: str) -> str:
    file = unquote(text.removeprefix("///"))
    if not text.startswith("///") or not file or file.endswith("/") or "\0" in file:
        raise SettingsError(
            f"{shown}: no file", hint="write sqlite:///FILE?table=T (four slashes for an absolute path)"
        )
    if file == ":memory:":
        raise SettingsError(f"{shown}: a SQLite sink is a file", hint="for tests there is memory:NAME")
    return file


def _check_sqlite(parameters: Mapping[str, str], shown: str) -> None:
    table = parameters.get("table")
    if table is None:
        raise SettingsError(f"{shown}: no table", hint="write sqlite:///FILE?table=T")
    if not _SQL_NAME.fullmatch(table) or table.lower().startswith("sqlite_"):
        raise SettingsError(
            f"{shown}: table={table[:80]!r} is not a table name",
            hint="letters, digits and underscores, at most 63, not beginning with a digit or with sqlite_",
        )


def _memory(address: SinkAddress) -> GuardedStore:
    from afterbay.sinks.memory import MemorySink

    return MemorySink.named(address.place, options=address.options)


def _sqlite(address: SinkAddress) -> GuardedStore:
    from afterbay.sinks.sqlite import SqliteSink

    return SqliteSink(address.place, address.parameters["table"], options=address.options)


SCHEMES = {
    "memory": Scheme((), _memory_name, no_check, _memory),
    "sqlite": Scheme(("table",), _sqlite_file, _check_sqlite, _sqlite),
}
