"""Ledger addresses: the same lines as a sink's, for the kinds of stores that have transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from afterbay.errors import SettingsError
from afterbay.sinks.address import parse_address
from afterbay.sinks.options import SinkOptions
from afterbay.sinks.scheme import extra_wanted
from afterbay.sinks.schemes.postgres import conninfo

if TYPE_CHECKING:
    from afterbay.sinks.ledgers.dynamodb import DynamoDbLedger
    from afterbay.sinks.ledgers.postgres import PostgresLedger
    from afterbay.sinks.ledgers.sqlite import SqliteLedger

__all__ = ["AnyLedger", "open_ledger"]

AnyLedger: TypeAlias = "SqliteLedger | PostgresLedger | DynamoDbLedger"


def open_ledger(address: str) -> AnyLedger:
    """Nothing is opened before the first change. Raises ``SettingsError``."""
    parsed = parse_address(address)
    if parsed.options != SinkOptions() or parsed.where is not None or "ledger" in parsed.parameters:
        raise SettingsError(
            f"{parsed}: a ledger takes no items", hint="leave out where=, ttl=, fields=, without=, ledger="
        )
    match parsed.scheme:
        case "sqlite":
            from afterbay.sinks.ledgers.sqlite import SqliteLedger

            return SqliteLedger(parsed.place, parsed.parameters["table"])
        case "postgresql":
            with extra_wanted(parsed, "postgres", "psycopg", "psycopg"):
                from afterbay.sinks.ledgers.postgres import PostgresLedger
            return PostgresLedger(conninfo(parsed), parsed.parameters["table"])
        case "dynamodb":
            with extra_wanted(parsed, "aws", "the AWS SDK", "boto3", "botocore"):
                from afterbay.sinks.ledgers.dynamodb import DynamoDbLedger
            parameters = parsed.parameters
            return DynamoDbLedger(
                parsed.place, region=parameters.get("region"), endpoint_url=parameters.get("endpoint_url")
            )
        case _:
            raise SettingsError(
                f"{parsed}: a {parsed.scheme} store has no transactions",
                hint="a ledger is in sqlite, postgresql or dynamodb",
            )
