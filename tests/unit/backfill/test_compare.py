"""A table's item against what a sink stores: what differs, and what is none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from afterbay.backfill.compare import Finding, Kind, Promise
from afterbay.core.change.sequence import LOWEST_TOKEN
from afterbay.sinks.mending import NOTHING_HELD, Held
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.where import read_where

TOKEN = "2026-01-05T10:11:12.345/" + "0" * 39 + "7"
NOW_S = 1_800_000_000.0
ITEM = {"pk": {"S": "a"}, "n": {"N": "12345678901234567890.5"}, "raw": {"B": "AQI="}, "tags": {"SS": ["y", "x"]}}
SHOWN = {"pk": "a", "n": Decimal("12345678901234567890.5"), "raw": "AQI=", "tags": ["x", "y"]}
PROMISE = Promise(frozenset({"pk"}))


def compare(image, held, promise=PROMISE) -> Finding | None:
    return promise.compare(image, held, now_s=NOW_S)


def test_an_item_is_compared_in_the_form_in_which_sinks_show_theirs():
    assert compare(ITEM, Held(TOKEN, SHOWN)) is None
    assert compare(ITEM, Held(LOWEST_TOKEN, SHOWN)) is None
    assert compare(None, NOTHING_HELD) is None
    assert compare(None, Held(TOKEN, None)) is None


@pytest.mark.parametrize(
    ("found", "attributes"),
    [
        ({**SHOWN, "n": Decimal("12345678901234567890.6")}, ("n",)),
        ({**SHOWN, "n": 12345678901234567890.5}, ("n",)),
        ({**SHOWN, "n": True}, ("n",)),
        ({**SHOWN, "tags": ["x"], "raw": "AQM="}, ("raw", "tags")),
        ({**SHOWN, "more": None}, ("more",)),
        ({name: value for name, value in SHOWN.items() if name != "raw"}, ("raw",)),
    ],
)
def test_what_differs_is_told_by_attribute(found, attributes):
    assert compare(ITEM, Held(TOKEN, found)) == Finding(Kind.DIFFERENT, attributes)


def test_one_is_not_true():
    image = {"pk": {"S": "a"}, "flag": {"N": "1"}}
    told = compare(image, Held(TOKEN, {"pk": "a", "flag": True}))
    assert told is not None and told.attributes == ("flag",)


def test_missing_says_whether_it_was_ever_there():
    never, gone = compare(ITEM, NOTHING_HELD), compare(ITEM, Held(TOKEN, None))
    assert never == Finding(Kind.MISSING, (), "never written")
    assert gone == Finding(Kind.MISSING, (), "deleted in the sink")


def test_a_token_that_is_none_is_damage_though_the_items_are_equal():
    told = compare(ITEM, Held("zzz", SHOWN))
    assert told is not None and told.kind is Kind.DIFFERENT and "token" in told.reason
    unguarded = compare(ITEM, Held("", SHOWN))
    assert unguarded == Finding(Kind.DIFFERENT, (), "stored without a token")


def test_where_and_fields_are_part_of_the_promise():
    where = read_where({"n": {"N": [{"exists": True}]}}, "test")
    promise = Promise(frozenset({"pk"}), SinkOptions(without=frozenset({"raw"})), where)
    found = {name: value for name, value in SHOWN.items() if name != "raw"}
    assert compare(ITEM, Held(TOKEN, found), promise) is None
    left_out = {"pk": {"S": "a"}}
    assert compare(left_out, Held(TOKEN, None), promise) is None
    told = compare(left_out, Held(TOKEN, {"pk": "a"}), promise)
    assert told is not None and told.kind is Kind.EXTRA and "where" in told.reason


@pytest.mark.parametrize(
    ("until", "kind"),
    [
        (int(NOW_S) - 1, Kind.KEPT),
        (Decimal(int(NOW_S) - 1) + Decimal("0.5"), Kind.KEPT),
        (int(NOW_S) + 1, Kind.EXTRA),
        (str(int(NOW_S) - 1), Kind.EXTRA),
        (True, Kind.EXTRA),
        (int(NOW_S) - 6 * 365 * 24 * 3600, Kind.EXTRA),
    ],
)
def test_an_expired_item_that_a_sink_keeps_is_no_damage(until, kind):
    promise = Promise(frozenset({"pk"}), ttl_attribute="until")
    told = compare(None, Held(TOKEN, {"pk": "a", "until": until}), promise)
    assert told is not None and told.kind is kind


def test_a_mirroring_sink_keeps_nothing_that_expired():
    promise = Promise(frozenset({"pk"}), SinkOptions(Expiry.MIRROR), ttl_attribute="until")
    past = str(int(NOW_S) - 1)
    kept = compare(None, Held(TOKEN, {"pk": "a", "until": int(past)}), promise)
    assert kept is not None and kept.kind is Kind.EXTRA
    image = {"pk": {"S": "a"}, "until": {"N": past}}
    on_its_way = compare(image, Held(TOKEN, None), promise)
    assert on_its_way is not None and on_its_way.kind is Kind.EXPIRING
    skipping = Promise(frozenset({"pk"}), ttl_attribute="until")
    missing = compare(image, Held(TOKEN, None), skipping)
    assert missing is not None and missing.kind is Kind.MISSING
