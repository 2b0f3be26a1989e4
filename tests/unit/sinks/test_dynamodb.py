"""The DynamoDB sink against a table's own answers: names that clash, codes, races, and a service that says less."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import LOWEST_TOKEN, Kind
from afterbay.errors import NotFoundError, SettingsError, ThrottledError
from afterbay.sinks import dynamodb_read
from afterbay.sinks.dynamodb import RACES_MAX, DynamoDbSink
from afterbay.sinks.dynamodb_client import make_client
from afterbay.sinks.guard_names import GuardNames
from afterbay.sinks.mending import NO_TOKEN, NOTHING_HELD, OVERTAKEN, Held, Mend
from afterbay.sinks.options import Expiry, SinkOptions
from contract.histories import KEYS
from contract.moto_tables import OneCallAtATime
from unit.sinks.between import Between

KEY = KEYS[2]


@pytest.fixture
def client(dynamodb):
    return dynamodb


def verdict(sink, record):
    (one,) = sink.apply([ChangeRecord(record)])
    return one


def stored(client):
    return client.scan(TableName="copy", ConsistentRead=True)["Items"]


def refusal(code, status=400):
    told = {"Error": {"Code": code, "Message": "said so"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "PutItem")


@pytest.mark.parametrize("name", GuardNames().all)
def test_a_source_attribute_with_a_guards_name_is_poison_and_not_overwritten(client, made, name):
    """E11, and the two ways out that the reason names."""
    record = made.put(KEY, **{name: {"S": "mine"}})
    told = verdict(DynamoDbSink("copy", client=client), record)
    assert told.kind is Kind.POISON and name in told.reason and f"without={name}" in told.reason
    assert stored(client) == []
    names = GuardNames(token="_t", deleted="_d", expires="_e")
    assert verdict(DynamoDbSink("copy", client=client, names=names), record).kind is Kind.APPLIED
    (item,) = stored(client)
    assert item[name] == {"S": "mine"} and set(item) == {"pk", "sk", "_t", name}


def test_leaving_the_attribute_out_is_the_other_way_out(client, made):
    sink = DynamoDbSink("copy", client=client, options=SinkOptions(without=frozenset({"_tok"})))
    assert verdict(sink, made.put(KEY, _tok={"S": "mine"})).kind is Kind.APPLIED


def test_guard_names_must_differ():
    with pytest.raises(SettingsError, match="three different"):
        GuardNames(token="_x", deleted="_x")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (refusal("ProvisionedThroughputExceededException"), Kind.RETRYABLE),
        (refusal("ThrottlingException"), Kind.RETRYABLE),
        (refusal("RequestLimitExceeded"), Kind.RETRYABLE),
        (refusal("InternalServerError", 500), Kind.RETRYABLE),
        (refusal("NeverHeardOf", 503), Kind.RETRYABLE),
        (refusal("AccessDeniedException"), Kind.RETRYABLE),
        (refusal("TransactionConflictException"), Kind.RETRYABLE),
        (ReadTimeoutError(endpoint_url="http://table"), Kind.RETRYABLE),
        (ConnectionClosedError(endpoint_url="http://table"), Kind.RETRYABLE),
        (refusal("ValidationException"), Kind.POISON),
        (refusal("ItemCollectionSizeLimitExceededException"), Kind.POISON),
        (refusal("RequestTooLargeException", 413), Kind.POISON),
    ],
    ids=lambda one: str(one) if isinstance(one, Exception) else one.value,
)
def test_a_failed_call_is_judged_by_its_code(client, made, fault, kind):
    def put_item(**_):
        raise fault

    told = verdict(DynamoDbSink("copy", client=Between(client, put_item=put_item)), made.put(KEY))
    assert told.kind is kind and "dynamodb:copy" in told.reason


def test_one_keys_failure_leaves_the_other_keys_applied(client, made):
    records = [made.put(key) for key in KEYS]

    def put_item(**request):
        if request["Item"]["pk"]["S"] == KEY[0]:
            raise refusal("ThrottlingException")
        return client.put_item(**request)

    verdicts = DynamoDbSink("copy", client=Between(client, put_item=put_item)).apply(
        [ChangeRecord(one) for one in records]
    )
    assert [one.kind for one in verdicts] == [
        Kind.RETRYABLE if key[0] == KEY[0] else Kind.APPLIED for key in KEYS
    ]  # two keys share that partition


def test_calls_have_bounded_tries_and_time_outs():
    config = make_client("eu-west-1", None, "a sink").meta.config
    assert config.retries["mode"] == "standard" and config.retries["total_max_attempts"] <= 5
    assert config.read_timeout <= 10 and config.connect_timeout <= 3


def test_a_missing_table_is_retryable_and_named(client, made):
    sink = DynamoDbSink("elsewhere", client=client)
    told = verdict(sink, made.put(KEY))
    assert told.kind is Kind.RETRYABLE and "elsewhere" in told.reason and "ResourceNotFoundException" in told.reason
    with pytest.raises(NotFoundError, match="elsewhere"):
        list(sink.read_live())


def test_no_region_is_a_settings_error(made):
    with pytest.raises(SettingsError, match="region"):
        verdict(DynamoDbSink("copy"), made.put(KEY))


def test_an_item_that_is_too_large_is_poison(client, made):
    told = verdict(DynamoDbSink("copy", client=client), made.put(KEY, big={"S": "x" * 450_000}))
    assert told.kind is Kind.POISON and "ValidationException" in told.reason


def test_what_is_stale_is_stale_though_the_table_refuses_it(client, made):
    """E5: the item has moved on since, so a version that was too large no longer keeps the shard from going on."""
    sink = DynamoDbSink("copy", client=client)
    large, small = made.put(KEY, text={"S": "x" * 410_000}), made.put(KEY, n={"N": "1"})
    told = [verdict(sink, one).kind for one in (large, small, large)]
    assert told == [Kind.POISON, Kind.APPLIED, Kind.STALE]

    def denied(**_request):
        raise refusal("AccessDeniedException")

    sink = DynamoDbSink("copy", client=Between(client, get_item=denied))
    assert verdict(sink, large).kind is Kind.POISON, "as long as nobody may look"


def test_a_service_that_leaves_the_item_out_of_its_refusal_is_asked_for_it(client, made):
    asked = []

    def put_item(**request):
        try:
            return client.put_item(**request)
        except ClientError as refused:
            refused.response.pop("Item", None)
            raise

    def get_item(**request):
        asked.append(request["ConsistentRead"])
        return client.get_item(**request)

    first, second = made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"})
    sink = DynamoDbSink("copy", client=Between(client, put_item=put_item, get_item=get_item))
    assert [verdict(sink, one).kind for one in (second, second, first)] == [Kind.APPLIED, Kind.DUPLICATE, Kind.STALE]
    assert asked == [True, True]


def test_a_refusal_that_holds_the_item_costs_no_second_call(client, made):
    def get_item(**_):
        raise AssertionError("asked again")

    record = made.put(KEY)
    sink = DynamoDbSink("copy", client=Between(client, get_item=get_item))
    assert [verdict(sink, record).kind for _ in range(2)] == [Kind.APPLIED, Kind.DUPLICATE]


def test_an_unreadable_item_after_a_refusal_is_retryable(client, made):
    def put_item(**_):
        raise refusal("ConditionalCheckFailedException")

    def get_item(**_):
        raise refusal("ThrottlingException")

    sink = DynamoDbSink("copy", client=Between(client, put_item=put_item, get_item=get_item))
    assert verdict(sink, made.put(KEY)).kind is Kind.RETRYABLE


def test_a_key_that_never_stands_still_is_retryable_after_bounded_tries(client, made):
    tries = []

    def put_item(**_):
        tries.append(1)
        raise refusal("ConditionalCheckFailedException")  # and yet nothing is stored: purged in between

    told = verdict(DynamoDbSink("copy", client=Between(client, put_item=put_item)), made.put(KEY))
    assert told.kind is Kind.RETRYABLE and len(tries) == RACES_MAX


def test_a_skipped_expiry_finds_its_way_when_the_item_comes_or_goes_in_between(client, made):
    """The mark is meant for a live item; another writer's delete, still on its way, may be first."""
    put = made.put(KEY, n={"N": "1"})
    expiry = made.expire(KEY, mirrored=True)
    again = made.put(KEY, n={"N": "2"})
    other = DynamoDbSink("copy", client=client)

    def put_item(**request):
        if not stored(client):
            verdict(other, put)
        return client.put_item(**request)

    sink = DynamoDbSink("copy", client=Between(client, put_item=put_item))
    assert verdict(sink, expiry).kind is Kind.SKIPPED
    (item,) = stored(client)
    assert item["n"] == {"N": "1"} and item["_tok"] == {"S": ChangeRecord(expiry).token}
    assert verdict(sink, put).kind is Kind.STALE and verdict(sink, again).kind is Kind.APPLIED


