"""A sink that is read into a file of ours, because it cannot be asked for single keys."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from afterbay.backfill.holdings import IndexedHoldings
from afterbay.errors import UnavailableError
from afterbay.sinks.live import LiveItem


class Unreadable:
    """A store that breaks off."""

    def read_live(self):
        yield LiveItem("a", {})
        raise UnavailableError("no answer", code="OSError")


def test_a_sink_that_breaks_off_leaves_no_file_open(monkeypatch):
    opened, connect = [], sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *given, **named: opened.append(connect(*given, **named)) or opened[-1]
    )
    with closing(IndexedHoldings(Unreadable())) as holdings, pytest.raises(UnavailableError):
        asyncio.run(holdings.refresh())
    (file,) = opened
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        file.execute("SELECT 1")
