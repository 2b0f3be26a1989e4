"""A session with PostgreSQL: how it is made, when it is of no more use, and what a fault is called.

Decides nothing about tables. Faults are named by SQLSTATE; the server's own words quote values and stay unsaid.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict

from afterbay.errors import SettingsError

__all__ = ["Session", "connect", "fault_name", "lock_number", "lost", "place"]

CONNECT_S = 10
"""How long one try to connect may take, where the address does not say (``connect_timeout=``)."""

_ELSEWHERE = ("08", "25006", "57P")
"""The session is of no more use: cut, ended, or on a server that only reads since another one took over."""

Session: TypeAlias = "psycopg.Connection[tuple[object, ...]]"


def connect(conninfo: str) -> Session:
    """A session that is in no transaction until told so. Raises ``psycopg.Error``."""
    timeout_s = conninfo_to_dict(conninfo).get("connect_timeout", CONNECT_S)
    # No prepared statements: they would not survive a pooler that hands a session's transactions to several servers.
    return psycopg.connect(
        conninfo,
        autocommit=True,
        prepare_threshold=None,
        connect_timeout=timeout_s,
        fallback_application_name="afterbay",
        client_encoding="utf8",
    )


def lost(session: Session, fault: psycopg.Error) -> bool:
    """Whether the session is of no more use."""
    return session.closed or session.broken or (fault.sqlstate or "").startswith(_ELSEWHERE)


def fault_name(fault: psycopg.Error) -> str:
    """The condition's name and SQLSTATE, never its text."""
    name = type(fault).__name__
    return name if fault.sqlstate is None else f"{name} {fault.sqlstate}"


def place(conninfo: str) -> str:
    """Host, port and database, without user and password."""
    try:
        told = conninfo_to_dict(conninfo)
    except psycopg.Error:
        # Not `from`: the driver's words may hold the password.
        raise SettingsError(
            "a postgresql address cannot be read", hint="write postgresql://USER@HOST:PORT/DB?table=T"
        ) from None
    return f"{told.get('host', '')}:{told.get('port', '5432')}/{told.get('dbname', told.get('user', ''))}"


def lock_number(name: str) -> int:
    """An advisory lock's number for the making of a table."""
    return int.from_bytes(hashlib.sha256(f"afterbay:{name}".encode()).digest()[:8], signed=True)
