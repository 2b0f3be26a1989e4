"""A sink that would be on AWS while the verb's own address is said to be elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping

from afterbay.aws.client import AwsSettings
from afterbay.errors import SettingsError
from afterbay.sinks.scheme import SinkAddress
from afterbay.sinks.schemes import SCHEMES

__all__ = ["refuse_elsewhere"]


def refuse_elsewhere(
    sink: SinkAddress, aws: AwsSettings, option: str, environment: Mapping[str, str] = os.environ
) -> None:
    """Raise ``SettingsError`` where ``--endpoint-url`` alone says where things are: it is the source's, and a sink that
    says nothing goes by the SDK's settings. A test against a local address would write to AWS."""
    if aws.endpoint_url is None or "endpoint_url" not in SCHEMES[sink.scheme].parameters:
        return
    if "endpoint_url" in sink.parameters or any(name.startswith("AWS_ENDPOINT_URL") for name in environment):
        return
    raise SettingsError(
        f"{sink} does not say where it is, and --endpoint-url is not for sinks",
        where=option,
        hint=f"add endpoint_url={aws.endpoint_url} to its address, or AWS's own, https://{sink.scheme}.REGION.amazonaws.com",
    )
