"""A bucket on the real S3 server, one for all tests of a process: each takes a prefix of its own."""

from __future__ import annotations

import functools
import uuid

import boto3
from botocore.config import Config

import servers


def connect():
    """A client of the server; skips the test where the server cannot run."""
    return boto3.client(
        "s3",
        endpoint_url=servers.server_url("seaweedfs"),
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="eu-west-1",
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=16),
    )


@functools.cache
def bucket() -> str:
    name = f"tests-{uuid.uuid4().hex[:12]}"
    client = connect()
    client.create_bucket(Bucket=name)
    client.close()
    return name


def prefix() -> str:
    """One that no other test has."""
    return f"p/{uuid.uuid4().hex}"
