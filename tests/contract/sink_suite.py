"""The promises that every sink keeps, as plain checks: a right sink passes them all, a known-wrong one fails some."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import LOWEST_TOKEN
from afterbay.core.guard import SKIPPED, Kind
from afterbay.sinks.live import ReadableSink
from afterbay.sinks.mending import NOTHING_HELD, OVERTAKEN, Held, Mend
from afterbay.sinks.options import Expiry
from contract.histories import KEYS, History, history


def live(sink: ReadableSink) -> dict[str, dict]:
    return {one.key: one.item for one in sink.read_live()}


def kinds(sink, changes) -> list[Kind]:
    return [verdict.kind for verdict in sink.apply(changes)]


def in_order_with_replays(sink, ttl: Expiry, seed: int) -> None:
    """Batches of any size, and after some of them an older batch once more (E5, E6, E8)."""
    made = history(seed, mirrored=ttl is Expiry.MIRROR)
    changes, sent, start = made.changes, [], 0
    while start < len(changes):
        size = made.rng.randrange(1, 12)
        batch = changes[start : start + size]
        assert not any(kind.failed for kind in kinds(sink, batch))
        sent.append(batch)
        if made.rng.random() < 0.4:
            assert Kind.APPLIED not in kinds(sink, made.rng.choice(sent))
        start += size
    assert live(sink) == made.expected()
    for batch in made.rng.sample(sent, len(sent)):
        assert set(kinds(sink, batch)) <= {Kind.DUPLICATE, Kind.STALE}
    assert live(sink) == made.expected()


def in_no_order(sink, seed: int) -> None:
    """Every change is a replay of some sort; needs ``mirror``: a skipped expiry keeps no item that comes later."""
    made = history(seed, mirrored=True)
    changes = made.rng.sample(made.changes, len(made.changes))
    for start in range(0, len(changes), 7):
        sink.apply(changes[start : start + 7])
    assert live(sink) == made.expected()


def keys_that_look_alike(sink) -> None:
    """("a#b", "c") and ("a", "b#c") are two items (E4)."""
    made = History(random.Random(1))
    for key in KEYS:
        made.put(key, n={"N": "1"})
    sink.apply(made.changes)
    assert len(live(sink)) == len(KEYS) and live(sink) == made.expected()


def one_bad_record_between_good_ones(sink) -> None:
    """One verdict per change, in order; the bad one does not hide, its neighbours are in (E8)."""
    made = History(random.Random(2))
    first = made.put(KEYS[0], n={"N": "1"})
    bad = made.put(KEYS[2], n={"N": "many"})
    last = made.put(KEYS[3], n={"N": "3"})
    assert kinds(sink, [ChangeRecord(one) for one in (first, bad, last)]) == [Kind.APPLIED, Kind.POISON, Kind.APPLIED]
    del made.items[KEYS[2]]
    assert live(sink) == made.expected()


def a_skipped_expiry_leaves_its_mark(sink) -> None:
    """An item stays and an unknown one stays away, whatever older put is replayed (E6, shortcut 8). Needs ``skip``."""
    made = History(random.Random(3))
    known, unknown = KEYS[2], KEYS[3]
    put, late = ChangeRecord(made.put(known, n={"N": "1"})), ChangeRecord(made.put(unknown, n={"N": "1"}))
    expiry = ChangeRecord(made.expire(known, mirrored=False))
    lone = ChangeRecord(made.expire(unknown, mirrored=True))
    assert kinds(sink, [put, expiry, expiry, lone, lone]) == [
        Kind.APPLIED,
        Kind.SKIPPED,
        Kind.DUPLICATE,
        Kind.SKIPPED,
        Kind.DUPLICATE,
    ]
    assert kinds(sink, [put, late]) == [Kind.STALE, Kind.STALE]
    assert live(sink) == made.expected()
    again = ChangeRecord(made.put(known, n={"N": "2"}))
    assert kinds(sink, [again]) == [Kind.APPLIED]
    assert live(sink) == made.expected()


def a_backfill_writes_only_what_is_missing(sink) -> None:
    """An image of a scan loses against every change, a delete's tombstone included (E13)."""
    made = History(random.Random(4))
    changed, deleted, missing = KEYS[2], KEYS[3], KEYS[4]
    images = [made.put(key, n={"N": "0"}) | {"afterbay": {"backfill": True}} for key in (changed, deleted, missing)]
    scanned = [ChangeRecord(image) for image in images]
    live_changes = [ChangeRecord(made.put(changed, n={"N": "1"})), ChangeRecord(made.delete(deleted))]
    assert kinds(sink, live_changes) == [Kind.APPLIED, Kind.APPLIED]
    assert kinds(sink, scanned) == [Kind.STALE, Kind.STALE, Kind.APPLIED]
    assert kinds(sink, scanned) == [Kind.STALE, Kind.STALE, Kind.DUPLICATE]
    assert live(sink) == made.expected()
    assert kinds(sink, [ChangeRecord(made.put(missing, n={"N": "2"}))]) == [Kind.APPLIED]
    assert live(sink) == made.expected()


