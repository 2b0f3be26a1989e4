"""What a record says, from both wire forms, and what is refused (S59 to S68, R132 to R136)."""

import json
import re
from datetime import UTC, datetime

import pytest

from afterbay.core.change.diff import ABSENT
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import LOWEST_TOKEN
from afterbay.core.change.view import ChangeKind, ViewType
from afterbay.errors import RecordError, SettingsError

ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"
NUMBER = "300000000000000499659"
KEY = {"pk": {"S": "secret-key"}}
OLD = KEY | {"status": {"S": "PENDING"}, "total": {"N": "7"}}
NEW = KEY | {"status": {"S": "SHIPPED"}, "total": {"N": "7.0"}}
IMAGES = {"INSERT": {"NewImage": NEW}, "MODIFY": {"NewImage": NEW, "OldImage": OLD}, "REMOVE": {"OldImage": OLD}}


def record(kind="MODIFY", *, change=None, without=(), **members):
    inner = {
        "ApproximateCreationDateTime": 1789649451.0,
        "Keys": KEY,
        **IMAGES[kind],
        "SequenceNumber": NUMBER,
        "SizeBytes": 60,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    whole = {
        "eventID": "066cc1cc2d7bc94840ca2d9b3fa98ffb",
        "eventName": kind,
        "eventSource": "aws:dynamodb",
        "dynamodb": {name: one for name, one in (inner | (change or {})).items() if name not in without},
        "eventSourceARN": ARN,
        **members,
    }
    return {name: one for name, one in whole.items() if name not in without}


@pytest.fixture(params=[lambda one: one, lambda one: json.dumps(one).encode()], ids=["dict", "bytes"])
def form(request):
    """Hands a record over as a dict or as JSON bytes: nothing else may differ."""
    return request.param


def test_a_change_tells_what_happened_to_which_item(form):
    change = ChangeRecord(form(record()))
    assert (change.kind, change.table, change.stream_arn) == ("MODIFY", "orders", ARN)
    assert change.kind is ChangeKind.MODIFY
    assert change.view is ViewType.NEW_AND_OLD_IMAGES
    assert change.keys == {"pk": "secret-key"}
    assert change.old == {"pk": "secret-key", "status": "PENDING", "total": 7}
    assert change.new == {"pk": "secret-key", "status": "SHIPPED", "total": 7}
    assert (change.keys_typed, change.old_typed, change.new_typed) == (KEY, OLD, NEW)
    assert str(change.sequence_number) == NUMBER
    assert change.event_id == "066cc1cc2d7bc94840ca2d9b3fa98ffb"
    assert change.created_s == 1789649451.0
    assert change.token == "2026-01-01T00:00:00.000/0000000000000000000300000000000000499659"
    assert not change.is_expiry
    assert not change.is_backfill


def test_an_image_that_there_is_not_is_none(form):
    assert ChangeRecord(form(record("INSERT"))).old is None
    assert ChangeRecord(form(record("REMOVE"))).new is None


def test_an_image_as_it_was_sent_keeps_its_bytes():
    image = KEY | {"photo": {"B": b"\x01"}}
    change = ChangeRecord(record(change={"NewImage": image}))
    assert change.new_sent == image
    assert change.new_typed == KEY | {"photo": {"B": "AQ=="}}
    assert change.old_sent == change.old_typed == OLD


def test_an_image_that_there_is_not_was_not_sent(form):
    assert ChangeRecord(form(record("INSERT"))).old_sent is None
    assert ChangeRecord(form(record("REMOVE"))).new_sent is None


def test_a_record_of_get_records_takes_its_stream_from_the_caller(form):
    own = form(record(without=("eventSourceARN",)))
    assert ChangeRecord(own, stream_arn=ARN).table == "orders"
    with pytest.raises(RecordError, match="pass stream_arn"):
        ChangeRecord(own)


def test_a_moved_mappings_epoch_stands_in_the_token(form):
    change = ChangeRecord(form(record()), epoch="2026-06-01T00:00:00.000")
    assert change.token.startswith("2026-06-01T00:00:00.000/")


def test_a_label_of_another_width_is_refused_when_the_token_is_asked_for(form):
    change = ChangeRecord(form(record(eventSourceARN=ARN.replace(".000", ""))))
    assert change.new is not None
    with pytest.raises(SettingsError, match="epoch"):
        _ = change.token


def test_an_sdks_datetime_is_read_whatever_its_zone():
    moment = datetime.fromtimestamp(1789649451, UTC)
    assert ChangeRecord(record(change={"ApproximateCreationDateTime": moment})).created_s == 1789649451.0


@pytest.mark.parametrize("created", [1789649451000, -1, "1789649451", None, True, datetime(2026, 1, 1)])  # noqa: DTZ001
def test_a_time_that_is_not_in_epoch_seconds_is_refused_when_asked_for(created):
    change = ChangeRecord(record(change={"ApproximateCreationDateTime": created}))
    with pytest.raises(RecordError, match="epoch seconds"):
        _ = change.created_s


@pytest.mark.parametrize(
    ("identity", "expired"),
    [
        ({"type": "Service", "principalId": "dynamodb.amazonaws.com"}, True),
        ({"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}, True),
        ({"type": "Service", "principalId": "other.amazonaws.com"}, False),
        ({"type": "User", "principalId": "dynamodb.amazonaws.com"}, False),
        ({}, False),
    ],
)
def test_a_removal_by_ttl_is_told_apart_in_both_spellings(form, identity, expired):
    assert ChangeRecord(form(record("REMOVE", userIdentity=identity))).is_expiry is expired


def test_only_a_removal_expires(form):
    identity = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert not ChangeRecord(form(record("MODIFY", userIdentity=identity))).is_expiry


@pytest.mark.parametrize(
    ("mark", "backfill"),
    [({"backfill": True}, True), ({"backfill": False}, False), ({"backfill": 1}, False), (7, False)],
)
def test_a_backfilled_image_has_the_lowest_token(form, mark, backfill):
    change = ChangeRecord(form(record("INSERT", afterbay=mark)))
    assert change.is_backfill is backfill
    assert (change.token == LOWEST_TOKEN) is backfill


def test_an_attribute_named_like_the_mark_is_no_mark(form):
    change = ChangeRecord(form(record("INSERT", change={"NewImage": KEY | {"afterbay": {"M": {}}}})))
    assert not change.is_backfill


@pytest.mark.parametrize(
    ("made", "path", "words"),
    [
        (record(eventName="UPSERT"), "eventName", "known are INSERT, MODIFY, REMOVE"),
        (record(without=("eventName",)), "eventName", "missing"),
        (record(eventName=7), "eventName", "JSON string"),
        (record(eventSource="aws:kinesis"), "eventSource", "not a DynamoDB stream record: 'aws:kinesis'"),
        (record(without=("dynamodb",)), "dynamodb", "missing"),
        (record(dynamodb=[]), "dynamodb", "object"),
        (record(without=("Keys",)), "dynamodb.Keys", "missing"),
        (record(without=("SequenceNumber",)), "dynamodb.SequenceNumber", "missing"),
        (record(change={"SequenceNumber": 7}), "dynamodb.SequenceNumber", "JSON string of digits"),
        (record(change={"SequenceNumber": "7"}), "dynamodb.SequenceNumber", "21 to 40 digits"),
        (record(eventSourceARN="orders"), "eventSourceARN", "not an ARN"),
    ],
)
def test_a_head_that_cannot_be_read_is_refused_at_once(form, made, path, words):
    with pytest.raises(RecordError, match=words) as refused:
        ChangeRecord(form(made))
    assert refused.value.path == path


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"dynamodb":', b"\xff", b"[" * 100_000, b'{"a":' * 100_000])
def test_bytes_that_are_no_record_are_refused(body):
    with pytest.raises(RecordError, match=r"JSON object|missing"):
        ChangeRecord(body)


@pytest.mark.parametrize(
    ("made", "read", "path"),
    [
        (record(change={"Keys": []}), "keys", "dynamodb.Keys"),
        (record(change={"Keys": {"pk": {"S": 1}}}), "keys", "dynamodb.Keys.pk.S"),
        (record(change={"NewImage": None}), "new", "dynamodb.NewImage"),
        (record(change={"NewImage": {"a": {"M": {"b": {"N": "x"}}}}}), "new", "dynamodb.NewImage.a.M.b.N"),
        (record(change={"OldImage": {"a": "x"}}), "old", "dynamodb.OldImage.a"),
        (record(without=("NewImage",)), "new", "dynamodb.NewImage"),
        (record(without=("OldImage",)), "old_typed", "dynamodb.OldImage"),
        (record(change={"StreamViewType": "ALL"}), "view", "dynamodb.StreamViewType"),
        (record("REMOVE", userIdentity="ttl"), "is_expiry", "userIdentity"),
        (record(eventID=7), "event_id", "eventID"),
    ],
)
def test_what_cannot_be_decoded_is_refused_when_it_is_asked_for(form, made, read, path):
    change = ChangeRecord(form(made))
    with pytest.raises(RecordError) as refused:
        getattr(change, read)
    assert refused.value.path == path


def test_a_broken_image_does_not_keep_the_rest_from_being_read(form):
    change = ChangeRecord(form(record(change={"NewImage": {"a": {"N": "x"}}})))
    assert change.keys == {"pk": "secret-key"}
    assert change.token.endswith("499659")


def test_a_diff_says_what_went_from_what_to_what(form):
    diff = ChangeRecord(form(record())).diff()
    assert diff.moved("status", from_="PENDING", to="SHIPPED")
    assert not diff.changed("total")
    assert ChangeRecord(form(record("INSERT"))).diff().transition("status") == (ABSENT, "SHIPPED")
    assert ChangeRecord(form(record("REMOVE"))).diff().transition("status") == ("PENDING", ABSENT)


@pytest.mark.parametrize(
    ("kind", "view", "images"),
    [
        ("INSERT", "KEYS_ONLY", "no new image"),
        ("INSERT", "OLD_IMAGE", "no new image"),
        ("MODIFY", "KEYS_ONLY", "no old and no new image"),
        ("MODIFY", "NEW_IMAGE", "no old image"),
        ("MODIFY", "OLD_IMAGE", "no new image"),
        ("REMOVE", "NEW_IMAGE", "no old image"),
    ],
)
def test_a_diff_without_the_images_names_the_view_type(kind, view, images):
    shown = ViewType(view).images(ChangeKind(kind), old=OLD, new=NEW)
    made = record(kind, without=("NewImage", "OldImage"))
    made["dynamodb"] |= shown | {"StreamViewType": view}
    with pytest.raises(SettingsError, match=re.escape(f"a {kind} under {view} has {images}")):
        ChangeRecord(made).diff()


def test_no_repr_shows_keys_or_images(form):
    change = ChangeRecord(form(record()))
    shown = repr([change, change.diff(), *change.diff().fields.values()])
    assert "orders" in shown
    for secret in ("secret-key", "SHIPPED", "PENDING"):
        assert secret not in shown
