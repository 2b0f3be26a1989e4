"""The outbox of a state file, read beside the engine that writes it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from afterbay.errors import StateError
from afterbay.ports import OutboxEntry
from afterbay.stores.reading import open_to_read
from afterbay.stores.refusal import refusal
from afterbay.stores.rows import decode_letter

__all__ = ["read_outbox"]


def read_outbox(path: Path | str) -> tuple[OutboxEntry, ...]:
    """The letters that are stored and not sent, in the order of their turns, without the events that they may carry.

    Raises ``StateError``.
    """
    file = Path(path).resolve()
    connection = open_to_read(file, lacking="outbox that this version reads")
    try:
        rows = connection.execute("SELECT number, body, tries, last_error FROM letters ORDER BY turn")
        return tuple(_bare(*row) for row in rows)  # one at a time: each may hold 6 MB
    except sqlite3.Error as error:
        raise refusal(file, error) from error
    except msgspec.MsgspecError as error:
        raise StateError(f"state file {file} holds a letter that cannot be read: {error}") from error
    finally:
        connection.close()


def _bare(number: int, body: bytes, tries: int, last_error: str | None) -> OutboxEntry:
    return OutboxEntry(number, msgspec.structs.replace(decode_letter(body), event=b""), tries, last_error)
