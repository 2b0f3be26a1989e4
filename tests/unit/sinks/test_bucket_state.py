"""The S3 state sink against a bucket's own answers: conditions, codes, races, graves and purges. One thread: moto."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import LOWEST_TOKEN, Kind
from afterbay.errors import NotFoundError, SettingsError, ThrottledError
from afterbay.sinks.bucket_item import TokenName
from afterbay.sinks.bucket_state import RACES_MAX, BucketStateSink
from afterbay.sinks.mending import NOTHING_HELD, OVERTAKEN, Held, Mend
from afterbay.sinks.options import Expiry, SinkOptions
from contract.histories import KEYS
from contract.sink_suite import live
from unit.sinks.between import Between

KEY = KEYS[2]
NAME = "p/plain#0"
MIRROR = SinkOptions(ttl=Expiry.MIRROR)


@pytest.fixture
def client(s3):
    return s3


class First:
    """``before()`` ahead of the first call for the item's own object, or ``after()`` behind it; then as ever."""

    def __init__(self, call, *, before=lambda: None, after=lambda: None):
        self.call, self.before, self.after, self.calls = call, before, after, 0

    def __call__(self, **request):
        if "/_gone/" in request["Key"]:
            return self.call(**request)
        self.calls += 1
        if self.calls > 1:
            return self.call(**request)
        self.before()
        answer = self.call(**request)
        self.after()
        return answer


def sink_of(client, **settings):
    return BucketStateSink("copy", "p", client=client, **settings)


def verdict(sink, record):
    (one,) = sink.apply([ChangeRecord(record)])
    return one


def kinds(sink, *records):
    return [one.kind for one in sink.apply([ChangeRecord(record) for record in records])]


def stored(client):
    return {one["Key"]: one["Size"] for one in client.list_objects_v2(Bucket="copy", Prefix="p/").get("Contents", [])}


def body(client, name=NAME):
    return json.loads(client.get_object(Bucket="copy", Key=name)["Body"].read())


def refusal(code, status=400):
    told = {"Error": {"Code": code, "Message": "said so"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "PutObject")


def raising(fault):
    def call(**_):
        raise fault

    return call


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (refusal("SlowDown", 503), Kind.RETRYABLE),
        (refusal("InternalError", 500), Kind.RETRYABLE),
        (refusal("NeverHeardOf", 503), Kind.RETRYABLE),
        (refusal("AccessDenied", 403), Kind.RETRYABLE),
        (refusal("NoSuchBucket", 404), Kind.RETRYABLE),
        (refusal("PreconditionFailed", 412), Kind.RETRYABLE),
        (refusal("ConditionalRequestConflict", 409), Kind.RETRYABLE),
        (ReadTimeoutError(endpoint_url="http://bucket"), Kind.RETRYABLE),
        (ConnectionClosedError(endpoint_url="http://bucket"), Kind.RETRYABLE),
        (refusal("EntityTooLarge"), Kind.POISON),
        (refusal("KeyTooLongError"), Kind.POISON),
        (refusal("MetadataTooLarge"), Kind.POISON),
        (refusal("ObjectParentIsFile", 409), Kind.POISON),
    ],
    ids=lambda one: str(one) if isinstance(one, Exception) else one.value,
)
def test_a_failed_write_is_judged_by_its_code(client, made, fault, kind):
    told = verdict(sink_of(Between(client, put_object=raising(fault))), made.put(KEY))
    assert told.kind is kind and "s3:copy/p" in told.reason


def test_a_read_that_fails_fails_its_key_alone(client, made):
    def head_object(**request):
        if request["Key"] == NAME:
            raise refusal("403", 403)
        return client.head_object(**request)

    sink = sink_of(Between(client, head_object=head_object))
    assert kinds(sink, made.put(KEY), made.put(KEYS[3])) == [Kind.RETRYABLE, Kind.APPLIED]
    sink.close()


