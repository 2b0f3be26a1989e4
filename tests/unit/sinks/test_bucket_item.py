"""Names, bodies and plans of the S3 state sink: values in, values out."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.guard import LOWEST_TOKEN, Kind
from afterbay.errors import RecordError, SettingsError
from afterbay.sinks.bucket_item import NAME_BYTES_MAX, Stored, TokenName, object_name, plan, read_stored
from afterbay.sinks.entry import prepare
from afterbay.sinks.options import SinkOptions
from contract.histories import KEYS, History

KEY = KEYS[2]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def lone(text: str) -> str:
    return object_name({"pk": {"S": text}})


@pytest.mark.parametrize("name", ["ORDER#42", "a b", "é", "...", "a.", "%2F", "x" * 255, "_gone2", "😀"])
def test_a_lone_text_is_its_own_name(name):
    assert lone(name) == name


@pytest.mark.parametrize(
    "name",
    ["a/b", "/", "a/", "/a", "a//b", ".", "..", "_gone", "_gone/x", "a\\b", "a\nb", "\0", "\x7f", "x" * 256, "é" * 128],
)
def test_a_name_that_some_server_mangles_is_replaced_by_its_hash(name):
    assert lone(name) == sha(name)


def test_what_looks_like_a_hash_is_hashed_so_that_it_is_nobody_elses():
    assert lone(sha("a/b")) == sha(sha("a/b")) != lone("a/b")


def test_two_keys_are_joined_as_everywhere():
    assert object_name({"sk": {"S": "c"}, "pk": {"S": "a#b"}}) == "a%23b#c"
    assert object_name({"pk": {"N": "1.50"}}) == "1.5"
    assert object_name({"pk": {"S": "k" * 900}, "sk": {"S": "s"}}) == sha("k" * 900 + "#s")


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6) | st.sampled_from(
    ["a/b", "a", ".", "..", "_gone", sha("a/b"), sha("."), "x" * 300]
)


@given(texts, texts)
def test_different_items_have_different_names_that_every_server_takes(one, other):
    assert (lone(one) == lone(other)) == (one == other)
    assert len(lone(one).encode()) <= NAME_BYTES_MAX and "/" not in lone(one)


def entries(*records, options=None):
    return [(n, prepare(ChangeRecord(record), options or SinkOptions())) for n, record in enumerate(records)]


def stored(token: str, *, live: bool = True, body: bytes | None = None) -> Stored:
    return Stored(token, '"e"', live, not live, 0, {}, body)


def planned(of, found=None):
    return plan(of, found, TombstoneRetention(), "s3:b/p")


def test_a_batch_of_one_key_becomes_one_write_with_a_verdict_each():
    made = History(random.Random(1))
    first, second, gone = made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"}), made.delete(KEY)
    of = entries(first, second, first, gone, second)
    told = planned(of)
    assert [told.verdicts[n].kind.value for n in range(5)] == ["applied", "applied", "stale", "applied", "stale"]
    assert (told.token, told.live, told.item_json) == (of[3][1].token, False, None)
    told = planned(of[:3])
    assert (told.token, told.live, told.item_json) == (of[1][1].token, True, of[1][1].json)


def test_nothing_newer_is_no_write_and_all_of_it_is_known():
    made = History(random.Random(1))
    of = entries(made.put(KEY), made.put(KEY))
    told = planned(of, stored(of[1][1].token))
    assert told.token is None and told.known == {0, 1}
    assert [one.kind for one in told.verdicts.values()] == [Kind.STALE, Kind.DUPLICATE]


def test_a_verdict_that_stands_on_an_unwritten_change_is_not_known():
    made = History(random.Random(1))
    old, new = made.put(KEY), made.put(KEY)
    of = entries(old, new, new)
    told = planned(of, stored(of[0][1].token))
    assert told.known == {0} and told.verdicts[2].kind is Kind.DUPLICATE


def test_a_put_and_its_skipped_expiry_keep_the_item_with_the_newer_token():
    made = History(random.Random(1))
    of = entries(made.put(KEY, n={"N": "1"}), made.expire(KEY, mirrored=False))
    told = planned(of)
    assert (told.live, told.item_json, told.token) == (True, of[0][1].json, of[1][1].token)
    assert [one.kind for one in told.verdicts.values()] == [Kind.APPLIED, Kind.SKIPPED]


def test_a_skipped_expiry_alone_keeps_what_is_stored_or_leaves_a_tombstone():
    made = History(random.Random(1))
    put = made.put(KEY)
    of = entries(made.expire(KEY, mirrored=False))
    token = entries(put)[0][1].token
    assert (planned(of, stored(token)).live, planned(of, stored(token)).item_json) == (True, None)
    assert not planned(of, stored(token, live=False)).live and not planned(of).live


def test_a_body_shows_its_token_and_takes_a_newer_one():
    name = TokenName()
    body = name.body('{"pk":"a","n":12345678901234567890.123456789}', (LOWEST_TOKEN, 0))
    assert body == b'{"_tok":"%b","pk":"a","n":12345678901234567890.123456789}' % LOWEST_TOKEN.encode()
    newer = name.renewed(stored(LOWEST_TOKEN, body=body), "1" * 64, "s3:b/p")
    assert newer == body.replace(LOWEST_TOKEN.encode(), b"1" * 64)
    with pytest.raises(SettingsError, match="another body"):
        name.renewed(stored("1" * 64, body=body), "2" * 64, "s3:b/p")


@pytest.mark.parametrize("value", [{"S": "ключ"}, {"N": "-1.50"}, {"B": "AQID"}])
def test_an_item_is_read_back_under_the_key_that_it_has(value):
    made = History(random.Random(1))
    record = made.put(KEY)
    record["dynamodb"]["Keys"] = {"id é": value}
    record["dynamodb"]["NewImage"] = {"id é": value, "n": {"N": "1"}}
    ((_, entry),) = of = entries(record)
    told = planned(of)
    body = TokenName().body(told.item_json, told.version)
    metadata = told.metadata(None)
    assert all(text.isascii() for text in metadata.values())
    found = TokenName().live(read_stored(metadata, '"e"', len(body), body, "s3:b/p"))
    assert found.key == entry.key and set(found.item) == {"id é", "n"}


def test_a_source_attribute_with_the_tokens_name_is_refused():
    made = History(random.Random(1))
    ((_, entry),) = entries(made.put(KEY, _tok={"S": "mine"}))
    with pytest.raises(RecordError, match="without=_tok"):
        TokenName().refuse_in(entry)
    TokenName("_t").refuse_in(entry)


def test_another_programs_object_is_a_settings_error():
    with pytest.raises(SettingsError, match="s3:b/p holds an object without a token"):
        read_stored({}, '"e"', 3, None, "s3:b/p")