def an_image_that_the_view_hides_is_refused(sink) -> None:
    record = History(random.Random(5)).put(KEYS[0])
    del record["dynamodb"]["NewImage"]
    record["dynamodb"]["StreamViewType"] = "KEYS_ONLY"
    (verdict,) = sink.apply([ChangeRecord(record)])
    assert verdict.kind is Kind.POISON and "NEW_AND_OLD_IMAGES" in verdict.reason


def a_text_that_no_store_takes_is_refused_alone(sink) -> None:
    """A lone surrogate, in an attribute or in the key, fails its own record and not the batch."""
    made = History(random.Random(6))
    good, bad, bad_key = made.put(KEYS[2]), made.put(KEYS[3], n={"S": "\ud800"}), made.put(KEYS[4])
    bad_key["dynamodb"]["Keys"]["pk"] = {"S": "\ud800"}
    verdicts = sink.apply([ChangeRecord(one) for one in (bad, bad_key, good)])
    assert [one.kind for one in verdicts] == [Kind.POISON, Kind.POISON, Kind.APPLIED]
    assert "Unicode" in verdicts[0].reason and len(live(sink)) == 1


def mending_holds_only_while_nothing_was_applied(sink) -> None:
    """What is looked up is mended under the token that was seen, and not once a change came in between (E14)."""
    made = History(random.Random(7))
    wrong, extra, missing, overtaken, never = KEYS[0], KEYS[1], KEYS[2], KEYS[3], KEYS[4]
    sink.apply([ChangeRecord(made.put(key, n={"N": "1"})) for key in (wrong, extra, overtaken)])
    keys = [{"pk": {"S": key[0]}, "sk": {"S": key[1]}} for key in (wrong, extra, missing, overtaken, never)]
    held = sink.look_up(keys)
    assert [one.token is None for one in held] == [False, False, True, False, True]
    assert [one.item and one.item["n"] for one in held] == [1, 1, None, 1, None]

    images = [
        {**keys[0], "n": {"N": "1.10"}},
        None,
        {**keys[2], "b": {"B": "AAE="}},
        {**keys[3], "n": {"N": "0"}},
        None,
    ]
    mends = [Mend(*one, read_s=1_767_600_000.0) for one in zip(keys, images, [h.token for h in held], strict=True)]
    late = made.put(overtaken, n={"N": "2"})
    assert kinds(sink, [ChangeRecord(late)]) == [Kind.APPLIED]
    verdicts = sink.mend(mends)
    assert [one.kind for one in verdicts] == [Kind.APPLIED, Kind.APPLIED, Kind.APPLIED, Kind.STALE, Kind.SKIPPED]
    made.items[wrong], made.items[missing] = dict(images[0]), dict(images[2])
    del made.items[extra]
    assert live(sink) == made.expected()

    after = sink.look_up(keys)
    assert [one.token for one in after[:2]] == [one.token for one in held[:2]], "a mend keeps the token"
    assert after[2].token == LOWEST_TOKEN and after[1].item is None and after[4] == held[4]
    assert sink.mend(mends[2:3]) == [OVERTAKEN], "it is there by now"
    assert (
        kinds(sink, [ChangeRecord(made.put(key, n={"N": "3"})) for key in (wrong, extra, missing)])
        == [Kind.APPLIED] * 3
    )
    assert live(sink) == made.expected()
    assert sink.look_up([]) == [] and sink.mend([]) == []