def test_two_writers_racing_on_a_key_end_with_the_newest_change(client, made):
    """The condition decides, whoever comes first: one of the two writes before the other's call arrives."""
    older, newer = made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"})
    other = DynamoDbSink("copy", client=client)

    def put_item(**request):
        assert verdict(other, newer).kind in (Kind.APPLIED, Kind.DUPLICATE)
        return client.put_item(**request)

    assert verdict(DynamoDbSink("copy", client=Between(client, put_item=put_item)), older).kind is Kind.STALE
    (item,) = stored(client)
    assert item["n"] == {"N": "2"}


def test_threads_that_write_one_key_in_any_order_end_with_the_newest_change(client, made):
    records = [made.put(KEY, n={"N": str(number)}) for number in range(24)]
    sinks = [DynamoDbSink("copy", client=OneCallAtATime()) for _ in range(2)]
    made.rng.shuffle(records)
    with ThreadPoolExecutor(2) as threads:
        verdicts = list(threads.map(lambda pair: verdict(sinks[pair[0] % 2], pair[1]), enumerate(records)))
    assert not any(one.failed for one in verdicts)
    assert [item["n"] for item in stored(client)] == [{"N": "23"}]


@pytest.mark.parametrize("token", [{"S": "0001767607872000000"}, {"N": "17"}])
@pytest.mark.parametrize("expiry", [False, True])
def test_a_token_of_another_form_is_a_clear_error_and_stays(client, made, token, expiry):
    """E2: never mixed, even where the foreign token is the lower text."""
    record = made.put(KEY)
    if expiry:
        record = made.expire(KEY, mirrored=False)
    item = {"pk": {"S": KEY[0]}, "sk": {"S": KEY[1]}, "_tok": token}
    client.put_item(TableName="copy", Item=item)
    with pytest.raises(SettingsError, match="token"):
        verdict(DynamoDbSink("copy", client=client), record)
    assert stored(client) == [item]


