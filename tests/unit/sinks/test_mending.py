"""What a mend writes, and which sinks can be mended at all."""

from __future__ import annotations

import pytest

import afterbay
from afterbay.core.guard import LOWEST_TOKEN, SKIPPED, Kind
from afterbay.errors import SettingsError
from afterbay.sinks.mending import NO_TOKEN, NOTHING_HELD, Mend, mend_entries, mendable
from afterbay.sinks.options import SinkOptions

KEY = {"pk": {"S": "a"}}
ITEM = {**KEY, "n": {"N": "1"}, "secret": {"S": "x"}}
TOKEN = f"2026-01-05T10:11:12.345/{1:040}"


@pytest.mark.parametrize(("seen", "token"), [(TOKEN, TOKEN), (None, LOWEST_TOKEN), (NO_TOKEN, LOWEST_TOKEN)])
def test_the_token_stays_and_is_the_lowest_where_there_was_none(seen, token):
    ((index, _, entry),), verdicts = mend_entries([Mend(KEY, ITEM, seen, 12.5)], SinkOptions())
    assert (index, entry.token, entry.created_s, entry.typed, verdicts) == (0, token, 12.5, ITEM, {})


def test_an_item_that_is_gone_is_a_tombstone_unless_nothing_is_stored():
    gone = [Mend(KEY, None, seen, 0.0) for seen in (TOKEN, NO_TOKEN, None)]
    entries, verdicts = mend_entries(gone, SinkOptions())
    assert [(index, entry.item) for index, _, entry in entries] == [(0, None), (1, None)]
    assert verdicts == {2: SKIPPED}


def test_a_mend_writes_what_the_sink_takes_and_one_that_is_broken_fails_alone():
    broken = {**KEY, "n": {"N": "many"}}
    mends = [Mend(KEY, broken, TOKEN, 0.0), Mend(KEY, ITEM, TOKEN, 0.0)]
    entries, verdicts = mend_entries(mends, SinkOptions(without=frozenset({"secret"})))
    assert [entry.typed for _, _, entry in entries] == [{**KEY, "n": {"N": "1"}}]
    assert verdicts[0].kind is Kind.POISON and list(verdicts) == [0]


class Log:
    """A sink that only takes changes."""

    def __str__(self):
        return "mine:log"


def test_a_change_log_cannot_be_mended_and_says_what_to_do_instead():
    for sink, name in ((afterbay.sink("s3://copies/log?mode=log"), "s3:copies/log"), (Log(), "mine:log")):
        with pytest.raises(SettingsError) as told:
            mendable(sink)
        assert told.value.message == f"{name}: single items of it cannot be mended"
        assert told.value.hint == (
            "only a sink of current state can be; of a change log, backfill or replay into a new prefix instead"
        )


def test_a_change_log_behind_a_filter_says_the_same_when_it_is_asked():
    log = afterbay.sink("s3://copies/log?mode=log", where={"n": {"N": ["1"]}})
    for call in (lambda: log.look_up([KEY]), lambda: log.mend([Mend(KEY, ITEM, None, 0.0)])):
        with pytest.raises(SettingsError, match="single items of it cannot be mended"):
            call()


@pytest.mark.parametrize(
    "address",
    [
        "memory:mending",
        "sqlite:///mending.db?table=t",
        "postgresql://u@127.0.0.1:9/d?table=t",
        "dynamodb://copy?region=eu-west-1",
        "dynamodb://copy?ledger=tokens&region=eu-west-1",
        "opensearch+http://127.0.0.1:9/copy",
        "s3://copies/state?mode=state",
        "delta:lake/copy",
        "iceberg:lake/shop.copy",
        "memory:mending?where=%7B%22n%22%3A%7B%22N%22%3A%5B%221%22%5D%7D%7D",
    ],
)
def test_every_sink_of_current_state_can_be_mended(address):
    sink = afterbay.sink(address)
    assert mendable(sink) is sink
    sink.close()


def test_an_image_that_does_not_match_the_filter_is_mended_away():
    sink = afterbay.sink("memory:mending-where", where={"n": {"N": ["1"]}})
    other = {"pk": {"S": "b"}}
    assert sink.look_up([KEY, other]) == [NOTHING_HELD] * 2
    told = sink.mend([Mend(KEY, ITEM, None, 0.0), Mend(other, {**other, "n": {"N": "2"}}, None, 0.0)])
    assert [one.kind for one in told] == [Kind.APPLIED, Kind.SKIPPED]
    assert [one.kind for one in sink.mend([Mend(KEY, {**ITEM, "n": {"N": "2"}}, LOWEST_TOKEN, 0.0)])] == [Kind.APPLIED]
    assert list(sink.read_live()) == []
