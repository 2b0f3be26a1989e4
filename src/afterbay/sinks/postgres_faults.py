"""Whom a fault of PostgreSQL is about, by its SQLSTATE: one record, the sink's address, or nobody.

Decides that alone. What a batch does then is ``postgres.py``'s.
"""

from __future__ import annotations

from enum import Enum

import psycopg

__all__ = ["Blame", "blame", "table_gone"]

_RECORDS = ("22", "23", "44", "54", "P0001")
"""SQLSTATEs, or their classes, that a row brings about: data no column takes, a constraint, an index's limit, a trigger
that raises."""

_PASSING = ("23503", "23505", "23P01")
"""Of these, the ones that another row may mend: a reference, a unique index, an exclusion."""

_NEVER_OURS = ("3F000", "42809", "42P07")
"""No such schema; the name is no table's; the name of the table's view or index is taken."""

_GONE = ("42P01", "42703")
"""The table, or a column of it, is no longer there: it is looked at anew next time."""


class Blame(Enum):
    """Who is to blame for a fault."""

    ADDRESS = "address"
    RECORD = "record"
    """It will be refused each time."""
    RECORD_NOW = "record, now"
    """Another row may mend it."""
    NOBODY = "nobody"


def blame(fault: psycopg.Error) -> Blame:
    state = fault.sqlstate or ""
    if state in _NEVER_OURS:
        return Blame.ADDRESS
    if not state.startswith(_RECORDS):
        return Blame.NOBODY
    return Blame.RECORD_NOW if state in _PASSING else Blame.RECORD


def table_gone(fault: psycopg.Error) -> bool:
    return (fault.sqlstate or "") in _GONE
