"""Sequence numbers, tokens, and what a change is called (E1 to E4, S46 to S58)."""

import hashlib
from base64 import urlsafe_b64encode

import pytest

from afterbay.core.change.sequence import (
    LOWEST_TOKEN,
    SequenceNumber,
    SequenceToken,
    document_id,
    idempotency_key,
    readable_key,
    stream_label,
    token,
)
from afterbay.core.guard import LOWEST_TOKEN as GUARDS_LOWEST_TOKEN
from afterbay.errors import RecordError, SettingsError

EPOCH = "2026-01-01T00:00:00.000"
LOW = SequenceNumber("999999999999999999999985")
HIGH = SequenceNumber("1000000000000000000000003")
TOKEN = token(EPOCH, LOW)


def test_numbers_are_ordered_as_integers_and_kept_as_text():
    assert sorted([HIGH, LOW]) == [LOW, HIGH]
    assert LOW < HIGH and HIGH > LOW and LOW <= LOW and HIGH >= LOW
    assert str(LOW) == "999999999999999999999985"
    assert len({LOW, SequenceNumber(LOW.text), HIGH}) == 2


@pytest.mark.parametrize(
    "text",
    ["", "1", "9" * 20, "1" * 41, "0" + "1" * 21, "-" + "1" * 21, " " + "1" * 21, "1" * 20 + "e5", "\u0661" * 21],
)
def test_text_that_is_no_sequence_number_is_refused(text):
    with pytest.raises(RecordError, match="21 to 40 digits"):
        SequenceNumber(text)


def test_a_token_has_64_characters_and_compares_as_text():
    tokens = [token("2025-12-31T00:00:00.000", HIGH), TOKEN, token(EPOCH, HIGH)]
    assert tokens == sorted(tokens)
    assert {len(one) for one in tokens} == {64}
    assert TOKEN == "2026-01-01T00:00:00.000/0000000000000000999999999999999999999985"
    assert SequenceToken.parse(TOKEN) == SequenceToken(EPOCH, LOW.number)


def test_the_lowest_token_is_below_every_change_and_above_nothing():
    smallest = token("0001-01-01T00:00:00.000", SequenceNumber("1" + "0" * 20))
    assert "" < LOWEST_TOKEN < smallest
    assert LOWEST_TOKEN == GUARDS_LOWEST_TOKEN
    assert len(LOWEST_TOKEN) == len(smallest)


@pytest.mark.parametrize("epoch", ["", "2026-01-01T00:00:00.00", "2026-01-01T00:00:00.0000", "2026-01-01 00:00:00.000"])
def test_an_epoch_of_another_form_is_refused(epoch):
    with pytest.raises(SettingsError, match="epoch"):
        token(epoch, LOW)


@pytest.mark.parametrize(
    "text",
    ["", LOWEST_TOKEN, TOKEN[:-1], TOKEN + "0", TOKEN.replace("/", "#"), TOKEN[:-1] + "x", TOKEN[:-1] + "\u0661"],
)
def test_text_that_is_no_token_is_refused(text):
    with pytest.raises(RecordError, match="not a sequence token"):
        SequenceToken.parse(text)


def test_the_label_is_the_last_part_of_the_streams_arn():
    assert stream_label(f"arn:aws:dynamodb:eu-west-1:000000000000:table/t/stream/{EPOCH}") == EPOCH


def test_the_idempotency_key_hashes_the_canonical_key():
    keys = {"pk": {"S": "a"}, "sk": {"N": "7.0"}}
    digest = urlsafe_b64encode(hashlib.sha256(b'{"pk":{"S":"a"},"sk":{"N":"7"}}').digest()).decode().rstrip("=")
    assert idempotency_key(keys, TOKEN) == f"{digest}#{TOKEN}"
    assert idempotency_key({"sk": {"N": "7"}, "pk": {"S": "a"}}, TOKEN) == idempotency_key(keys, TOKEN)
    assert idempotency_key({"pk": {"S": "a"}}, TOKEN) != idempotency_key(keys, TOKEN)


def test_readable_keys_keep_parts_apart():
    one = readable_key({"pk": {"S": "a#b"}, "sk": {"S": "c"}}, TOKEN)
    other = readable_key({"pk": {"S": "a"}, "sk": {"S": "b#c"}}, TOKEN)
    assert one == f"a%23b#c#{TOKEN}"
    assert other == f"a#b%23c#{TOKEN}"
    assert readable_key({"pk": {"S": "100%/x"}}, TOKEN) == f"100%25%2Fx#{TOKEN}"


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"pk": {"S": "a/b#c%"}}, "a/b#c%"),
        ({"pk": {"N": "7.0"}}, "7"),
        ({"pk": {"B": "AP8QYWZ0ZXJiYXk="}}, "AP8QYWZ0ZXJiYXk="),
        ({"pk": {"B": "////"}}, "%2F%2F%2F%2F"),
        ({"sk": {"N": "1E2"}, "pk": {"S": "a#b"}}, "a%23b#100"),
    ],
)
def test_a_document_is_named_by_its_key(keys, name):
    assert document_id(keys) == name


def test_a_name_too_long_for_the_store_becomes_its_hash():
    keys = {"pk": {"S": "é" * 128}}
    assert document_id(keys, bytes_max=256) == "é" * 128
    assert document_id(keys, bytes_max=255) == hashlib.sha256(("é" * 128).encode()).hexdigest()


def test_a_key_that_is_another_names_hash_does_not_share_its_name():
    long = {"pk": {"S": "é" * 128}}
    rival = {"pk": {"S": document_id(long, bytes_max=255)}}
    assert document_id(rival, bytes_max=255) != document_id(long, bytes_max=255)
    assert document_id(rival) == rival["pk"]["S"]


@pytest.mark.parametrize("keys", [{}, {"pk": {"BOOL": True}}, {"pk": {"L": []}}, {"pk": {"NULL": True}}])
def test_what_cannot_be_a_key_has_no_name(keys):
    with pytest.raises(RecordError, match="key"):
        document_id(keys)