def test_a_server_without_conditions_is_a_settings_error(client, made):
    sink = sink_of(Between(client, put_object=raising(refusal("NotImplemented", 501))))
    with pytest.raises(SettingsError, match=r"s3:copy/p.*conditional"):
        verdict(sink, made.put(KEY))


def test_a_missing_bucket_is_retryable_and_named(client, made):
    sink = BucketStateSink("elsewhere", "p", client=client)
    told = verdict(sink, made.put(KEY))
    assert told.kind is Kind.RETRYABLE and "NoSuchBucket" in told.reason and "s3:elsewhere/p" in told.reason
    with pytest.raises(NotFoundError, match="elsewhere"):
        list(sink.read_live())


def test_changes_of_one_key_are_one_write_and_what_the_store_knows_stays_known(client, made):
    old, new = made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"})
    gone, again = made.delete(KEY), made.put(KEY, n={"N": "3"})
    put = First(client.put_object)
    assert kinds(sink_of(Between(client, put_object=put)), old, new, gone, again) == [Kind.APPLIED] * 4
    assert put.calls == 1 and body(client)["n"] == 3
    newest = made.put(KEY)
    refusing = sink_of(Between(client, put_object=raising(refusal("SlowDown", 503))))
    assert kinds(refusing, old, newest, newest) == [Kind.STALE, Kind.RETRYABLE, Kind.RETRYABLE]


def test_a_lost_race_is_read_again_and_judged_anew(client, made):
    """E5: the other writer was newer; ours is stale then, and nothing of it is in."""
    ours, theirs = made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"})
    put = First(client.put_object, before=lambda: kinds(sink_of(client), theirs))
    assert kinds(sink_of(Between(client, put_object=put)), ours) == [Kind.STALE]
    assert body(client)["n"] == 2


def test_a_lost_race_against_an_older_change_is_won_the_second_time(client, made):
    theirs, ours = made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"})
    put = First(client.put_object, before=lambda: kinds(sink_of(client), theirs))
    assert kinds(sink_of(Between(client, put_object=put)), ours) == [Kind.APPLIED]
    assert put.calls == 2 and body(client)["n"] == 2


def test_races_without_end_are_given_up(client, made):
    calls = []

    def put_object(**_):
        calls.append(1)
        raise refusal("PreconditionFailed", 412)

    told = verdict(sink_of(Between(client, put_object=put_object)), made.put(KEY))
    assert told.kind is Kind.RETRYABLE and "other writers" in told.reason and len(calls) == RACES_MAX


def test_the_same_content_under_a_newer_token_holds_a_slow_writer_back(client, made):
    """Content alone would have one ETag for both: the slow put would go through, and the newer token be lost."""
    first, slow, newer = made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"}), made.put(KEY, n={"N": "1"})
    kinds(sink_of(client), first)
    put = First(client.put_object, before=lambda: kinds(sink_of(client), newer))
    assert kinds(sink_of(Between(client, put_object=put)), slow) == [Kind.STALE]
    assert body(client)["n"] == 1 and kinds(sink_of(client), newer) == [Kind.DUPLICATE]


def deleted_meanwhile(client, made):
    """A tombstone; a put that is slow; and what another writer does meanwhile: a newer put, and its deletion."""
    first, first_gone = made.put(KEY, n={"N": "1"}), made.delete(KEY)
    slow, newer = made.put(KEY, n={"N": "2"}), made.put(KEY, n={"N": "3"})
    gone = made.delete(KEY)
    other = sink_of(client)
    assert kinds(other, first) + kinds(other, first_gone) == [Kind.APPLIED] * 2
    return slow, lambda: kinds(other, newer) + kinds(other, gone)


def test_a_tombstone_that_looks_like_the_old_one_holds_a_slow_writer_back(client, made):
    """All empty objects have one ETag, so the condition holds though a newer deletion was there: the grave tells."""
    slow, meanwhile = deleted_meanwhile(client, made)
    put = First(client.put_object, before=meanwhile)
    assert kinds(sink_of(Between(client, put_object=put)), slow) == [Kind.STALE]
    assert live(sink_of(client)) == {} and stored(client)[NAME] == 0
    assert kinds(sink_of(client), slow) == [Kind.STALE]


