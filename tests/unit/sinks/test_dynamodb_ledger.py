"""The DynamoDB sink with its tokens in a second table: items as the source has them, real deletes, and each reason."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import LOWEST_TOKEN, Kind
from afterbay.errors import SettingsError
from afterbay.sinks.dynamodb import RACES_MAX, DynamoDbSink
from afterbay.sinks.mending import NO_TOKEN, OVERTAKEN, Held, Mend
from contract.histories import KEYS
from contract.moto_tables import make_tokens_table

KEY = KEYS[2]


@pytest.fixture
def client(dynamodb):
    make_tokens_table()
    return dynamodb


def ledger_sink(client):
    return DynamoDbSink("copy", ledger="tokens", client=client)


def verdict(sink, record):
    (one,) = sink.apply([ChangeRecord(record)])
    return one


def rows(client, table):
    return client.scan(TableName=table, ConsistentRead=True)["Items"]


def test_items_have_no_attribute_of_ours_and_may_have_any_of_their_own(client, made):
    """E11 has nothing to refuse here."""
    record = made.put(KEY, _tok={"S": "mine"}, _deleted={"BOOL": True}, raw={"B": "AQI="})
    assert verdict(ledger_sink(client), record).kind is Kind.APPLIED
    assert rows(client, "copy") == [record["dynamodb"]["NewImage"] | {"raw": {"B": b"\x01\x02"}}]
    assert [one.item["_tok"] for one in ledger_sink(client).read_live()] == ["mine"]


def test_a_delete_is_one_and_its_token_stays_with_a_time_to_live(client, made):
    put, gone = made.put(KEY), made.delete(KEY)
    sink = ledger_sink(client)
    assert [one.kind for one in sink.apply([ChangeRecord(put), ChangeRecord(gone)])] == [Kind.APPLIED] * 2
    assert rows(client, "copy") == []
    (row,) = rows(client, "tokens")
    assert row["_tok"] == {"S": ChangeRecord(gone).token} and set(row) == {"_key", "_tok", "_deleted", "_expires"}
    assert verdict(sink, put).kind is Kind.STALE and rows(client, "copy") == []
    assert verdict(sink, made.put(KEY)).kind is Kind.APPLIED
    (row,) = rows(client, "tokens")
    assert set(row) == {"_key", "_tok"}, "the token of a live item never expires"


def test_a_key_too_long_for_a_ledgers_key_is_hashed(client, made):
    for last in "ab":
        made.put(("k" * 1500, "s" * 900 + last))
    assert [one.kind for one in ledger_sink(client).apply(made.changes)] == [Kind.APPLIED] * 2
    assert sorted(len(row["_key"]["S"]) for row in rows(client, "tokens")) == [64, 64]


def cancelled(*codes):
    reasons = [{"Code": code} for code in codes]
    told = {"Error": {"Code": "TransactionCanceledException", "Message": "x"}, "CancellationReasons": reasons}
    return ClientError(told, "TransactWriteItems")


class Refusing:
    """A client whose transactions meet these faults, one after the other, and then go through."""

    def __init__(self, client, *faults):
        self._client = client
        self.faults = list(faults)

    def __getattr__(self, name):
        return getattr(self._client, name)

    def transact_write_items(self, **request):
        if self.faults:
            raise self.faults.pop(0)
        return self._client.transact_write_items(**request)


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (("None", "ValidationError"), Kind.POISON),
        (("None", "ItemCollectionSizeLimitExceeded"), Kind.POISON),
        (("ProvisionedThroughputExceeded", "None"), Kind.RETRYABLE),
        (("None", "ThrottlingError"), Kind.RETRYABLE),
        ((), Kind.RETRYABLE),
    ],
)
def test_each_reason_of_a_cancelled_transaction_is_judged(client, made, codes, kind):
    told = verdict(ledger_sink(Refusing(client, cancelled(*codes))), made.put(KEY))
    assert told.kind is kind and all(code in told.reason for code in codes if code != "None")
    assert rows(client, "copy") == rows(client, "tokens") == []


def test_a_conflict_with_another_transaction_passes(client, made):
    conflict = [cancelled("TransactionConflict", "None")]
    assert verdict(ledger_sink(Refusing(client, *conflict)), made.put(KEY)).kind is Kind.APPLIED
    stuck = Refusing(client, *conflict * RACES_MAX)
    assert verdict(ledger_sink(stuck), made.put(KEY)).kind is Kind.RETRYABLE


def test_a_refusal_that_sends_no_row_is_followed_by_a_look(client, made):
    old, new = made.put(KEY), made.put(KEY)
    verdict(ledger_sink(client), new)
    assert verdict(ledger_sink(Refusing(client, cancelled("ConditionalCheckFailed", "None"))), old).kind is Kind.STALE


def test_an_answer_that_was_lost_is_told_duplicate_by_the_retry(client, made):
    """The SDK's own second try meets what its first one wrote."""
    record = made.put(KEY)
    assert [verdict(ledger_sink(client), record).kind for _ in range(2)] == [Kind.APPLIED, Kind.DUPLICATE]


