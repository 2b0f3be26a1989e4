"""Addresses of DynamoDB tables: ``dynamodb://TABLE?region=R&endpoint_url=U&ledger=TABLE``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from afterbay.errors import SettingsError
from afterbay.sinks.scheme import Scheme, SinkAddress, check_endpoint, extra_wanted

if TYPE_CHECKING:
    from afterbay.sinks.where import GuardedStore

__all__ = ["SCHEMES"]

_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)


def _dynamodb_table(text: str, shown: str) -> str:
    table = unquote(text.removeprefix("//"))
    if not text.startswith("//") or not _TABLE.fullmatch(table):
        raise SettingsError(
            f"{shown}: no table name",
            hint="write dynamodb://TABLE; a name has 3 to 255 letters, digits, dots, dashes or underscores",
        )
    return table


def _check(parameters: Mapping[str, str], shown: str) -> None:
    check_endpoint(parameters, shown)
    ledger = parameters.get("ledger")
    if ledger is not None and not _TABLE.fullmatch(ledger):
        raise SettingsError(
            f"{shown}: ledger={ledger[:80]!r} is not a table name", hint="it is a table of its own, for the tokens"
        )


def _dynamodb(address: SinkAddress) -> GuardedStore:
    if address.parameters.get("ledger") == address.place:
        raise SettingsError(
            f"{address}: ledger={address.place} is the sink's own table", hint="it is a second table, for the tokens"
        )
    with extra_wanted(address, "aws", "the AWS SDK", "boto3", "botocore"):
        from afterbay.sinks.dynamodb import DynamoDbSink
    return DynamoDbSink(
        address.place,
        region=address.parameters.get("region"),
        endpoint_url=address.parameters.get("endpoint_url"),
        ledger=address.parameters.get("ledger"),
        options=address.options,
    )


SCHEMES = {"dynamodb": Scheme(("endpoint_url", "ledger", "region"), _dynamodb_table, _check, _dynamodb)}