def test_a_tombstone_says_when_the_tables_ttl_may_purge_it(client, made):
    """E7: eight days after the delete, in epoch seconds as the table's TTL wants them."""
    made.put(KEY)
    delete = made.delete(KEY)
    verdict(DynamoDbSink("copy", client=client, options=SinkOptions(ttl=Expiry.MIRROR)), delete)
    (item,) = stored(client)
    created_s = int(delete["dynamodb"]["ApproximateCreationDateTime"])
    assert item["_deleted"] == {"BOOL": True} and item["_expires"] == {"N": str(created_s + 8 * 24 * 60 * 60)}
    assert set(item) == {"pk", "sk", "_tok", "_deleted", "_expires"}


def test_after_close_a_sink_connects_anew(client, made):
    sink = DynamoDbSink("copy", region="eu-west-1")
    first, second = made.put(KEY, n={"N": "1"}), made.put(KEY, n={"N": "2"})
    assert verdict(sink, first).kind is Kind.APPLIED
    sink.close()
    assert verdict(sink, second).kind is Kind.APPLIED
    sink.close()


# ---- single items looked up and mended (E14)

NOW_S = 1_767_700_000.0


def key_of(key):
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def mend_of(key, seen, **attributes):
    """Without attributes: the item is gone."""
    return Mend(key_of(key), {**key_of(key), **attributes} if attributes else None, seen, NOW_S)


