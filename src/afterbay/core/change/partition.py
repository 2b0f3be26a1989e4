"""Partitions: the clouds that AWS keeps apart, each with regions, ARNs and names of its own."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Partition", "partition_of"]


@dataclass(frozen=True, slots=True)
class Partition:
    """``name`` is an ARN's second part, ``suffix`` what the names of its services end with."""

    name: str
    suffix: str


_COMMERCIAL = Partition("aws", "amazonaws.com")
_OTHERS = {
    "cn-": Partition("aws-cn", "amazonaws.com.cn"),
    "eu-isoe-": Partition("aws-iso-e", "cloud.adc-e.uk"),
    "eusc-": Partition("aws-eusc", "amazonaws.eu"),
    "us-gov-": Partition("aws-us-gov", "amazonaws.com"),
    "us-iso-": Partition("aws-iso", "c2s.ic.gov"),
    "us-isob-": Partition("aws-iso-b", "sc2s.sgov.gov"),
    "us-isof-": Partition("aws-iso-f", "csp.hci.ic.gov"),
}
"""By what the names of their regions begin with, as botocore has it: the core cannot ask it (a test does)."""


def partition_of(region: str) -> Partition:
    """The partition of a region; that of most where no other has such a one."""
    return next((one for head, one in _OTHERS.items() if region.startswith(head)), _COMMERCIAL)