@pytest.mark.parametrize("mends", ["its own retry", "an older put", "a newer put"])
def test_a_slow_writer_that_dies_over_a_tombstone_is_put_right(client, made, mends):
    slow, meanwhile = deleted_meanwhile(client, made)
    put = First(client.put_object, before=meanwhile, after=raising(ReadTimeoutError(endpoint_url="http://bucket")))
    assert kinds(sink_of(Between(client, put_object=put)), slow) == [Kind.RETRYABLE]
    assert stored(client)[NAME] > 0, "it wrote, and nobody looked again yet"
    assert live(sink_of(client)) == {}, "readers of ours ask the graves"
    if mends == "a newer put":
        again = made.put(KEY, n={"N": "9"})
        assert kinds(sink_of(client), again) == [Kind.APPLIED] and body(client)["n"] == 9
    else:
        record = slow if mends == "its own retry" else made.records[0]
        assert kinds(sink_of(client), record) == [Kind.STALE] and stored(client)[NAME] == 0


def test_a_reply_lost_after_the_write_makes_a_duplicate_of_the_retry(client, made):
    """E9: the outcome was ambiguous, the guard knows."""
    for record in (made.put(KEY), made.delete(KEY), made.put(KEY)):
        lost = raising(ConnectionClosedError(endpoint_url="http://bucket"))
        sink = sink_of(Between(client, put_object=First(client.put_object, after=lost)))
        assert kinds(sink, record) == [Kind.RETRYABLE]
        assert kinds(sink_of(client), record) == [Kind.DUPLICATE]


def test_a_tombstone_is_an_empty_object_with_its_token(client, made):
    record = made.put(KEY)
    assert kinds(sink_of(client), record, made.delete(KEY)) == [Kind.APPLIED] * 2
    head = client.head_object(Bucket="copy", Key=NAME)
    change = ChangeRecord(made.records[1])
    assert (head["ContentLength"], head["Metadata"]["afterbay-token"]) == (0, change.token)
    assert set(stored(client).values()) == {0}


def test_other_programs_objects_and_tokens_of_another_form_are_settings_errors(client, made):
    client.put_object(Bucket="copy", Key=NAME, Body=b"mine")
    with pytest.raises(SettingsError, match="s3:copy/p holds an object without a token"):
        verdict(sink_of(client), made.put(KEY))
    client.put_object(Bucket="copy", Key=NAME, Body=b"mine", Metadata={"afterbay-token": "1767607872"})
    with pytest.raises(SettingsError, match="another form"):
        verdict(sink_of(client), made.put(KEY))


def test_an_attribute_with_the_tokens_name_is_poison_and_the_ways_out_work(client, made):
    record = made.put(KEY, _tok={"S": "mine"})
    told = verdict(sink_of(client), record)
    assert told.kind is Kind.POISON and "_tok" in told.reason and stored(client) == {}
    assert kinds(sink_of(client, options=SinkOptions(without=frozenset({"_tok"}))), record) == [Kind.APPLIED]
    newer = made.put(KEY, _tok={"S": "mine"})
    assert kinds(sink_of(client, token_name=TokenName("_t")), newer) == [Kind.APPLIED]
    assert body(client)["_tok"] == "mine"


def test_calls_have_bounded_tries_and_time_outs_and_other_servers_are_called_by_path():
    sink = BucketStateSink("copy", "p", endpoint_url="http://127.0.0.1:9", region="eu-west-1")
    config = sink._bucket.client().meta.config
    assert config.retries["mode"] == "standard" and config.retries["total_max_attempts"] <= 5
    assert config.read_timeout <= 20 and config.connect_timeout <= 3
    assert config.s3["addressing_style"] == "path" and config.request_checksum_calculation == "when_required"
    sink.close()
    with pytest.raises(SettingsError, match="endpoint_url"):
        list(BucketStateSink("copy", "p", endpoint_url="nowhere").read_live())


# ---- purge: a record's time is 2026-01-05, so a purge in 2027 takes it and one in that week does not