def test_a_token_of_another_form_is_a_clear_error(client, made):
    record = made.put(KEY)
    verdict(ledger_sink(client), record)
    (row,) = rows(client, "tokens")
    client.put_item(TableName="tokens", Item=row | {"_tok": {"S": "7"}})
    with pytest.raises(SettingsError, match="another form"):
        verdict(ledger_sink(client), record)


# ---- single items looked up and mended (E14)

NOW_S = 1_767_700_000.0


def key_of(key):
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def mend_of(key, seen, **attributes):
    """Without attributes: the item is gone."""
    return Mend(key_of(key), {**key_of(key), **attributes} if attributes else None, seen, NOW_S)


def test_a_mend_writes_or_deletes_the_item_and_its_row_says_so(client, made):
    sink, other = ledger_sink(client), KEYS[4]
    sink.apply([ChangeRecord(one) for one in (made.put(KEY), made.put(other), made.delete(other))])
    kept, gone = (one.token for one in sink.look_up([key_of(KEY), key_of(other)]))
    told = sink.mend([mend_of(KEY, kept), mend_of(other, gone, _tok={"S": "mine"})])
    assert [one.kind for one in told] == [Kind.APPLIED] * 2
    assert rows(client, "copy") == [key_of(other) | {"_tok": {"S": "mine"}}]
    tombstone, row = sorted(rows(client, "tokens"), key=len, reverse=True)
    assert set(row) == {"_key", "_tok"} and row["_tok"] == {"S": gone}
    assert set(tombstone) == {"_key", "_tok", "_deleted", "_expires"} and tombstone["_tok"] == {"S": kept}
    assert tombstone["_expires"] == {"N": str(int(NOW_S) + 8 * 24 * 60 * 60)}


def test_an_item_without_a_row_is_seen_and_can_be_mended_once_and_for_all(client):
    for key in (KEY, KEYS[4]):
        client.put_item(TableName="copy", Item=key_of(key))
    sink, keys = ledger_sink(client), [key_of(KEY), key_of(KEYS[4])]
    assert sink.look_up(keys) == [Held(NO_TOKEN, {"pk": key[0], "sk": key[1]}) for key in (KEY, KEYS[4])]
    mends = [mend_of(KEY, NO_TOKEN, n={"N": "1"}), mend_of(KEYS[4], NO_TOKEN)]
    assert [one.kind for one in sink.mend(mends)] == [Kind.APPLIED] * 2
    assert sink.mend(mends) == [OVERTAKEN] * 2
    assert [one.token for one in sink.look_up(keys)] == [LOWEST_TOKEN] * 2
    assert rows(client, "copy") == [key_of(KEY) | {"n": {"N": "1"}}]


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (("None", "ValidationError"), Kind.POISON),
        (("ProvisionedThroughputExceeded", "None"), Kind.RETRYABLE),
        (("ConditionalCheckFailed", "None"), Kind.STALE),
        ((), Kind.RETRYABLE),
    ],
)
def test_each_reason_of_a_mends_cancelled_transaction_is_judged(client, codes, kind):
    (told,) = ledger_sink(Refusing(client, cancelled(*codes))).mend([mend_of(KEY, None, n={"N": "1"})])
    assert told.kind is kind and rows(client, "copy") == rows(client, "tokens") == []


def test_a_mend_in_conflict_with_another_transaction_passes_or_is_retryable(client):
    conflict = cancelled("TransactionConflict", "None")
    mend = mend_of(KEY, None, n={"N": "1"})
    (told,) = ledger_sink(Refusing(client, *[conflict] * RACES_MAX)).mend([mend])
    assert told.kind is Kind.RETRYABLE
    assert [one.kind for one in ledger_sink(Refusing(client, conflict, conflict)).mend([mend])] == [Kind.APPLIED]
