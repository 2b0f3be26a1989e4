"""The door to the SDK: calls run off the loop, settings are the AWS CLI's, failures are ours."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from afterbay.aws.client import Aws, AwsSettings, check_address
from afterbay.errors import NotFoundError, SettingsError
from unit.aws.server import AnsweringServer, answering


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering() as made:
        yield made


def call(settings: AwsSettings) -> dict[str, object]:
    aws = Aws(settings)
    try:
        return asyncio.run(aws.call("sqs", "get_queue_url", QueueName="letters"))
    finally:
        aws.close()


def test_a_call_answers_what_the_service_said(server: AnsweringServer) -> None:
    server.body = b'{"QueueUrl":"http://queue"}'
    assert call(AwsSettings(endpoint_url=server.url, region="us-east-1"))["QueueUrl"] == "http://queue"


def test_the_address_may_come_from_the_environment(server: AnsweringServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    server.body = b'{"QueueUrl":"http://queue"}'
    assert call(AwsSettings(region="us-east-1"))["QueueUrl"] == "http://queue"
    aws = Aws(AwsSettings(region="us-east-1"))
    assert asyncio.run(aws.endpoint("dynamodbstreams")) == server.url
    aws.close()


def test_without_an_address_the_service_has_its_own() -> None:
    aws = Aws(AwsSettings(region="eu-west-1"))
    assert asyncio.run(aws.endpoint("dynamodbstreams")) == "https://streams.dynamodb.eu-west-1.amazonaws.com"
    aws.close()


def test_a_refusal_is_ours_and_names_the_call(server: AnsweringServer) -> None:
    server.status = 400
    server.body = b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"gone"}'
    with pytest.raises(NotFoundError, match="sqs get_queue_url: gone"):
        call(AwsSettings(endpoint_url=server.url, region="us-east-1"))


@pytest.mark.parametrize(
    ("settings", "text"), [(AwsSettings(), "--region"), (AwsSettings(region="us-east-1", profile="nobody"), "nobody")]
)
def test_settings_that_do_not_work_are_named(settings: AwsSettings, text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        call(settings)


def test_importing_the_door_does_not_load_the_sdk() -> None:
    code = "import sys, afterbay.aws.client, afterbay.targets.choose; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "url", ["foo", "http://", "http://a b", "http://127.0.0.1:abc", "http://127.0.0.1:99999", "http://[::", "ftp://a"]
)
def test_what_is_no_address_is_refused_as_a_setting(url):
    with pytest.raises(SettingsError, match="--endpoint-url or in AWS_ENDPOINT_URL"):
        check_address(url)
    with pytest.raises(SettingsError, match="--endpoint-url or in AWS_ENDPOINT_URL"):
        call(AwsSettings(endpoint_url=url, region="eu-west-1"))


def test_what_is_no_region_is_told_as_that_and_not_as_an_address():
    with pytest.raises(SettingsError, match="region") as told:
        call(AwsSettings(endpoint_url="http://127.0.0.1:1", region="foo bar"))
    assert "--endpoint-url" not in str(told.value)
