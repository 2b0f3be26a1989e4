"""What tests with transactions need of moto in this process: a table of tokens, and calls one at a time."""

from __future__ import annotations

import threading

import boto3

REGION = "eu-west-1"


def make_tokens_table(name: str = "tokens") -> None:
    boto3.client("dynamodb", region_name=REGION).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "_key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "_key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


class OneCallAtATime:
    """A client for several threads: moto copies all tables when a transaction begins, and puts them back when it is
    cancelled, what other threads wrote meanwhile too. The service does not, and the local address runs moto in one
    thread. The lock is that of all clients, since all share one moto."""

    _lock = threading.Lock()

    def __init__(self) -> None:
        self._client = boto3.client("dynamodb", region_name=REGION)

    def __getattr__(self, name):
        call = getattr(self._client, name)

        def locked(*positional, **named):
            with self._lock:
                return call(*positional, **named)

        return locked
