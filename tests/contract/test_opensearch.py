"""The OpenSearch sink on a real node: what readers see, what is refused, who comes second, what is purged."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import LOWEST_TOKEN, Kind
from afterbay.errors import SettingsError
from afterbay.sinks.mending import Mend
from afterbay.sinks.options import Expiry, SinkOptions
from contract.cutting_proxy import CuttingProxy
from contract.histories import KEYS, History, history
from contract.opensearch_server import OpenSearchPlace, opensearch_place
from contract.sink_suite import kinds, live

DAY_S = 24 * 3600
PLAIN, OTHER, THIRD = KEYS[2], KEYS[3], KEYS[5]
ID = "plain#0"


@pytest.fixture
def place() -> Iterator[OpenSearchPlace]:
    with opensearch_place() as place:
        yield place


@pytest.fixture
def sink(place):
    sink = place.sink()
    yield sink
    sink.close()


@pytest.fixture
def made() -> History:
    return History(random.Random(1))


def put(made: History, key=PLAIN, **attributes: dict) -> ChangeRecord:
    return ChangeRecord(made.put(key, **attributes))


def test_a_document_has_the_keys_name_and_a_replay_leaves_its_version(place, sink, made):
    record = made.put(PLAIN, status={"S": "SHIPPED"})
    record["dynamodb"]["Keys"] = {"pk": {"S": "ORDER#42"}}
    record["dynamodb"]["NewImage"] = {"pk": {"S": "ORDER#42"}, "status": {"S": "SHIPPED"}}
    change = ChangeRecord(record)
    assert kinds(sink, [change]) == [Kind.APPLIED]
    first = place.document("ORDER#42")
    assert first["_source"] == {"pk": "ORDER#42", "status": "SHIPPED", "_tok": change.token}
    assert kinds(sink, [change]) == [Kind.DUPLICATE] and kinds(sink, [change, change]) == [Kind.DUPLICATE] * 2
    assert place.document("ORDER#42") == first


def test_readers_see_live_documents_only(place, sink, made):
    sink.apply([put(made), put(made, OTHER), ChangeRecord(made.delete(OTHER))])
    assert list(place.hits()) == [ID]
    assert list(place.hits(f"{place.name}*")) == [ID], "a wildcard does not meet the index behind the alias"
    tombstone = place.document("plain#00")["_source"]
    assert set(tombstone) == {"pk", "sk", "_tok", "_deleted", "_expires"}
    assert tombstone["_expires"] == 1767607872 + 8 * DAY_S


def test_a_name_of_more_than_512_bytes_is_hashed(place, sink, made):
    sink.apply([put(made, ("k" * 900, "s")), put(made, ("k" * 901, "s"))])
    assert sorted(map(len, place.hits())) == [64, 64]


def test_a_skipped_expiry_keeps_every_digit(place, sink, made):
    number = "12345678901234567890123456789012345678"
    change = put(made, price={"N": "12345678901234567890.123456789"}, whole={"N": number}, flag={"BOOL": True})
    expiry = ChangeRecord(made.expire(PLAIN, mirrored=False))
    assert kinds(sink, [change]) + kinds(sink, [expiry]) == [Kind.APPLIED, Kind.SKIPPED]
    (item,) = live(sink).values()
    assert item["price"] == Decimal("12345678901234567890.123456789") and item["whole"] == int(number)
    assert place.document(ID)["_source"]["_tok"] == expiry.token


def test_more_than_a_page_is_read_back(sink, made):
    keys = [(f"k{number:04}", "s") for number in range(1100)]
    assert set(kinds(sink, [put(made, key, n={"N": "1"}) for key in keys])) == {Kind.APPLIED}
    assert live(sink) == made.expected()


# ---- what is refused


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({"n": {"N": "1"}}, {"n": {"S": "secret"}}, r"'n' is double in the index and a string \(S\) in the item"),
        ({"n": {"N": "1"}}, {"n": {"M": {"a": {"S": "secret"}}}}, r"'n' is double in the index and a map \(M\)"),
        ({"n": {"M": {"a": {"N": "1"}}}}, {"n": {"S": "secret"}}, r"'n' is a map in the index and a string \(S\)"),
        ({"n": {"M": {"a": {"N": "1"}}}}, {"n": {"M": {"a": {"S": "secret"}}}}, r"'n.a' is double .* a string \(S\)"),
        ({"n": {"BOOL": True}}, {"n": {"S": "secret"}}, r"'n' is boolean in the index and a string \(S\)"),
        ({}, {"_id": {"S": "secret"}}, "'_id' has a name that the index keeps for itself"),
        ({}, {"": {"S": "secret"}}, "empty string"),
        ({}, {"_tok": {"S": "secret"}}, "_tok"),
        ({}, {"_deleted": {"BOOL": True}}, "_deleted"),
    ],
)
def test_a_document_that_the_index_refuses_is_poison_alone(sink, made, first, second, told):
    """Its neighbours are in, and the reason has the attribute, its old and its new type, and no value of it."""
    assert kinds(sink, [put(made, **first)]) == [Kind.APPLIED]
    verdicts = sink.apply([put(made, OTHER), put(made, PLAIN, **second), put(made, THIRD)])
    assert [one.kind for one in verdicts] == [Kind.APPLIED, Kind.POISON, Kind.APPLIED]
    assert re.search(told, verdicts[1].reason) and "secret" not in verdicts[1].reason
    assert len(live(sink)) == 3


def test_where_the_newest_change_is_refused_those_before_it_are_in(sink, made):
    sink.apply([put(made, OTHER, n={"N": "1"})])
    verdicts = sink.apply([put(made, n={"N": "1"}), put(made, n={"N": "2"}), put(made, n={"S": "many"})])
    assert [one.kind for one in verdicts] == [Kind.APPLIED, Kind.APPLIED, Kind.POISON]
    assert sorted(item["n"] for item in live(sink).values()) == [1, 2]


def test_what_is_stale_is_stale_though_the_index_would_refuse_it(sink, made):
    """E5: the item has moved on since, so its first change no longer keeps the shard from going on."""
    sink.apply([put(made, OTHER, n={"N": "1"})])
    refused, newer = put(made, n={"S": "many"}), put(made, n={"N": "2"})
    assert kinds(sink, [refused]) == [Kind.POISON]
    assert kinds(sink, [newer]) == [Kind.APPLIED]
    assert kinds(sink, [refused]) == [Kind.STALE]
    assert kinds(sink, [refused, newer]) == [Kind.STALE, Kind.DUPLICATE]


def test_whole_numbers_and_fractions_texts_and_dates_share_a_field(sink, made):
    values = [{"N": "1"}, {"N": "1.5"}, {"N": "9" * 38}, {"NULL": True}, {"NS": ["1", "2.5"]}]
    dates = [{"S": "2026-01-01"}, {"S": "soon"}, {"S": "1"}, {"SS": ["a"]}, {"S": ""}]
    for value, date in zip(values, dates, strict=True):
        assert kinds(sink, [put(made, n=value, when=date)]) == [Kind.APPLIED]


# ---- the index


def test_several_writers_that_begin_at_once_make_one_index(place, made):
    changes = [put(made, (f"k{number}", "s"), n={"N": "1"}) for number in range(6)]
    sinks = [place.sink() for _ in changes]
    start, told = threading.Barrier(len(sinks)), []

    def write(sink, change):
        start.wait()
        told.extend(kinds(sink, [change]))

    threads = [threading.Thread(target=write, args=pair) for pair in zip(sinks, changes, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [Kind.APPLIED] * 6
    assert len(place.hits()) == 6
    for sink in sinks:
        sink.close()


def test_an_index_that_goes_while_the_sink_lives_is_made_again_with_its_alias(place, sink, made):
    sink.apply([put(made)])
    place.client.indices.delete(index=place.index)
    assert kinds(sink, [put(made, OTHER), put(made, THIRD), ChangeRecord(made.delete(THIRD))]) == [Kind.APPLIED] * 3
    assert list(place.hits()) == ["plain#00"]


def test_an_index_made_by_hand_is_taken_with_its_own_mapping(place, sink, made):
    place.client.indices.create(
        index=f"{place.name}-mine",
        body={
            "mappings": {"properties": {"n": {"type": "keyword"}}, "_meta": {"owner": "search"}},
            "aliases": {place.name: {"filter": {"bool": {"must_not": {"term": {"_deleted": True}}}}}},
        },
    )
    assert list(sink.read_live()) == []
    assert kinds(sink, [put(made, n={"S": "x"})]) == [Kind.APPLIED]
    (described,) = place.client.indices.get_mapping(index=place.name).values()
    assert described["mappings"]["_meta"] == {"owner": "search", "afterbay": {"keys": {"pk": "S", "sk": "S"}}}
    assert live(sink) == made.expected()


def an_index(place):
    place.client.indices.create(index=place.name)


def no_filter(place):
    place.client.indices.create(index=f"{place.name}-1", body={"aliases": {place.name: {}}})


def two_indices(place):
    for number in (1, 2):
        place.client.indices.create(index=f"{place.name}-{number}", body={"aliases": {place.name: {}}})


def no_alias(place):
    place.client.indices.create(index=place.index)


def another_mapping(place):
    body = {
        "mappings": {"properties": {"_tok": {"type": "text"}}},
        "aliases": {place.name: {"filter": {"bool": {"must_not": {"term": {"_deleted": True}}}}}},
    }
    place.client.indices.create(index=f"{place.name}-1", body=body)


def another_table(place):
    record = History(random.Random(2)).put(PLAIN)
    record["dynamodb"]["Keys"] = {"id": {"N": "7"}}
    record["dynamodb"]["NewImage"] = {"id": {"N": "7"}}
    sink = place.sink()
    assert kinds(sink, [ChangeRecord(record)]) == [Kind.APPLIED]
    assert list(live(sink)) == ['{"id":{"N":"7"}}']
    sink.close()


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (an_index, "is an index"),
        (no_filter, "does not hide tombstones"),
        (two_indices, "stands for 2 indices"),
        (no_alias, "without its alias"),
        (another_mapping, "maps _tok as something else"),
        (another_table, r"with the key id \(N\), not pk \(S\), sk \(S\)"),
    ],
)
def test_an_index_that_cannot_be_the_sinks_is_a_settings_error(place, sink, made, found, told):
    found(place)
    with pytest.raises(SettingsError, match=told):
        sink.apply([put(made)])


def test_a_token_of_another_form_is_a_settings_error(place, sink, made):
    sink.apply([put(made)])
    place.client.index(index=place.index, id=ID, body={"pk": "plain", "sk": "0", "_tok": "17"}, refresh=True)
    with pytest.raises(SettingsError, match="another form"):
        sink.apply([put(made)])


# ---- single items looked up and mended (E14)


def test_a_mend_leaves_the_document_that_a_change_would_have_left(place, sink, made):
    """Every digit of the item, the token as it was; a tombstone is a document that the alias hides."""
    sink.apply([put(made, n={"N": "1"}), put(made, OTHER)])
    keys = [{"pk": {"S": key[0]}, "sk": {"S": key[1]}} for key in (PLAIN, OTHER, THIRD)]
    seen = [held.token for held in sink.look_up(keys)]
    number = "12345678901234567890.123456789"
    images = [{**keys[0], "n": {"N": number}}, None, {**keys[2], "n": {"N": "1"}}]
    told = sink.mend([Mend(*one, read_s=1_767_700_000.0) for one in zip(keys, images, seen, strict=True)])
    assert [one.kind for one in told] == [Kind.APPLIED] * 3
    assert [held.item and held.item["n"] for held in sink.look_up(keys)] == [Decimal(number), None, 1]
    assert sorted(source["_tok"] for source in place.hits().values()) == sorted([seen[0], LOWEST_TOKEN])
    assert place.document("plain#00")["_source"] == {
        "pk": OTHER[0],
        "sk": OTHER[1],
        "_tok": seen[1],
        "_deleted": True,
        "_expires": 1_767_700_000 + 8 * DAY_S,
    }


@pytest.mark.parametrize("lost", [b"/_bulk", b"/_mget"])
def test_a_mend_whose_answer_is_lost_writes_the_same_again(place, made, lost):
    with CuttingProxy(place.url) as proxy:
        sink = place.sink(url=proxy.url)
        sink.apply([put(made, n={"N": "1"})])
        key = {"pk": {"S": PLAIN[0]}, "sk": {"S": PLAIN[1]}}
        (held,) = sink.look_up([key])
        proxy.cut(lost)
        (told,) = sink.mend([Mend(key, {**key, "n": {"N": "2"}}, held.token, 1_767_700_000.0)])
        assert told.kind is Kind.APPLIED and proxy.cuts == 1
        assert place.document(ID)["_source"]["n"] == 2
        sink.close()


# ---- lost answers and other writers


@pytest.mark.parametrize("lost", [b"/_bulk", b"/_mget", b"PUT /"])
def test_an_answer_that_is_lost_after_the_server_acted_costs_nothing(place, made, lost):
    """The retry finds what the first request did (E9): one version of each document."""
    with CuttingProxy(place.url) as proxy:
        sink = place.sink(url=proxy.url)
        proxy.cut(lost)
        for key in (PLAIN, OTHER):
            made.put(key)
        changes = [put(made), put(made, OTHER)]
        assert set(kinds(sink, changes)) == {Kind.DUPLICATE if lost == b"/_bulk" else Kind.APPLIED}
        assert proxy.cuts == 1
        assert kinds(sink, changes) == [Kind.DUPLICATE] * 2
        assert place.document(ID)["_version"] == 1
        sink.close()


def test_crashes_between_request_and_answer_end_in_the_tables_state(place):
    made = history(11, mirrored=True)
    with CuttingProxy(place.url) as proxy:
        sink = place.sink(url=proxy.url, options=SinkOptions(ttl=Expiry.MIRROR))
        for start in range(0, len(made.changes), 12):
            proxy.cut(b"/_bulk")
            assert not any(kind.failed for kind in kinds(sink, made.changes[start : start + 12]))
        assert proxy.cuts == 5
        assert live(sink) == made.expected()
        sink.close()


def test_answers_that_keep_being_lost_are_retryable_and_the_next_delivery_finds_its_work(place, made, monkeypatch):
    monkeypatch.setattr("afterbay.sinks.opensearch_settling._PAUSE_S", 0)
    with CuttingProxy(place.url) as proxy:
        sink = place.sink(url=proxy.url)
        proxy.cut(b"/_mget", times=99)
        made.put(PLAIN)
        (verdict,) = sink.apply([put(made)])
        assert verdict.kind is Kind.RETRYABLE and place.name in verdict.reason
        proxy.cut(b"", times=0)
        assert kinds(sink, made.changes) == [Kind.APPLIED] * 2
        sink.close()


@pytest.mark.parametrize("seed", [12, 13])
def test_two_writers_of_different_progress_end_in_the_tables_state(place, seed):
    """One is a whole delivery behind and meets the other on every key."""
    made = history(seed, mirrored=True)
    start, failed = threading.Barrier(2), []

    def write(sink, size):
        start.wait()
        for first in range(0, len(made.changes), size):
            failed.extend(one for one in sink.apply(made.changes[first : first + size]) if one.failed)

    sinks = [place.sink(options=SinkOptions(ttl=Expiry.MIRROR)) for _ in range(2)]
    threads = [threading.Thread(target=write, args=pair) for pair in zip(sinks, (5, 8), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert live(sinks[0]) == made.expected()
    for sink in sinks:
        sink.close()


def test_of_many_writers_of_one_document_the_newest_change_wins(place, sink, made):
    """Also through one sink that all of them share."""
    changes = [put(made, n={"N": str(number)}) for number in range(8)]
    start, told = threading.Barrier(len(changes)), []

    def write(change):
        start.wait()
        told.extend(sink.apply([change]))

    threads = [threading.Thread(target=write, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.kind for one in told} <= {Kind.APPLIED, Kind.STALE}
    assert [item["n"] for item in live(sink).values()] == [7]
    assert place.document(ID)["_version"] == sum(one.kind is Kind.APPLIED for one in told)


# ---- tombstones


def test_tombstones_go_when_their_time_is_over_and_nothing_else_does(place, sink, made):
    first, second = put(made), put(made, OTHER)
    gone, back = ChangeRecord(made.delete(PLAIN)), ChangeRecord(made.delete(OTHER))
    sink.apply([first, second, gone, back, put(made, OTHER), put(made, THIRD)])
    place.client.indices.refresh(index=place.index)
    over_s = gone.created_s + 8 * DAY_S
    assert sink.purge(over_s) == 0
    assert kinds(sink, [first]) == [Kind.STALE]
    assert sink.purge(over_s + 1) == 1
    assert not place.client.exists(index=place.index, id=ID)
    assert live(sink) == made.expected()


def test_the_batches_purge_by_themselves_as_creation_times_go_on(place, made):
    changes = [put(made), ChangeRecord(made.delete(PLAIN))]
    sink = place.sink()
    sink.apply(changes)
    place.client.indices.refresh(index=place.index)
    late = made.put(OTHER)
    late["dynamodb"]["ApproximateCreationDateTime"] += 8 * DAY_S + 60
    assert kinds(sink, [changes[0], ChangeRecord(late)]) == [Kind.STALE, Kind.APPLIED], "it was there for this batch"
    assert not place.client.exists(index=place.index, id=ID)
    sink.close()


def test_nothing_is_purged_where_no_change_has_come(sink):
    assert sink.purge(10**10) == 0