def test_keys_are_looked_up_a_hundred_at_a_time_and_each_once(client, made):
    keys = [("k", str(number)) for number in range(130)]
    sink = DynamoDbSink("copy", client=client)
    sink.apply([ChangeRecord(made.put(key)) for key in keys[::2]])
    asked = []

    def batch_get_item(**request):
        asked.append(request["RequestItems"]["copy"])
        return client.batch_get_item(**request)

    looking = DynamoDbSink("copy", client=Between(client, batch_get_item=batch_get_item))
    held = looking.look_up([key_of(key) for key in [*keys, *keys]])
    assert [one is NOTHING_HELD for one in held] == [number % 2 == 1 for number in range(130)] * 2
    assert [len(one["Keys"]) for one in asked] == [100, 30] and all(one["ConsistentRead"] for one in asked)


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr(dynamodb_read, "PAUSE_S", 0)


def test_keys_that_the_service_leaves_out_are_asked_for_again(client, made, no_pauses):
    sink = DynamoDbSink("copy", client=client)
    sink.apply([ChangeRecord(made.put(key)) for key in KEYS])
    calls = []

    def batch_get_item(**request):
        """Every other answer is empty, the others have one item."""
        calls.append(1)
        asked = request["RequestItems"]["copy"]
        taken = asked["Keys"][: len(calls) % 2]
        told = client.batch_get_item(RequestItems={"copy": {**asked, "Keys": taken}}) if taken else {"Responses": {}}
        left = asked["Keys"][len(taken) :]
        return told | {"UnprocessedKeys": {"copy": {**asked, "Keys": left}} if left else {}}

    looking = DynamoDbSink("copy", client=Between(client, batch_get_item=batch_get_item))
    assert looking.look_up([key_of(key) for key in KEYS]) == sink.look_up([key_of(key) for key in KEYS])
    assert len(calls) == 2 * len(KEYS) - 1


def test_a_table_that_leaves_all_keys_out_or_throttles_is_told(client, no_pauses):
    calls = []

    def batch_get_item(**request):
        calls.append(1)
        return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}

    with pytest.raises(ThrottledError, match=r"dynamodb:copy"):
        DynamoDbSink("copy", client=Between(client, batch_get_item=batch_get_item)).look_up([key_of(KEY)])
    assert len(calls) == dynamodb_read.TRIES_MAX

    def throttled(**_):
        raise refusal("ProvisionedThroughputExceededException")

    with pytest.raises(ThrottledError, match=r"dynamodb:copy"):
        DynamoDbSink("copy", client=Between(client, batch_get_item=throttled)).look_up([key_of(KEY)])


def test_an_item_of_another_program_is_seen_and_can_be_mended_once_and_for_all(client, made):
    """It has no token, and is not taken for nothing: it can be written over, or taken away."""
    for key in (KEY, KEYS[3]):
        client.put_item(TableName="copy", Item=key_of(key) | {"theirs": {"S": "x"}})
    sink = DynamoDbSink("copy", client=client)
    held = sink.look_up([key_of(KEY), key_of(KEYS[3])])
    assert held == [Held(NO_TOKEN, {"pk": key[0], "sk": key[1], "theirs": "x"}) for key in (KEY, KEYS[3])]
    mends = [mend_of(KEY, NO_TOKEN, n={"N": "1"}), mend_of(KEYS[3], NO_TOKEN)]
    assert [one.kind for one in sink.mend(mends)] == [Kind.APPLIED] * 2
    assert sink.mend(mends) == [OVERTAKEN] * 2
    first, second = sink.look_up([key_of(KEY), key_of(KEYS[3])])
    assert first == Held(LOWEST_TOKEN, {"pk": KEY[0], "sk": KEY[1], "n": 1}) and second == Held(LOWEST_TOKEN, None)
    assert verdict(sink, made.put(KEY)).kind is Kind.APPLIED


def test_a_token_that_is_none_is_a_settings_error_when_looked_up(client):
    client.put_item(TableName="copy", Item=key_of(KEY) | {"_tok": {"N": "17"}})
    with pytest.raises(SettingsError, match="token"):
        DynamoDbSink("copy", client=client).look_up([key_of(KEY)])


