"""State files in SQLite: opened so that nobody else can read them, written in whole transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from afterbay.stores.refusal import refusal, unopened

__all__ = ["ADDRESS_FILE", "open_private", "transaction", "whole"]

ADDRESS_FILE = "address.sqlite3"
"""The database of an address, in its folder of ``--state``: by this a folder is known for one."""


def open_private(path: Path, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """Open a file, made if need be; ``prepare`` looks whose it is and brings it to our form. Raises ``StateError``.

    It is made here for its mode: state holds keys and images. SQLite gives its side files the mode of the database.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise unopened(path, error) from error
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise refusal(path, error) from error
    try:
        prepare(connection)
    except sqlite3.Error as error:
        connection.close()
        raise refusal(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """One transaction, all or nothing. SQLite's errors leave it as they come."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def whole(connection: sqlite3.Connection, path: Path) -> Generator[None]:
    """The same of a state file. Raises ``StateError``."""
    try:
        with transaction(connection):
            yield
    except sqlite3.Error as error:
        raise refusal(path, error) from error
