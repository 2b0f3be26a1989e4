"""Which cloud a region is in."""

from __future__ import annotations

import botocore.session
import pytest

from afterbay.core.change.partition import Partition, partition_of


def botocores():
    """Region -> partition, of every region that botocore knows."""
    found = botocore.session.get_session().get_component("data_loader").load_data("partitions")
    return {
        region: Partition(one["id"], one["outputs"]["dnsSuffix"])
        for one in found["partitions"]
        for region in one["regions"]
        if not region.endswith("-global")  # what stands for a service without regions
    }


def test_every_region_is_where_botocore_has_it():
    wanted = botocores()
    assert len({one.name for one in wanted.values()}) > 7
    assert {region: partition_of(region) for region in wanted} == wanted


@pytest.mark.parametrize("region", ["", "us-east-9", "local", "mx-central-1", "use-1"])
def test_a_region_that_nobody_knows_is_where_most_are(region):
    assert partition_of(region) == Partition("aws", "amazonaws.com")