LATER, SOON = 1798761600.0, 1767700000.0


def test_a_purge_takes_old_tombstones_and_their_graves_and_nothing_else(client, made):
    kept, again = made.put(KEYS[3]), made.put(KEYS[4])
    sink = sink_of(client)
    kinds(sink, made.put(KEY), made.delete(KEY), kept, again)
    kinds(sink, made.delete(KEYS[4]))
    kinds(sink, made.put(KEYS[4]))
    before = stored(client)
    assert sink.purge(now_s=SOON) == 0 and stored(client) == before
    assert sink.purge(now_s=LATER) == 1
    assert len(stored(client)) == 2 and all(stored(client).values()) and live(sink) == made.expected()
    assert sink.purge(now_s=LATER) == 0
    assert kinds(sink, made.put(KEY)) == [Kind.APPLIED], "a purged key starts anew"


def test_a_purge_goes_by_the_servers_time(client, made):
    sink = sink_of(client)
    kinds(sink, made.put(KEY), made.delete(KEY))
    head = {"ResponseMetadata": {"HTTPHeaders": {"date": "Fri, 01 Jan 2027 00:00:00 GMT"}}}
    told = Between(client, list_objects_v2=lambda **_: head)
    assert sink_of(told).purge() == 1 and stored(client) == {}


def test_a_deletion_in_the_moment_of_a_purge_stays(client, made):
    """The tombstone that went was a newer one by then: it is put back, with the newer token."""
    sink = sink_of(client)
    put = made.put(KEY)
    kinds(sink, put, made.delete(KEY))
    newer, gone = made.put(KEY), made.delete(KEY)
    gone["dynamodb"]["ApproximateCreationDateTime"] = LATER
    delete = First(client.delete_object, before=lambda: kinds(sink, newer) + kinds(sink, gone))
    sink_of(Between(client, delete_object=delete)).purge(now_s=LATER)
    assert stored(client)[NAME] == 0 and kinds(sink, newer, gone) == [Kind.STALE, Kind.DUPLICATE]
    assert sink.purge(now_s=LATER) == 0, "its grave is young"


def test_many_graves_of_one_item_become_few(client, made, monkeypatch):
    monkeypatch.setattr("afterbay.sinks.bucket_graves.KEPT_MAX", 3)
    sink = sink_of(client)
    for _ in range(8):
        assert kinds(sink, made.put(KEY)) + kinds(sink, made.delete(KEY)) == [Kind.APPLIED] * 2
    assert len(stored(client)) <= 6


# ---- single items looked up and mended (E14)

NOW_S = 1_767_700_000.0
KEY_TYPED = {"pk": {"S": KEY[0]}, "sk": {"S": KEY[1]}}


def mend_of(seen, *, key=KEY_TYPED, **attributes):
    """Without attributes: the item is gone."""
    return Mend(key, {**key, **attributes} if attributes else None, seen, NOW_S)


def mended(sink, *mends):
    return [one.kind for one in sink.mend(mends)]


def held(client):
    (one,) = sink_of(client).look_up([KEY_TYPED])
    return one


def token(record):
    return ChangeRecord(record).token


def test_a_mended_item_keeps_its_token_and_has_an_etag_of_its_own(client, made):
    """The same content and token twice: a slow writer must still be able to tell the two states apart."""
    put = made.put(KEY, n={"N": "1"})
    kinds(sink_of(client), put)
    first = client.head_object(Bucket="copy", Key=NAME)
    assert mended(sink_of(client), mend_of(token(put), n={"N": "1"})) == [Kind.APPLIED]
    second = client.head_object(Bucket="copy", Key=NAME)
    assert first["ETag"] != second["ETag"] and second["Metadata"]["afterbay-token"] == token(put)
    assert body(client) == {"_tok": token(put), "pk": KEY[0], "sk": KEY[1], "n": 1}


