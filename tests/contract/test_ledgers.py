"""One suite over every ledger: an effect that adds up happens once for each change, whatever is replayed or crashes."""

from __future__ import annotations

import random
import sqlite3
import threading
import uuid
from contextlib import closing
from dataclasses import dataclass

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

import afterbay
from afterbay.core.change.record import ChangeRecord
from afterbay.errors import ConflictError, SettingsError, ThrottledError, UnavailableError
from afterbay.sinks.ledgers.dynamodb import ITEMS_MAX, TRIES_MAX, DynamoDbLedger
from afterbay.sinks.ledgers.postgres import PostgresLedger
from afterbay.sinks.ledgers.sqlite import SqliteLedger
from contract.histories import KEYS, History
from servers import server_url


class Crash(Exception):
    """What kills the function between the effect and the end of its block."""


def opened(totals, address):
    totals.opened.append(afterbay.ledger(address))
    return totals.opened[-1]


@dataclass
class SqliteTotals:
    """A running total beside a ledger, both in one store."""

    file: str

    def __post_init__(self):
        self.opened = []
        self.ledger = self.again()
        with sqlite3.connect(self.file) as database:
            database.execute("CREATE TABLE totals (name TEXT PRIMARY KEY, total INTEGER)")
            database.execute("INSERT INTO totals VALUES ('all', 0)")
        database.close()

    def again(self):
        return opened(self, f"sqlite:///{self.file}?table=done")

    def add(self, transaction, amount):
        transaction.execute("UPDATE totals SET total = total + ?", (amount,))

    def total(self):
        database = sqlite3.connect(self.file)
        ((total,),) = database.execute("SELECT total FROM totals").fetchall()
        database.close()
        return total


@dataclass
class PostgresTotals:
    url: str

    def __post_init__(self):
        self.name = f"t{uuid.uuid4().hex}"
        self.opened = []
        self.ledger = self.again()
        with psycopg.connect(self.url, autocommit=True) as session:
            session.execute(f"CREATE TABLE {self.name} (total int)")
            session.execute(f"INSERT INTO {self.name} VALUES (0)")

    def again(self):
        return opened(self, f"{self.url}?table={self.name}_done")

    def add(self, transaction, amount):
        transaction.execute(f"UPDATE {self.name} SET total = total + %s", (amount,))

    def total(self):
        with psycopg.connect(self.url) as session:
            return session.execute(f"SELECT total FROM {self.name}").fetchone()[0]


class DynamoDbTotals:
    def __init__(self):
        self.client = boto3.client("dynamodb", region_name="eu-west-1")
        for name, key in (("done", "_key"), ("totals", "name")):
            self.client.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        self.opened = []
        self.ledger = self.again()

    def again(self):
        return opened(self, "dynamodb://done?region=eu-west-1")

    def add(self, transaction, amount):
        transaction.update(
            TableName="totals",
            Key={"name": {"S": "all"}},
            UpdateExpression="ADD #total :amount",
            ExpressionAttributeNames={"#total": "total"},
            ExpressionAttributeValues={":amount": {"N": str(amount)}},
        )

    def total(self):
        item = self.client.get_item(TableName="totals", Key={"name": {"S": "all"}}, ConsistentRead=True).get("Item")
        return int(item["total"]["N"]) if item else 0


