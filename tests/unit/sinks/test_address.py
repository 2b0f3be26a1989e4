"""Sink addresses: what each means, and what is refused, by name and without secrets."""

import pytest

from afterbay.errors import SettingsError
from afterbay.sinks.address import parse_address
from afterbay.sinks.options import Expiry


def test_parts_are_decoded():
    parsed = parse_address("sqlite:////tmp/a%20b.db?table=orders&ttl=mirror&without=x%2Cy,z")
    assert (parsed.place, parsed.parameters) == ("/tmp/a b.db", {"table": "orders"})
    assert parsed.options.ttl is Expiry.MIRROR and parsed.options.without == {"x,y", "z"}


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("mongodb://u:secret@x/y", "mongodb"),
        ("postgresql://u:half/secret@h/db?table=t", "not built"),
        ("postgresql://u:half?secret@h/db?table=t", "not built"),
        ("postgresql://u:half%40secret@h/db?table=t", "not built"),
        ("s3://bucket/p", "not built"),
        ("orders", "address"),
        ("sqlite:///f.db", "table"),
        ("sqlite:///f.db?table=a;b", "table"),
        ("sqlite:///:memory:?table=t", "memory:NAME"),
        ("dynamodb://u:secret@orders?where={}", "table name"),
        ("dynamodb://orders?where={}", "dynamodb:orders: where=: Empty objects are not allowed"),
        ("dynamodb://orders?ledger=l", "ledger"),
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