def test_an_item_is_mended_away_and_back_as_often_as_it_takes(client, made):
    """Each under the one token: the graves of before do not hide what a mend brought back."""
    put = made.put(KEY)
    kinds(sink_of(client), put)
    for number in range(3):
        assert mended(sink_of(client), mend_of(token(put))) == [Kind.APPLIED]
        assert held(client) == Held(token(put), None) and live(sink_of(client)) == {} and stored(client)[NAME] == 0
        assert mended(sink_of(client), mend_of(token(put), n={"N": str(number)})) == [Kind.APPLIED]
        assert held(client) == Held(token(put), {"pk": KEY[0], "sk": KEY[1], "n": number})
        assert len(live(sink_of(client))) == 1
    assert kinds(sink_of(client), put) == [Kind.DUPLICATE]
    assert kinds(sink_of(client), made.put(KEY, n={"N": "9"})) == [Kind.APPLIED] and body(client)["n"] == 9


def test_a_tombstone_of_a_mend_goes_when_its_time_is_over(client, made):
    put = made.put(KEY)
    kinds(sink_of(client), put)
    mended(sink_of(client), mend_of(token(put)))
    eight_days = 8 * 24 * 60 * 60
    assert sink_of(client).purge(now_s=NOW_S + eight_days - 1) == 0
    assert sink_of(client).purge(now_s=NOW_S + eight_days) == 1 and stored(client) == {}


@pytest.mark.parametrize("gone", [False, True])
def test_a_change_between_a_mends_look_and_its_write_overtakes_it(client, made, gone):
    put, newer = made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"})
    kinds(sink_of(client), put)
    call = First(client.put_object, before=lambda: kinds(sink_of(client), newer))
    mend = mend_of(token(put)) if gone else mend_of(token(put), n={"N": "0"})
    assert sink_of(Between(client, put_object=call)).mend([mend]) == [OVERTAKEN]
    assert body(client)["n"] == 2 and held(client).token == token(newer)


def test_an_item_that_came_in_between_overtakes_the_mend_of_a_missing_one(client, made):
    put = made.put(KEY, n={"N": "1"})
    call = First(client.put_object, before=lambda: kinds(sink_of(client), put))
    assert sink_of(Between(client, put_object=call)).mend([mend_of(None, n={"N": "0"})]) == [OVERTAKEN]
    assert body(client)["n"] == 1


@pytest.mark.parametrize("gone", [False, True])
def test_a_tombstone_that_looks_like_the_old_one_holds_a_mend_back(client, made, gone):
    """All empty objects have one ETag, so the condition holds though a newer deletion was there: the grave tells."""
    _, meanwhile = deleted_meanwhile(client, made)
    seen, call = held(client).token, First(client.put_object, before=meanwhile)
    mend = mend_of(seen) if gone else mend_of(seen, n={"N": "0"})
    assert sink_of(Between(client, put_object=call)).mend([mend]) == [OVERTAKEN]
    assert held(client) == Held(token(made.records[-1]), None)
    assert live(sink_of(client)) == {} and stored(client)[NAME] == 0
    assert kinds(sink_of(client), made.records[-2], made.put(KEY)) == [Kind.STALE, Kind.APPLIED]


def test_a_tombstone_of_a_mend_holds_back_a_slow_writer_of_the_very_change_it_was_under(client, made):
    """The writer read an older tombstone; its change came by another way too, and was mended away since."""
    kinds(sink_of(client), made.put(KEY), made.delete(KEY))
    again = made.put(KEY, n={"N": "2"})

    def meanwhile():
        assert kinds(sink_of(client), again) == [Kind.APPLIED]
        assert mended(sink_of(client), mend_of(token(again))) == [Kind.APPLIED]

    call = First(client.put_object, before=meanwhile)
    assert kinds(sink_of(Between(client, put_object=call)), again) == [Kind.DUPLICATE]
    assert held(client) == Held(token(again), None) and live(sink_of(client)) == {} and stored(client)[NAME] == 0


