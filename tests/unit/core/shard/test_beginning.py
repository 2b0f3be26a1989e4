"""Where to begin, as a person writes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from afterbay.core.shard.beginning import Word, first_start, parse_beginning
from afterbay.core.shard.position import AtTime, Latest, TrimHorizon
from afterbay.errors import SettingsError

NOW = datetime(2026, 9, 17, 12, 0, 0, tzinfo=UTC)
NOON = datetime(2026, 9, 17, 10, 0, 0, tzinfo=UTC)

READ = {
    "trim": Word.TRIM,
    "latest": Word.LATEST,
    "90s": timedelta(seconds=90),
    "15m": timedelta(minutes=15),
    "3h": timedelta(hours=3),
    "2d": timedelta(days=2),
    "2026-09-17T10:00:00Z": NOON,
    "2026-09-17T12:00:00+02:00": NOON,
    "2026-09-17T10:00:00": NOON,
}


@pytest.mark.parametrize(("text", "meant"), READ.items(), ids=READ)
def test_a_word_an_age_or_a_time_is_read(text, meant):
    assert parse_beginning(text) == meant


@pytest.mark.parametrize("text", ["", "TRIM", "15", "m", "-15m", "15 m", "noon", "9999999999s"])
def test_anything_else_is_refused_with_the_forms(text):
    with pytest.raises(SettingsError, match=r"--from: .*15m"):
        parse_beginning(text)


def test_an_age_counts_back_from_the_sources_now():
    assert first_start(timedelta(hours=2), NOW) == AtTime(NOON)


def test_an_age_beyond_every_retention_is_the_oldest_record():
    assert first_start(timedelta(days=400_000), NOW) == TrimHorizon()
    assert first_start(timedelta(days=365), NOW) == AtTime(NOW - timedelta(days=365)), (
        "Kinesis may keep it so long (S89)"
    )


def test_the_words_are_starting_points():
    assert first_start(Word.TRIM, NOW) == TrimHorizon() and first_start(Word.LATEST, NOW) == Latest(NOW)


def test_a_time_to_come_is_refused():
    assert first_start(NOW, NOW) == AtTime(NOW)
    with pytest.raises(SettingsError, match="still to come"):
        first_start(NOW + timedelta(seconds=1), NOW)
