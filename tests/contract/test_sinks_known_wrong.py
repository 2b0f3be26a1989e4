"""The known-wrong shortcuts of effectively-once.md fail the very suite that every sink passes: the suite can tell."""

from __future__ import annotations

import sqlite3

import pytest

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.value import decode_item
from afterbay.core.guard import APPLIED, SKIPPED, Kind, Verdict, judge
from afterbay.errors import RecordError
from afterbay.sinks.entry import prepare
from afterbay.sinks.live import LiveItem, plain_item, plain_text
from afterbay.sinks.options import Expiry, SinkOptions
from contract import sink_suite


class Shortcut:
    """A sink in memory, right but for the one step that a subclass takes short."""

    ttl = Expiry.MIRROR

    def __init__(self):
        self.rows: dict[str, tuple[str, dict | None, str]] = {}

    def token(self, change: ChangeRecord) -> str:
        return change.token

    def key(self, change: ChangeRecord) -> str:
        return "/".join(f"{len(part)}:{part}" for part in change.keys.values())

    def refuse(self, verdict: Verdict) -> Verdict:
        return verdict

    def delete(self, key: str, row: tuple) -> None:
        self.rows[key] = row

    def skip(self, key: str, token: str) -> None:
        _, item, canonical = self.rows.get(key, ("", None, ""))
        self.rows[key] = (token, item, canonical)

    def apply(self, changes):
        return [self._one(change) for change in changes]

    def _one(self, change):
        entry = prepare(change, SinkOptions(ttl=self.ttl))
        if isinstance(entry, Verdict):
            return self.refuse(entry)
        token, key = self.token(change), self.key(change)
        verdict = judge(token, self.rows[key][0] if key in self.rows else None)
        if verdict is not APPLIED:
            return verdict
        if entry.skips:
            self.skip(key, token)
            return SKIPPED
        if entry.item is None:
            self.delete(key, (token, None, entry.key))
        else:
            self.rows[key] = (token, entry.item, entry.key)
        return APPLIED

    def read_live(self):
        return (LiveItem(key, plain_item(item)) for _, item, key in self.rows.values() if item is not None)


class SkippingShortcut(Shortcut):
    ttl = Expiry.SKIP


class NumberWithoutLabel(Shortcut):  # shortcut 0
    def token(self, change):
        return change.sequence_number.padded


class RawNumber(Shortcut):  # shortcut 1
    def token(self, change):
        return f"{change.stream_arn[-23:]}/{change.sequence_number.text}"


class CreationTime(Shortcut):  # shortcut 3
    def token(self, change):
        return f"{change.created_s:020}"


class RealDeletes(Shortcut):  # shortcut 4
    def delete(self, key, row):
        self.rows.pop(key, None)


class SwallowedFailure(Shortcut):  # shortcut 5
    def refuse(self, verdict):
        return APPLIED


class UnescapedKey(Shortcut):  # shortcut 7
    def key(self, change):
        return "#".join(map(str, change.keys.values()))


class ExpiryAsDelete(Shortcut):  # shortcut 8
    """Asked to skip expiries, it mirrors them."""


class SkipWithoutMark(SkippingShortcut):  # shortcut 8
    def skip(self, key, token):
        pass


class InSql(Shortcut):
    """The same in a SQL table: the comparison is the statement's own."""

    def __init__(self):
        super().__init__()
        self.database = sqlite3.connect(":memory:", isolation_level=None)
        self.database.execute("CREATE TABLE t (key TEXT PRIMARY KEY, tok TEXT, item TEXT, canonical TEXT)")

    def _one(self, change):
        entry = prepare(change, SinkOptions(ttl=self.ttl))
        if isinstance(entry, Verdict):
            return self.refuse(entry)
        token, key = self.token(change), self.key(change)
        written = self.database.execute(
            "INSERT INTO t VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET tok = excluded.tok,"
            " item = excluded.item, canonical = excluded.canonical WHERE excluded.tok > t.tok",
            (key, token, entry.json, entry.key),
        ).rowcount
        (stored,) = self.database.execute("SELECT tok FROM t WHERE key = ?", (key,)).fetchone()
        return APPLIED if written else judge(token, stored)

    def read_live(self):
        rows = self.database.execute("SELECT canonical, item FROM t WHERE item IS NOT NULL").fetchall()
        return (LiveItem(key, plain_text(item)) for key, item in rows)


class NumberWithoutLabelInSql(NumberWithoutLabel, InSql):  # shortcut 0
    pass


class RawNumberInSql(RawNumber, InSql):  # shortcut 1
    pass


class UnescapedKeyInSql(UnescapedKey, InSql):  # shortcut 7
    pass


@pytest.fixture(autouse=True)
def _databases_are_closed(monkeypatch):
    opened = []
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *given, **named: opened.append(connect(*given, **named)) or opened[-1]
    )
    yield
    for database in opened:
        database.close()


def replays(sink):
    for seed in range(1, 6):
        sink_suite.in_order_with_replays(type(sink)(), sink.ttl, seed)


def no_order(sink):
    for seed in range(1, 6):
        sink_suite.in_no_order(type(sink)(), seed)


@pytest.mark.parametrize("right", [Shortcut, InSql])
@pytest.mark.parametrize("check", [replays, no_order, sink_suite.keys_that_look_alike])
def test_the_sink_that_the_shortcuts_are_made_of_is_right(check, right):
    check(right())


def test_it_is_right_about_skipped_expiries_too():
    sink_suite.a_skipped_expiry_leaves_its_mark(SkippingShortcut())
    replays(SkippingShortcut())


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (NumberWithoutLabel, replays),
        (RawNumber, replays),
        (CreationTime, replays),
        (RealDeletes, replays),
        (RealDeletes, no_order),
        (SwallowedFailure, sink_suite.one_bad_record_between_good_ones),
        (UnescapedKey, sink_suite.keys_that_look_alike),
        (NumberWithoutLabelInSql, replays),
        (RawNumberInSql, replays),
        (UnescapedKeyInSql, sink_suite.keys_that_look_alike),
        (ExpiryAsDelete, sink_suite.a_skipped_expiry_leaves_its_mark),
        (SkipWithoutMark, sink_suite.a_skipped_expiry_leaves_its_mark),
    ],
)
def test_a_shortcut_fails_the_suite(wrong, check):
    with pytest.raises(AssertionError):
        check(wrong())


def test_a_number_that_is_no_number_is_what_the_bad_record_has():
    """The suite's poison record is poison because of its value and of nothing else."""
    with pytest.raises(RecordError, match="N"):
        decode_item({"n": {"N": "many"}})
    assert Kind.POISON.failed