def test_what_a_writer_that_died_left_is_known_to_a_look_up_and_put_right_by_a_mend(client, made):
    slow, meanwhile = deleted_meanwhile(client, made)
    put = First(client.put_object, before=meanwhile, after=raising(ReadTimeoutError(endpoint_url="http://bucket")))
    assert kinds(sink_of(Between(client, put_object=put)), slow) == [Kind.RETRYABLE]
    gone = token(made.records[-1])
    assert stored(client)[NAME] > 0 and held(client) == Held(gone, None)
    assert sink_of(client).mend([mend_of(token(slow), n={"N": "0"})]) == [OVERTAKEN]
    assert stored(client)[NAME] == 0
    assert mended(sink_of(client), mend_of(gone, n={"N": "0"})) == [Kind.APPLIED] and body(client)["n"] == 0


def test_mends_whose_answer_is_lost_are_tried_again(client, made):
    """What is written again is the same; where nothing was, the retry finds its own work and looks again."""
    put = made.put(KEY)
    kinds(sink_of(client), put)
    other = {"pk": {"S": "x"}, "sk": {"S": "y"}}
    for seen, key, attributes, again in (
        (token(put), KEY_TYPED, {"n": {"N": "2"}}, Kind.APPLIED),
        (token(put), KEY_TYPED, {}, Kind.APPLIED),
        (token(put), KEY_TYPED, {"n": {"N": "3"}}, Kind.APPLIED),
        (None, other, {"n": {"N": "4"}}, Kind.STALE),
    ):
        lost = raising(ConnectionClosedError(endpoint_url="http://bucket"))
        sink = sink_of(Between(client, put_object=First(client.put_object, after=lost)))
        mend = mend_of(seen, key=key, **attributes)
        assert mended(sink, mend) + mended(sink_of(client), mend) == [Kind.RETRYABLE, again]
    kept = sink_of(client).look_up([KEY_TYPED, other])
    assert [(one.token, one.item["n"]) for one in kept] == [(token(put), 3), (LOWEST_TOKEN, 4)]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (refusal("SlowDown", 503), Kind.RETRYABLE),
        (refusal("AccessDenied", 403), Kind.RETRYABLE),
        (ReadTimeoutError(endpoint_url="http://bucket"), Kind.RETRYABLE),
        (refusal("EntityTooLarge"), Kind.POISON),
    ],
    ids=lambda one: str(one) if isinstance(one, Exception) else one.value,
)
def test_a_mend_that_fails_is_judged_as_a_change(client, fault, kind):
    (told,) = sink_of(Between(client, put_object=raising(fault))).mend([mend_of(None, n={"N": "1"})])
    assert told.kind is kind and "s3:copy/p" in told.reason
    without = sink_of(Between(client, put_object=raising(refusal("NotImplemented", 501))))
    with pytest.raises(SettingsError, match="conditional"):
        without.mend([mend_of(None, n={"N": "1"})])


def test_an_image_with_the_tokens_name_is_poison_in_a_mend_too(client):
    (told,) = sink_of(client).mend([mend_of(None, _tok={"S": "mine"})])
    assert told.kind is Kind.POISON and "_tok" in told.reason and stored(client) == {}


def test_a_look_up_that_fails_is_told(client):
    with pytest.raises(NotFoundError, match="elsewhere"):
        BucketStateSink("elsewhere", "p", client=client).look_up([KEY_TYPED])
    with pytest.raises(ThrottledError, match="s3:copy/p"):
        sink_of(Between(client, get_object=raising(refusal("SlowDown", 503)))).look_up([KEY_TYPED])
    client.put_object(Bucket="copy", Key=NAME, Body=b"mine")
    with pytest.raises(SettingsError, match="without a token"):
        sink_of(client).look_up([KEY_TYPED])
    client.put_object(Bucket="copy", Key=NAME, Body=b"mine", Metadata={"afterbay-token": "1767607872"})
    with pytest.raises(SettingsError, match="another form"):
        sink_of(client).mend([mend_of("1767607872", n={"N": "1"})])
    assert sink_of(client).look_up([{"pk": {"S": "x"}, "sk": {"S": "y"}}]) == [NOTHING_HELD]
