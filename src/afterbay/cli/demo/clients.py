"""boto3's clients for the demo's address: what volume and evidence go through."""

from __future__ import annotations

from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

__all__ = ["REGION", "Clients"]

REGION = "us-east-1"

CONNECTIONS = 16
"""Above the number of threads that share a client."""


class Clients:
    """Clients with the address's own credentials, whatever the environment says: nothing may leave the machine."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        self._config = Config(max_pool_connections=CONNECTIONS, proxies={}, retries={"mode": "standard"})

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = self._session.client("dynamodb", endpoint_url=self._url, config=self._config)
        return client

    @cached_property
    def streams(self) -> DynamoDBStreamsClient:
        client: DynamoDBStreamsClient = self._session.client(
            "dynamodbstreams", endpoint_url=self._url, config=self._config
        )
        return client

    @cached_property
    def functions(self) -> LambdaClient:
        client: LambdaClient = self._session.client("lambda", endpoint_url=self._url, config=self._config)
        return client

    @cached_property
    def queues(self) -> SQSClient:
        client: SQSClient = self._session.client("sqs", endpoint_url=self._url, config=self._config)
        return client

    def __enter__(self) -> Clients:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections of those that were used."""
        for name in ("dynamodb", "streams", "functions", "queues"):
            if name in self.__dict__:
                self.__dict__[name].close()
