"""Addresses of tables in PostgreSQL: ``postgresql://USER:PW@HOST:PORT/DB?table=T``, and what libpq needs for TLS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from afterbay.errors import SettingsError
from afterbay.sinks.scheme import Scheme, SinkAddress, extra_wanted

if TYPE_CHECKING:
    from afterbay.sinks.where import GuardedStore

__all__ = ["LIBPQ", "SCHEMES", "conninfo"]

LIBPQ = (
    "application_name",
    "channel_binding",
    "connect_timeout",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
)
"""Connection parameters that are handed on."""

_TABLE = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,54}", re.ASCII)


def _database(text: str, shown: str) -> str:
    """Host, port and database. User and password stay in the address's own text."""
    user, _, where = text.removeprefix("//").rpartition("@")
    server, _, database = where.partition("/")
    if "/" in user:
        raise SettingsError(f"{shown}: its password cannot be read", hint="write a / in a password as %2F")
    if not text.startswith("//") or "/" in database:
        raise SettingsError(f"{shown}: no server", hint="write postgresql://USER@HOST:PORT/DB?table=T")
    return f"//{server}/{database}"


def _check(parameters: Mapping[str, str], shown: str) -> None:
    table = parameters.get("table")
    if table is None:
        raise SettingsError(f"{shown}: no table", hint="write postgresql://USER@HOST:PORT/DB?table=T")
    if not _TABLE.fullmatch(table):
        raise SettingsError(
            f"{shown}: table={table[:80]!r} is not a table name",
            hint="letters, digits and underscores, at most 55, no digit first; a schema may stand before a dot",
        )


def conninfo(address: SinkAddress) -> str:
    """The address as libpq takes it. It holds the password."""
    parameters = {name: value for name, value in address.parameters.items() if name in LIBPQ}
    query = urlencode(parameters, quote_via=quote)
    return f"postgresql:{address.text}" + (f"?{query}" if query else "")


def _postgres(address: SinkAddress) -> GuardedStore:
    with extra_wanted(address, "postgres", "psycopg", "psycopg"):
        from afterbay.sinks.postgres import PostgresSink
    return PostgresSink(conninfo(address), address.parameters["table"], options=address.options)


SCHEMES = {"postgresql": Scheme(("table", *LIBPQ), _database, _check, _postgres)}