def a_sink_that_no_change_has_reached_holds_nothing(sink) -> None:
    keys = [{"pk": {"S": key[0]}, "sk": {"S": key[1]}} for key in KEYS]
    assert sink.apply([]) == [] and live(sink) == {}
    assert sink.look_up([*keys, keys[0]]) == [NOTHING_HELD] * 7
    assert sink.mend([Mend(keys[0], None, None, read_s=1_767_600_000.0)]) == [SKIPPED]


def a_look_up_shows_what_a_skipped_expiry_left(sink) -> None:
    """The item, under the expiry's token; and the token alone where there was no item. Needs ``skip``."""
    made = History(random.Random(8))
    known, unknown = KEYS[0], KEYS[1]
    put = made.put(known, n={"N": "1"})
    made.put(unknown)
    expiries = [ChangeRecord(made.expire(known, mirrored=False)), ChangeRecord(made.expire(unknown, mirrored=True))]
    assert kinds(sink, [ChangeRecord(put), *expiries]) == [Kind.APPLIED, Kind.SKIPPED, Kind.SKIPPED]
    keys = [{"pk": {"S": key[0]}, "sk": {"S": key[1]}} for key in (known, unknown)]
    kept = {"pk": known[0], "sk": known[1], "n": 1}
    assert sink.look_up(keys) == [Held(expiries[0].token, kept), Held(expiries[1].token, None)]


def mends_beside_live_changes(make_sink, seed: int, *, rounds: int) -> None:
    """A table that goes on, its stream, which is behind, and a repair that looks, reads and mends meanwhile, at the
    same moment as the stream's own writer: once every change is in, the sink is as the table, token by token (E14)."""
    made, told = History(random.Random(seed)), set[Kind]()
    keys = [{"pk": {"S": key[0]}, "sk": {"S": key[1]}} for key in KEYS]
    stream, repair = make_sink(Expiry.MIRROR), make_sink(Expiry.MIRROR)
    sent = 0

    def happen() -> None:
        for key in made.rng.sample(KEYS, 3):
            if key in made.items and made.rng.random() < 0.4:
                made.delete(key)
            else:
                made.put(key, n={"N": str(made.counter)}, price={"N": "12345678901234567890.123456789"})

    def deliver(end: int) -> None:
        nonlocal sent
        batch, sent = made.changes[sent:end], end
        for _ in range(5):
            if not any(kind.failed for kind in kinds(stream, batch)):
                return
        raise AssertionError("the batch never got through")

    def some() -> int:
        return made.rng.randrange(sent, len(made.records) + 1)

    def mend(mends: list[Mend], start: threading.Barrier) -> None:
        start.wait(30)
        for _ in range(5):
            verdicts = repair.mend(mends)
            told.update(verdict.kind for verdict in verdicts)
            mends = [one for one, verdict in zip(mends, verdicts, strict=True) if verdict.failed]
            if not mends:
                return
        raise AssertionError("the mends never got through")

    for number in range(rounds):
        happen()
        deliver(some())
        held = repair.look_up(keys)
        happen()
        if number == 0:
            deliver(len(made.records))  # so that some are overtaken, whoever is faster below
        elif made.rng.random() < 0.5:
            deliver(some())
        images = [made.items.get(key) for key in KEYS]
        happen()
        seen = [one.token for one in held]
        mends = [Mend(*one, read_s=1_767_600_000.0) for one in zip(keys, images, seen, strict=True)]
        start, end = threading.Barrier(2), some()
        with ThreadPoolExecutor(1) as other:
            mending = other.submit(mend, mends, start)
            start.wait(30)
            deliver(end)
            mending.result(60)
    deliver(len(made.records))
    assert Kind.STALE in told and Kind.POISON not in told
    assert live(repair) == made.expected()
    last = {(one.keys["pk"], one.keys["sk"]): one.token for one in made.changes}
    assert [one.token for one in repair.look_up(keys)] == [last.get(key) for key in KEYS]
