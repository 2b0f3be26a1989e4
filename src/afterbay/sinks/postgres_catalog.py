"""Which table a sink finds in the database: is it there, is it ours, and how it is made by one of many writers."""

from __future__ import annotations

from afterbay.sinks.postgres_session import Session, lock_number
from afterbay.sinks.postgres_table import PostgresTable

__all__ = ["create_or_check", "is_there"]


def create_or_check(session: Session, table: PostgresTable) -> PostgresTable:
    """The table, made where it is missing, by one writer at a time: the others wait and find it. Raises
    ``SettingsError`` for one that is not ours."""
    table.check_names()
    found = _columns(session, table)
    if not found:
        with session.transaction():
            session.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number(table.name),))
            found = _columns(session, table)
            if not found:
                session.execute(table.definition.encode())
                return table
    table.check_columns(found)
    return table


def is_there(session: Session, table: PostgresTable) -> bool:
    """Whether a sink has made the table, whatever its key. Raises ``SettingsError`` for one that no sink made."""
    found = _columns(session, table)
    own = [column for column in found if column in table.columns]
    if found and len(own) != len(table.columns):
        table.check_columns(found)
    return bool(found)


def _columns(session: Session, table: PostgresTable) -> tuple[tuple[str, str], ...]:
    rows = session.execute(
        "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(%s)"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (table.quoted,),
    )
    return tuple((str(name), str(kind)) for name, kind in rows)
