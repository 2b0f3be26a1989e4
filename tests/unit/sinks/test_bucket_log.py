"""The S3 change log against a bucket's own answers: names, forms, faults, and a compactor that dies. moto."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.errors import NotFoundError, RecordError, SettingsError, UnavailableError
from afterbay.sinks.bucket import Bucket
from afterbay.sinks.bucket_log import BucketLogSink
from afterbay.sinks.bucket_read import compact
from afterbay.sinks.bucket_rows import LogRow, decode, log_format, object_name, partition
from afterbay.sinks.options import Expiry, SinkOptions
from contract.histories import KEYS
from contract.sink_suite import live
from unit.sinks.between import Between

KEY = KEYS[2]
DAY = {"table": "orders", "date": "2026-01-05"}
GONE = ReadTimeoutError(endpoint_url="http://bucket")


@pytest.fixture
def client(s3):
    return s3


def log_of(client, **settings):
    settings.setdefault("written", log_format("jsonl", "none"))
    return BucketLogSink("copy", "p", client=client, **settings)


def write(sink, *records):
    return [one.kind for one in sink.apply([ChangeRecord(record) for record in records])]


def objects(client):
    return [one["Key"][2:] for one in client.list_objects_v2(Bucket="copy").get("Contents", [])]


def lines(client):
    return [
        json.loads(line)
        for name in objects(client)
        for line in client.get_object(Bucket="copy", Key=f"p/{name}")["Body"].read().splitlines()
    ]


def row(token="1" * 64, key="k", **members):
    members = {
        "kind": "INSERT",
        "created": "2026-01-05T10:11:12.345Z",
        "old_json": None,
        "new_json": '{"n":1}',
    } | members
    return LogRow(key, token, **members)


# ---- rows and names


@pytest.mark.parametrize("written", [(), ("jsonl", "none"), ("jsonl", "zstd"), ("parquet",), ("parquet", "gzip")])
def test_rows_come_back_as_they_were(written):
    digits = '{"n":12345678901234567890.123456789,"t":"é\\u2028\\n"}'
    rows = [row(), row(key='{"pk":{"S":"\\" \u2028"}}', kind="MODIFY", old_json=digits, new_json=digits)]
    rows.append(row(kind="REMOVE", old_json="{}", new_json=None))
    form = log_format(*written)
    assert list(decode(f"x{form.suffix}", form.encode(rows))) == rows
    assert form.encode(rows) == form.encode(rows), "the same bytes at any time"


@pytest.mark.parametrize(("name", "compression"), [("avro", None), ("jsonl", "lz4")])
def test_a_format_that_there_is_not_is_refused(name, compression):
    with pytest.raises(SettingsError, match=name):
        log_format(name, compression)


def test_a_line_that_is_no_change_is_an_error():
    with pytest.raises(RecordError, match="no change"):
        list(decode("x.jsonl", b'{"key":"k"}\n'))


def test_a_name_holds_the_first_and_the_last_token_and_depends_on_every_change():
    low, high = "2026-01-05T10:11:12.345/" + "1" * 40, "2026-01-05T10:11:12.345/" + "2" * 40
    both = [row(low), row(high)]
    name = object_name(both, ".jsonl")
    assert name.startswith(f"changes-2026-01-05T101112.345_{'1' * 40}-2026-01-05T101112.345_{'2' * 40}-")
    assert name == object_name(both[::-1], ".jsonl") and ":" not in name and len(name) < 255
    between = row("2026-01-05T10:11:12.345/" + "1" * 39 + "2")
    assert object_name([*both, between], ".jsonl") != name != object_name([row(low, key="l"), row(high)], ".jsonl")


def test_a_row_is_in_the_folder_of_its_table_and_day():
    assert partition("orders-2.x", row()) == "table=orders-2.x/date=2026-01-05/"


def test_a_row_shows_the_change(client, made):
    write(log_of(client), made.put(KEY, n={"N": "1.50"}), made.put(KEY, raw={"B": "AQID"}), made.delete(KEY))
    first, second, gone = lines(client)
    key = {"pk": KEY[0], "sk": KEY[1]}
    assert list(first) == ["key", "token", "kind", "created", "old", "new"]
    assert (first["kind"], first["old"], first["new"]) == ("INSERT", None, key | {"n": 1.5})
    assert (second["kind"], second["old"], second["new"]) == ("MODIFY", first["new"], key | {"raw": "AQID"})
    assert (gone["kind"], gone["old"], gone["new"]) == ("REMOVE", second["new"], None)
    assert json.loads(gone["key"]) == {"pk": {"S": KEY[0]}, "sk": {"S": KEY[1]}}
    assert gone["created"] == "2026-01-05T10:11:12.000Z" and gone["token"] == ChangeRecord(made.records[2]).token


def test_both_images_are_projected(client, made):
    sink = log_of(client, options=SinkOptions(without=frozenset({"card"})))
    write(sink, made.put(KEY, card={"S": "secret"}), made.put(KEY, card={"S": "secret"}))
    assert "secret" not in json.dumps(lines(client)) and len(lines(client)) == 2


def test_an_expiry_that_is_skipped_is_a_row_that_says_so(client, made):
    put, expiry = made.put(KEY), made.expire(KEY, mirrored=False)
    assert write(log_of(client), put, expiry) == [Kind.APPLIED, Kind.SKIPPED]
    assert [one["kind"] for one in lines(client)] == ["INSERT", "EXPIRE"] and live(log_of(client)) == made.expected()
    mirrored = log_of(client, options=SinkOptions(ttl=Expiry.MIRROR))
    assert write(mirrored, put, expiry) == [Kind.APPLIED, Kind.APPLIED]
    assert [one["kind"] for one in lines(client)] == ["INSERT", "REMOVE"] and live(mirrored) == {}


# ---- writing


def test_a_batch_over_midnight_and_of_two_tables_is_an_object_for_each(client, made):
    records = [made.put(KEY), made.put(KEYS[3]), made.put(KEYS[4])]
    records[1]["dynamodb"]["ApproximateCreationDateTime"] += 86400
    records[2]["eventSourceARN"] = records[2]["eventSourceARN"].replace("table/orders", "table/carts")
    assert write(log_of(client), *records) == [Kind.APPLIED] * 3
    assert [name.rpartition("/")[0] for name in objects(client)] == [
        "table=carts/date=2026-01-05",
        "table=orders/date=2026-01-05",
        "table=orders/date=2026-01-06",
    ]
    assert len(list(log_of(client).read_log(table="orders"))) == 2
    assert len(list(log_of(client).read_log(date="2026-01-05"))) == 2


def test_a_change_twice_in_a_batch_is_one_row(client, made):
    record = made.put(KEY)
    assert write(log_of(client), record, record) == [Kind.APPLIED, Kind.DUPLICATE]
    assert len(lines(client)) == 1


@pytest.mark.parametrize(("code", "kind"), [("SlowDown", Kind.RETRYABLE), ("EntityTooLarge", Kind.POISON)])
def test_an_object_that_fails_fails_its_own_rows_alone(client, made, code, kind):
    records = [made.put(KEY), made.put(KEYS[3]), made.put(KEY)]
    records[1]["dynamodb"]["ApproximateCreationDateTime"] += 86400

    def put_object(**request):
        if "date=2026-01-05" in request["Key"]:
            raise ClientError({"Error": {"Code": code, "Message": "said so"}}, "PutObject")
        return client.put_object(**request)

    sink = log_of(Between(client, put_object=put_object))
    assert write(sink, records[0], records[1], records[2], records[0]) == [kind, Kind.APPLIED, kind, kind]
    assert "date=2026-01-06" in objects(client)[0] and len(objects(client)) == 1
    sink.close()


def test_a_broken_old_image_is_poison(client, made):
    made.put(KEY)
    record = made.put(KEY)
    record["dynamodb"]["OldImage"] = {"n": {"N": "many"}}
    (told,) = log_of(client).apply([ChangeRecord(record)])
    assert told.kind is Kind.POISON and "OldImage" in told.reason and objects(client) == []


def test_a_missing_bucket_is_retryable_and_named(client, made):
    sink = BucketLogSink("elsewhere", "p", client=client)
    (told,) = sink.apply([ChangeRecord(made.put(KEY))])
    assert told.kind is Kind.RETRYABLE and "NoSuchBucket" in told.reason and "s3:elsewhere/p" in told.reason
    with pytest.raises(NotFoundError, match="elsewhere"):
        list(sink.read_log())


# ---- compacting


def filled(client, made, batches=4):
    sink = log_of(client)
    for number in range(batches):
        write(sink, made.put(KEY, n={"N": str(number)}), made.put(KEYS[3], n={"N": str(number)}))
    return sink


def tokens(sink):
    return sorted((one.key, one.token) for one in sink.read_log())


@pytest.mark.parametrize("deleted", [0, 1, 3])
def test_a_compactor_that_dies_midway_loses_nothing_and_the_next_one_ends_it(client, made, deleted):
    sink = filled(client, made)
    before, calls = tokens(sink), []

    def delete_object(**request):
        calls.append(request)
        if len(calls) > deleted:
            raise GONE
        return client.delete_object(**request)

    with pytest.raises(UnavailableError):
        log_of(Between(client, delete_object=delete_object)).compact(**DAY)
    assert len(objects(client)) == 5 - deleted and tokens(sink) == before and live(sink) == made.expected()
    told = sink.compact(**DAY)
    assert (told.rows, told.repeated) == (8, 8 - 2 * deleted)
    assert len(objects(client)) == 1 and tokens(sink) == before and live(sink) == made.expected()


def test_a_compactor_that_dies_while_it_writes_takes_nothing_away(client, made):
    filled(client, made)

    def put_object(**_):
        raise GONE

    names = objects(client)
    with pytest.raises(UnavailableError):
        log_of(Between(client, put_object=put_object)).compact(**DAY)
    assert objects(client) == names


def test_two_compactors_at_once_lose_nothing(client, made):
    sink = filled(client, made)
    before, first = tokens(sink), []

    def put_object(**request):
        answer = client.put_object(**request)
        if not first:
            first.append(1)
            filled(client, made, 1)
            sink.compact(**DAY)
        return answer

    log_of(Between(client, put_object=put_object)).compact(**DAY)
    assert set(before) < set(tokens(sink)) and len(tokens(sink)) == 10
    sink.compact(**DAY)
    assert len(objects(client)) == 1 and len(tokens(sink)) == 10


def test_an_object_written_anew_while_it_is_compacted_stays(client, made):
    sink = filled(client, made, 2)
    name = objects(client)[0]

    def put_object(**request):
        answer = client.put_object(**request)
        client.put_object(Bucket="copy", Key=f"p/{name}", Body=b"")
        return answer

    log_of(Between(client, put_object=put_object)).compact(**DAY)
    assert name in objects(client) and len(objects(client)) == 2 and len(tokens(sink)) == 4


def test_a_reader_finds_what_a_compactor_moves_meanwhile(client, made):
    sink = filled(client, made)
    before, calls = tokens(sink), []

    def get_object(**request):
        calls.append(1)
        if len(calls) == 2:
            sink.compact(**DAY)
        return client.get_object(**request)

    assert tokens(log_of(Between(client, get_object=get_object))) == before


def test_large_partitions_are_compacted_in_groups(client, made):
    sink = filled(client, made)
    before = tokens(sink)
    size = max(one["Size"] for one in client.list_objects_v2(Bucket="copy")["Contents"])
    told = compact(Bucket("copy", "p", client=client), log_format("jsonl", "none"), group_bytes=2 * size, **DAY)
    assert (told.read, told.written, len(objects(client))) == (4, 2, 2) and tokens(sink) == before


def test_other_objects_beside_a_log_are_left_alone(client, made):
    sink = filled(client, made, 1)
    for name in ("_SUCCESS", "table=orders/readme.txt", "table=orders/date=2026-01-05/notes.txt"):
        client.put_object(Bucket="copy", Key=f"p/{name}", Body=b"x")
    sink.compact(**DAY)
    assert len(tokens(sink)) == 2 and len(objects(client)) == 4


def test_an_empty_log_has_no_items_and_nothing_to_compact(client):
    assert live(log_of(client)) == {} and log_of(client).compact(**DAY).read == 0
