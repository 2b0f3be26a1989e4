"""The SDK's client of DynamoDB as sinks and ledgers use it: bounded tries and time-outs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from afterbay.aws.errors import from_botocore
from afterbay.errors import SettingsError
from afterbay.sinks.writers import WRITERS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["make_client"]

_CALLS = Config(
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=WRITERS,
    retries={"mode": "standard", "max_attempts": 4},
)
"""Throttles, 5xx and lost connections are tried again by the SDK, with jitter; the guard makes that safe (E9)."""


def make_client(region: str | None, endpoint_url: str | None, sink: str) -> DynamoDBClient:
    """``sink`` names it in errors. Raises ``SettingsError`` where no region is known."""
    try:
        client: DynamoDBClient = boto3.Session().client(
            "dynamodb", region_name=region, endpoint_url=endpoint_url, config=_CALLS
        )
    except BotoCoreError as fault:
        raise from_botocore(fault, action=sink) from fault
    except ValueError as wrong:
        raise SettingsError(f"{sink}: endpoint_url is not a URL") from wrong
    return client
