"""However one key's changes are cut into batches, each has the same verdict and the key ends the same (E10)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.change.sequence import LOWEST_TOKEN
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.sinks.entry import Entry
from afterbay.sinks.reduced import Stored, reduced

LABEL = "2026-01-05T10:11:12.345"


@st.composite
def entries(draw):
    """Few tokens, so that duplicates and stale ones are common; a token always stands for the same change."""
    kinds = draw(st.lists(st.sampled_from(["put", "delete", "skip"]), min_size=6, max_size=6))
    order = draw(st.lists(st.integers(0, 5), min_size=1, max_size=12))
    return [entry(number, kinds[number]) for number in order]


def entry(number, kind):
    token = LOWEST_TOKEN if number == 0 and kind == "put" else f"{LABEL}/{number:040d}"
    text = f"item {number}" if kind == "put" else None
    return Entry("key", {}, (), token, float(number), text, dict, skips=kind == "skip")


def applied(changes, cuts):
    """Verdicts and final state; an item that a write leaves alone is the one from before."""
    stored, item, expires_s, verdicts, start = None, None, None, {}, 0
    numbered = list(enumerate(changes))
    for end in [*sorted(cuts), len(numbered)]:
        one = reduced(numbered[start:end], stored, TombstoneRetention(), "a sink")
        verdicts |= one.verdicts
        if one.write is not None:
            assert one.write.seen == (stored.token if stored else None)
            if one.write.deleted or one.write.item is not None:
                item = one.write.item
            assert one.write.deleted == (item is None)
            stored, expires_s = Stored(one.write.token, one.write.deleted), one.write.expires_s
        start = end
    return verdicts, stored, item, expires_s


@given(entries(), st.data())
def test_cuts_change_nothing(changes, data):
    cuts = data.draw(st.sets(st.integers(0, len(changes))))
    assert applied(changes, cuts) == applied(changes, range(len(changes))) == applied(changes, ())
