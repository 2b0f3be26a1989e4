"""``afterbay pause``: a mapping or a pipe is stopped where it stands."""

from __future__ import annotations

from afterbay.aws.client import AwsSettings
from afterbay.cli.options import AsJson, EndpointUrl, Profile, Region
from afterbay.cli.pausing import MappingName, Patience, StateFile, switch

__all__ = ["pause"]


def pause(
    mapping: MappingName,
    *,
    wait: Patience = 120.0,
    state: StateFile = None,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Stop a mapping or a pipe, keeping its place: what is in flight is finished, nothing is lost for 24 hours.

    Example: afterbay pause orders-cdc-processor
    """
    aws = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    switch(mapping, aws, on=False, wait_s=wait, state=state, as_json=as_json)
