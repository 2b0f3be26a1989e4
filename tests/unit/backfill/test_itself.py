"""A table is not its own sink; one of its name elsewhere is."""

from __future__ import annotations

import pytest

from afterbay.aws.client import AwsSettings
from afterbay.backfill.itself import refuse_itself
from afterbay.errors import SettingsError
from afterbay.sinks.address import parse_address

HERE = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("sink", "settings"),
    [
        ("dynamodb://orders", {}),
        ("dynamodb://orders?ledger=tokens", {}),
        ("dynamodb://orders?region=eu-west-1", {"region": "eu-west-1"}),
        (f"dynamodb://orders?endpoint_url={HERE}", {"endpoint_url": HERE}),
    ],
)
def test_the_table_itself_is_no_sink(sink: str, settings: dict) -> None:
    with pytest.raises(SettingsError, match=r"--into: dynamodb:orders is the table itself"):
        refuse_itself(parse_address(sink), "orders", AwsSettings(**settings), "--into")


@pytest.mark.parametrize(
    ("sink", "settings"),
    [
        ("dynamodb://orders-copy", {}),
        ("dynamodb://orders?region=eu-west-1", {"region": "us-east-1"}),
        ("dynamodb://orders?region=eu-west-1", {}),
        (f"dynamodb://orders?endpoint_url={HERE}", {}),
        ("dynamodb://orders", {"profile": "production"}),
        ("memory:orders", {}),
    ],
)
def test_what_may_be_a_copy_is_one(sink: str, settings: dict) -> None:
    refuse_itself(parse_address(sink), "orders", AwsSettings(**settings), "--into")
