"""Stores in this process that sinks write to, and a history to write."""

from __future__ import annotations

import random
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from contract.histories import History


@pytest.fixture
def made() -> History:
    return History(random.Random(1))


@pytest.fixture(scope="module")
def _dynamodb() -> Iterator[object]:
    with mock_aws():
        yield boto3.client("dynamodb", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def dynamodb(_dynamodb, monkeypatch):
    """A client, with a table ``copy`` that has the key of the histories; what a test makes besides goes with it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    _dynamodb.create_table(
        TableName="copy",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    yield _dynamodb
    for name in _dynamodb.list_tables()["TableNames"]:
        _dynamodb.delete_table(TableName=name)


@pytest.fixture(scope="module")
def _s3() -> Iterator[object]:
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def s3(_s3):
    """A client, with an empty bucket ``copy``."""
    _s3.create_bucket(Bucket="copy")
    yield _s3
    for one in _s3.list_objects_v2(Bucket="copy").get("Contents", []):
        _s3.delete_object(Bucket="copy", Key=one["Key"])
    _s3.delete_bucket(Bucket="copy")
