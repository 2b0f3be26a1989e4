"""``afterbay resume``: a mapping or a pipe goes on."""

from __future__ import annotations

from afterbay.aws.client import AwsSettings
from afterbay.cli.options import AsJson, EndpointUrl, Profile, Region
from afterbay.cli.pausing import MappingName, Patience, StateFile, switch

__all__ = ["resume"]


def resume(
    mapping: MappingName,
    *,
    wait: Patience = 120.0,
    state: StateFile = None,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Let a mapping or a pipe that was paused go on where it stopped.

    Example: afterbay resume orders-cdc-processor
    """
    aws = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    switch(mapping, aws, on=True, wait_s=wait, state=state, as_json=as_json)
