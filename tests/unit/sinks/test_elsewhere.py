"""Where a sink is that does not say it, while the verb says where its source is."""

from __future__ import annotations

import pytest

from afterbay.aws.client import AwsSettings
from afterbay.errors import SettingsError
from afterbay.sinks.address import parse_address
from afterbay.sinks.elsewhere import refuse_elsewhere

HERE = "http://127.0.0.1:4566"
LOCAL = AwsSettings(endpoint_url=HERE)


@pytest.mark.parametrize(
    "sink", ["dynamodb://copies", "dynamodb://copies?region=eu-west-1", "s3://copies/x?mode=state"]
)
def test_a_sink_that_would_be_on_aws_is_refused_beside_a_local_source(sink: str) -> None:
    with pytest.raises(SettingsError, match="does not say where it is") as refused:
        refuse_elsewhere(parse_address(sink), LOCAL, "--into", {"AWS_REGION": "eu-west-1"})
    assert refused.value.where == "--into" and f"endpoint_url={HERE}" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("sink", "settings", "environment"),
    [
        (f"dynamodb://copies?endpoint_url={HERE}", LOCAL, {}),
        ("dynamodb://copies?endpoint_url=https://dynamodb.eu-west-1.amazonaws.com", LOCAL, {}),
        ("dynamodb://copies", LOCAL, {"AWS_ENDPOINT_URL": HERE}),
        ("dynamodb://copies", LOCAL, {"AWS_ENDPOINT_URL_DYNAMODB": HERE}),
        ("dynamodb://copies", AwsSettings(region="eu-west-1"), {}),
        ("memory:copies", LOCAL, {}),
        ("sqlite:///copies.db?table=t", LOCAL, {}),
    ],
)
def test_a_sink_whose_place_is_said_is_taken(sink: str, settings: AwsSettings, environment: dict) -> None:
    refuse_elsewhere(parse_address(sink), settings, "--into", environment)
