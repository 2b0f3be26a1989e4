"""Sink addresses: what each means, and what is refused, by name and without secrets."""

import pytest

from afterbay.errors import SettingsError
from afterbay.sinks.address import parse_address, sink
from afterbay.sinks.options import Expiry
from afterbay.sinks.schemes.postgres import conninfo


def test_parts_are_decoded():
    parsed = parse_address("sqlite:////tmp/a%20b.db?table=orders&ttl=mirror&without=x%2Cy,z")
    assert (parsed.place, parsed.parameters) == ("/tmp/a b.db", {"table": "orders"})
    assert parsed.options.ttl is Expiry.MIRROR and parsed.options.without == {"x,y", "z"}


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("mongodb://u:secret@x/y", "mongodb"),
        ("postgresql://u:half/secret@h/db?table=t", "%2F"),
        ("postgresql://u:half?secret@h/db?table=t", "%3F"),
        ("postgresql://u:half%40secret@h/db?table=a.b.c", "a.b.c"),
        ("postgresql://u:secret@h/db?table=t;drop", "table name"),
        ("postgresql://h/db", "no table"),
        ("postgresql:h/db?table=t", "no server"),
        ("postgresql://h/db?table=t&options=x", "options"),
        ("s3://bucket/p", "mode"),
        ("s3://b/p?mode=sideways", "mode=sideways"),
        ("s3://bucket?mode=state", "prefix"),
        ("s3://bucket/a//b?mode=state", "prefix"),
        ("s3://bucket/a/..?mode=state", "prefix"),
        ("s3://bucket/a%5Cb?mode=state", "prefix"),
        (f"s3://bucket/{'p' * 256}?mode=state", "too long"),
        ("s3://u:secret@b/p?mode=state", "bucket"),
        ("s3:///p?mode=state", "bucket"),
        ("s3:bucket/p?mode=state", "bucket"),
        ("s3://bucket/p?mode=log&format=avro", "format=avro"),
        ("s3://bucket/p?mode=log&compression=lz4", "compression=lz4"),
        ("s3://bucket/p?mode=state&format=jsonl", "format is a parameter of mode=log"),
        ("s3://bucket/p?mode=state&endpoint_url=ftp%3A%2F%2Fu%3Asecret%40h", "endpoint_url"),
        ("delta:", "no table"),
        ("delta:///tmp/t", "one slash"),
        ("delta:gs://bucket/t", "folder or in a bucket"),
        ("delta:s3://u:secret@bucket/t", "folder or in a bucket"),
        ("delta:s3://bucket", "folder or in a bucket"),
        ("delta:t?table=x", "table"),
        ("iceberg:orders", "CATALOG/NAMESPACE.TABLE"),
        ("iceberg:lake/orders", "CATALOG/NAMESPACE.TABLE"),
        ("iceberg:sql://u:secret@h/shop.orders", "CATALOG/NAMESPACE.TABLE"),
        ("orders", "address"),
        ("sqlite:///f.db", "table"),
        ("sqlite:///f.db?table=a;b", "table"),
        ("sqlite:///:memory:?table=t", "memory:NAME"),
        ("dynamodb://u:secret@orders?where={}", "table name"),
        ("dynamodb://orders?where={}", "dynamodb:orders: where=: Empty objects are not allowed"),
        ("dynamodb://orders?ledger=l", "ledger"),
        ("memory:orders?ledger=tokens", "unknown parameter 'ledger'"),
        ("dynamodb://orders?ttl=x", "ttl"),
        ("dynamodb://u:secret@orders", "table name"),
        ("dynamodb://orders?region=a&region=b", "twice"),
        ("memory:a?fields=x&without=y", "exclude"),
        ("dynamodb://orders?endpoint_url=ftp%3A%2F%2Fu%3Asecret%40h", "endpoint_url"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_shown(address, word):
    with pytest.raises(SettingsError, match=word) as told:
        parse_address(address)
    assert "secret" not in str(told.value) and "half" not in str(told.value)


def test_a_ledger_is_a_second_table():
    with pytest.raises(SettingsError, match="ledger=orders is the sink's own table"):
        sink("dynamodb://orders?ledger=orders")


def test_the_text_of_a_postgresql_address_has_no_user_and_its_connection_has_all():
    parsed = parse_address("postgresql://u:p%40ss@h:5433/db?table=s.t&sslmode=verify-full&sslrootcert=%2Fca%20x")
    assert str(parsed) == "postgresql://h:5433/db" and "p%40ss" not in repr(parsed)
    assert conninfo(parsed) == "postgresql://u:p%40ss@h:5433/db?sslmode=verify-full&sslrootcert=%2Fca%20x"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("delta:/data/my%20lake/orders", "/data/my lake/orders"),
        ("delta:orders?ttl=mirror", "orders"),
        ("delta:s3://bucket/lake/orders", "s3://bucket/lake/orders"),
        ("iceberg:lake/shop.eu.orders", "lake/shop.eu.orders"),
    ],
)
def test_a_lake_table_is_named_by_its_place(address, place):
    assert parse_address(address).place == place


@pytest.mark.parametrize(("address", "text"), [("delta:t", "delta:t"), ("iceberg:lake/shop.t", "iceberg:lake/shop.t")])
def test_nothing_is_opened_by_naming_a_lake_table(address, text):
    assert str(sink(address)) == text