@pytest.fixture
def moto_totals(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield DynamoDbTotals()


@pytest.fixture(params=["sqlite", "postgres", "dynamodb"])
def totals(request, tmp_path):
    match request.param:
        case "sqlite":
            made = SqliteTotals(str(tmp_path / "totals.db"))
        case "postgres":
            made = PostgresTotals(server_url("postgres"))
        case "dynamodb":
            made = request.getfixturevalue("moto_totals")
    yield made
    for ledger in made.opened:
        ledger.close()


@pytest.fixture
def records():
    """Forty orders, several for each key, over the stream's restart with lower numbers."""
    made = History(random.Random(1))
    for number in range(40):
        if number == 20:
            made.enable_again()
        made.put(KEYS[number % len(KEYS)], amount={"N": str(number + 1)})
    return made.records


def amount(record):
    return int(record["dynamodb"]["NewImage"]["amount"]["N"])


def count(totals, record, ledger=None, *, crash=False):
    """Whether the block saw that there is something to do."""
    change = ChangeRecord(record)
    with afterbay.once(change, ledger or totals.ledger) as transaction:
        if transaction is not None:
            totals.add(transaction, change.new["amount"])
        if crash:
            raise Crash
    return transaction is not None


def test_replays_in_any_order_count_once(totals, records):
    rng = random.Random(2)
    sent = records + rng.sample(records, 20) + records[:10]
    for record in rng.sample(sent, len(sent)):
        count(totals, record)
    assert totals.total() == sum(map(amount, records))


def test_a_change_that_comes_after_newer_ones_of_its_item_counts_too(totals, records):
    """A guard by the newest token would call it stale; a total has to have it."""
    for record in reversed(records):
        count(totals, record)
    assert totals.total() == sum(map(amount, records))


def test_a_crash_before_the_end_leaves_nothing_and_the_retry_counts(totals, records):
    """Both before and after the effect was asked for: the running total is exact."""
    for place, record in enumerate(records):
        if place % 3 == 0:
            before = totals.total()
            with pytest.raises(Crash):
                count(totals, record, crash=True)
            assert totals.total() == before
        count(totals, record)
    assert totals.total() == sum(map(amount, records))


def test_rows_outlive_the_ledger_object(totals, records):
    count(totals, records[0])
    totals.ledger.close()
    count(totals, records[0], totals.again())
    assert totals.total() == amount(records[0])


@pytest.mark.parametrize("totals", ["sqlite", "postgres"], indirect=True)  # moto's cancelled transactions undo others'
def test_two_at_once_count_once(totals, records):
    """Two workers have the same batch: a shard that moved, a visibility time-out."""
    ledgers = [totals.ledger, totals.again()]
    failed = []

    def work(ledger):
        try:
            for record in records[:15]:
                count(totals, record, ledger)
        except Exception as fault:  # noqa: BLE001 # shown by the assertion
            failed.append(fault)

    threads = [threading.Thread(target=work, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == [] and totals.total() == sum(map(amount, records[:15]))


def test_two_blocks_of_one_change_that_overlap_count_once_in_dynamodb(moto_totals, records):
    change = ChangeRecord(records[0])
    with afterbay.once(change, moto_totals.ledger) as slow:
        moto_totals.add(slow, amount(records[0]))
        count(moto_totals, records[0], moto_totals.again())
    assert moto_totals.total() == amount(records[0])


def test_an_effect_outside_has_its_intent_first_and_one_key_for_all_tries(totals, records):
    change = ChangeRecord(records[0])
    with pytest.raises(Crash), afterbay.once(change, totals.ledger, external=True) as first:
        assert not first.again
        raise Crash
    with afterbay.once(change, totals.again(), external=True) as second:
        assert second.again and second.key == first.key and second.key.endswith(change.token)
    with afterbay.once(change, totals.again(), external=True) as third:
        assert third is None
    with afterbay.once(ChangeRecord(records[1]), totals.ledger, external=True) as other:
        assert not other.again and other.key != first.key


def test_e_mails_sent_twice_are_told_apart_by_their_key(totals, records):
    """A crash after the e-mail and before the note: the second try has the key of the first."""
    sent = {}

    def send(record, *, crash):
        with afterbay.once(ChangeRecord(record), totals.ledger, external=True) as intent:
            if intent:
                sent.setdefault(intent.key, record)  # what a provider with idempotency keys does
            if crash:
                raise Crash

    for record in records[:10]:
        with pytest.raises(Crash):
            send(record, crash=True)
        send(record, crash=False)
        send(record, crash=False)
    assert len(sent) == 10


def test_rows_are_purged_when_no_replay_can_come_any_more(records):
    """In SQL by the ledger itself; in DynamoDB by the table's TTL, whose attribute is written."""
    ledger = afterbay.ledger(f"{server_url('postgres')}?table=t{uuid.uuid4().hex}")
    late = {
        **records[1],
        "dynamodb": {**records[1]["dynamodb"], "ApproximateCreationDateTime": 1767607872.0 + 9 * 86400},
    }
    for record in (records[0], late):
        with afterbay.once(ChangeRecord(record), ledger):
            pass
    with afterbay.once(ChangeRecord(records[2]), ledger) as session:
        assert session.execute(f"SELECT count(*) FROM {ledger._table}").fetchone() == (2,)
    ledger.close()


def test_a_connection_of_the_callers_own_is_used_and_left_to_its_owner(tmp_path, records):
    connection = sqlite3.connect(tmp_path / "own.db")
    connection.row_factory = sqlite3.Row
    connection.execute("CREATE TABLE totals (total INTEGER)")
    ledger = SqliteLedger(connection)
    with afterbay.once(ChangeRecord(records[0]), ledger) as given:
        assert given is connection
        given.execute("INSERT INTO totals VALUES (1)")
    ledger.close()
    assert connection.execute("SELECT total FROM totals").fetchone()["total"] == 1
    connection.close()


def test_postgresqls_own_connection_too(records):
    with psycopg.connect(server_url("postgres")) as connection:
        ledger = PostgresLedger(connection, f"t{uuid.uuid4().hex}")
        with afterbay.once(ChangeRecord(records[0]), ledger) as given:
            assert given is connection
        with afterbay.once(ChangeRecord(records[0]), ledger) as given:
            assert given is None
        ledger.close()
        connection.execute("SELECT 1")
        with pytest.raises(SettingsError, match="open already"), afterbay.once(ChangeRecord(records[1]), ledger):
            pass


def test_a_file_that_could_not_be_opened_is_opened_anew(tmp_path, records):
    """It was written to all the same: into what had been there, without waiting for others."""
    file = tmp_path / "own.db"
    file.write_text("Dear all\n" * 100)
    ledger = afterbay.ledger(f"sqlite:///{file}?table=done")
    with pytest.raises(UnavailableError, match="SQLITE_NOTADB"), afterbay.once(ChangeRecord(records[0]), ledger):
        pass
    file.unlink()
    with afterbay.once(ChangeRecord(records[0]), ledger) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    ledger.close()
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT count(*) FROM done").fetchone() == (1,)


def test_a_transaction_that_the_block_ends_itself_is_told(tmp_path, records):
    ledger = afterbay.ledger(f"sqlite:///{tmp_path}/own.db?table=done")
    with (
        pytest.raises(SettingsError, match="ended inside"),
        afterbay.once(ChangeRecord(records[0]), ledger) as database,
    ):
        database.executescript("CREATE TABLE totals (total INTEGER)")
    ledger.close()


def test_a_ledger_within_a_ledger_is_told(tmp_path, records):
    ledger = afterbay.ledger(f"sqlite:///{tmp_path}/own.db?table=done")
    first, second = map(ChangeRecord, records[:2])
    with (
        pytest.raises(SettingsError, match="open already"),
        afterbay.once(first, ledger),
        afterbay.once(second, ledger),
    ):
        pass
    ledger.close()


def test_a_fault_of_the_blocks_own_statement_leaves_as_it_came(totals, records):
    change = ChangeRecord(records[0])
    if isinstance(totals, DynamoDbTotals):
        wrong = {"TableName": "totals", "Key": {"name": {"S": "all"}}, "ConditionExpression": "attribute_exists(total)"}
        with pytest.raises(ConflictError, match="write 2 of the block"), afterbay.once(change, totals.ledger) as given:
            totals.add(given, 1)
            given.check(
                **wrong | {"Key": {"name": {"S": "other"}}, "ConditionExpression": "attribute_exists(#n)"},
                ExpressionAttributeNames={"#n": "name"},
            )
    else:
        with (
            pytest.raises((sqlite3.Error, psycopg.Error), match="nowhere"),
            afterbay.once(change, totals.ledger) as transaction,
        ):
            transaction.execute("UPDATE nowhere SET total = 1")
    assert count(totals, records[0])
    assert totals.total() == amount(records[0])


def test_a_server_that_is_away_is_unavailable(records):
    ledger = afterbay.ledger("postgresql://user:secret@127.0.0.1:9/db?table=done")
    with pytest.raises(UnavailableError) as told, afterbay.once(ChangeRecord(records[0]), ledger):
        pass
    assert "secret" not in f"{told.value}{ledger}"


def test_a_session_that_was_cut_is_made_again(records):
    url = server_url("postgres")
    ledger = afterbay.ledger(f"{url}?table=t{uuid.uuid4().hex}")
    first, second = map(ChangeRecord, records[:2])
    with (
        pytest.raises(UnavailableError),
        psycopg.connect(url, autocommit=True) as other,
        afterbay.once(first, ledger) as session,
    ):
        other.execute("SELECT pg_terminate_backend(%s)", (session.info.backend_pid,))
    for change in (first, second):
        with afterbay.once(change, ledger) as session:
            assert session is not None
    ledger.close()


class Cancelled:
    """A client whose transactions are cancelled for these reasons, one after the other, and then go through."""

    def __init__(self, *reasons):
        self.reasons = list(reasons)
        self.calls = 0

    def transact_write_items(self, **_):
        self.calls += 1
        if self.reasons:
            told = {
                "Error": {"Code": "TransactionCanceledException", "Message": "x"},
                "CancellationReasons": self.reasons.pop(0),
            }
            raise ClientError(told, "TransactWriteItems")


def told(*codes):
    return [{"Code": code} for code in codes]


def test_a_transaction_that_met_another_one_is_tried_again(records):
    client = Cancelled(told("None", "TransactionConflict"), told("ThrottlingError", "None"))
    with afterbay.once(ChangeRecord(records[0]), DynamoDbLedger("done", client=client, pause_s=0)):
        pass
    assert client.calls == 3


def test_it_is_not_tried_for_ever(records):
    client = Cancelled(*[told("TransactionConflict")] * 99)
    ledger = DynamoDbLedger("done", client=client, pause_s=0)
    with pytest.raises(ThrottledError), afterbay.once(ChangeRecord(records[0]), ledger):
        pass
    assert client.calls == TRIES_MAX


def test_done_before_is_success_whatever_else_the_answer_says(records):
    client = Cancelled(told("ConditionalCheckFailed", "ConditionalCheckFailed"))
    with afterbay.once(ChangeRecord(records[0]), DynamoDbLedger("done", client=client)):
        pass
    assert client.calls == 1


def test_a_block_has_a_bounded_number_of_writes(records):
    ledger = DynamoDbLedger("done", client=Cancelled())
    with pytest.raises(SettingsError, match="at most"), afterbay.once(ChangeRecord(records[0]), ledger) as given:
        for _ in range(ITEMS_MAX + 1):
            given.delete(TableName="t", Key={})


@pytest.mark.parametrize("address", ["memory:x", "sqlite:///f.db?table=t&ttl=mirror", "dynamodb://done?without=a"])
def test_what_is_no_ledger_is_refused(address):
    with pytest.raises(SettingsError):
        afterbay.ledger(address)