def test_an_image_as_the_sdk_reads_it_is_written_as_it_is(client):
    sink = DynamoDbSink("copy", client=client)
    image = {"b": {"B": b"\x00\x01"}, "s": {"BS": [b"\x02"]}, "l": {"L": [{"B": b"\x03"}]}}
    assert [one.kind for one in sink.mend([mend_of(KEY, None, **image)])] == [Kind.APPLIED]
    assert stored(client) == [key_of(KEY) | image | {"_tok": {"S": LOWEST_TOKEN}}]
    assert sink.look_up([key_of(KEY)])[0].item == {
        "pk": KEY[0],
        "sk": KEY[1],
        "b": "AAE=",
        "s": ["Ag=="],
        "l": ["Aw=="],
    }


def test_a_tombstone_of_a_mend_expires_by_the_time_of_the_read(client, made):
    sink = DynamoDbSink("copy", client=client)
    verdict(sink, made.put(KEY))
    (held,) = sink.look_up([key_of(KEY)])
    assert [one.kind for one in sink.mend([mend_of(KEY, held.token)])] == [Kind.APPLIED]
    expires = {"N": str(int(NOW_S) + 8 * 24 * 60 * 60)}
    assert stored(client) == [
        key_of(KEY) | {"_tok": {"S": held.token}, "_deleted": {"BOOL": True}, "_expires": expires}
    ]


def test_a_tombstone_that_the_tables_ttl_purged_since_is_overtaken(client, made):
    sink = DynamoDbSink("copy", client=client)
    sink.apply([ChangeRecord(made.put(KEY)), ChangeRecord(made.delete(KEY))])
    (held,) = sink.look_up([key_of(KEY)])
    client.delete_item(TableName="copy", Key=key_of(KEY))
    assert sink.mend([mend_of(KEY, held.token, n={"N": "1"})]) == [OVERTAKEN] and stored(client) == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (refusal("ThrottlingException"), Kind.RETRYABLE),
        (refusal("InternalServerError", 500), Kind.RETRYABLE),
        (ReadTimeoutError(endpoint_url="http://table"), Kind.RETRYABLE),
        (refusal("ValidationException"), Kind.POISON),
    ],
    ids=lambda one: str(one) if isinstance(one, Exception) else one.value,
)
def test_a_mend_that_fails_is_judged_as_a_change_and_fails_alone(client, fault, kind):
    def put_item(**request):
        if request["Item"]["pk"]["S"] == KEY[0]:
            raise fault
        return client.put_item(**request)

    sink = DynamoDbSink("copy", client=Between(client, put_item=put_item))
    told = sink.mend([mend_of(KEY, None, n={"N": "1"}), mend_of(KEYS[4], None, n={"N": "1"})])
    assert [one.kind for one in told] == [kind, Kind.APPLIED] and "dynamodb:copy" in told[0].reason


def test_a_mend_whose_answer_is_lost_writes_the_same_again(client, made):
    verdict(DynamoDbSink("copy", client=client), made.put(KEY, n={"N": "1"}))
    lost = [ReadTimeoutError(endpoint_url="http://table")]

    def put_item(**request):
        client.put_item(**request)
        if lost:
            raise lost.pop()

    sink = DynamoDbSink("copy", client=Between(client, put_item=put_item))
    mend = mend_of(KEY, sink.look_up([key_of(KEY)])[0].token, n={"N": "2"})
    assert [one.kind for one in sink.mend([mend]) + sink.mend([mend])] == [Kind.RETRYABLE, Kind.APPLIED]
    assert sink.look_up([key_of(KEY)])[0].item["n"] == 2


def test_an_image_with_a_guards_name_is_poison_in_a_mend_too(client):
    sink = DynamoDbSink("copy", client=client)
    told = sink.mend([mend_of(KEY, None, _tok={"S": "mine"}), mend_of(KEYS[3], None, n={"N": "1"})])
    assert [one.kind for one in told] == [Kind.POISON, Kind.APPLIED] and "without=_tok" in told[0].reason
