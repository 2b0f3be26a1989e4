"""IP addresses as patterns know them: literals that compare by address (P13), and CIDR blocks (P35)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["Block", "address_of", "read_block"]

_V4_FORM = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_V6_FORM = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")
_TEXT_MAX = 45
_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Block:
    """A range of addresses of one family. ``low`` has its host bits cleared."""

    version: int
    low: int
    high: int

    def holds(self, address: tuple[int, int]) -> bool:
        return address[0] == self.version and self.low <= address[1] <= self.high


@lru_cache(maxsize=4096)
def address_of(text: str) -> tuple[int, int] | None:
    """(version, number) of a text that is an address, else None. An IPv4-mapped IPv6 address counts as IPv4 (P13)."""
    if len(text) > _TEXT_MAX or not (_V4_FORM.fullmatch(text) or _V6_FORM.fullmatch(text)):
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return (4 if isinstance(address, IPv4Address) else 6), int(address)


def read_block(text: str) -> Block:
    """Read ``address/bits``. Raises ``ValueError`` in AWS's words (P35); host bits are cleared, not refused."""
    parts = text.split("/")
    while parts and not parts[-1]:  # the engine's split drops empty parts at the end
        parts.pop()
    if len(parts) != 2:
        raise ValueError("Malformed CIDR, one '/' required")
    written, mask = parts
    if not _INTEGER.fullmatch(mask) or abs(int(mask)) >= 2**31:
        raise ValueError("Malformed CIDR, mask bits must be an integer")
    bits = int(mask)
    if bits < 0:
        raise ValueError("Malformed CIDR, mask bits must not be negative")
    if not (_V4_FORM.fullmatch(written) or _V6_FORM.fullmatch(written)):
        raise ValueError(f"Nonstandard IP address: {written}")
    found = address_of(written)
    if found is None:
        raise ValueError(f"Invalid IP address: {written}")
    version, number = found
    width = 32 if version == 4 else 128
    if bits >= width:
        raise ValueError(f"IPv{version} mask bits must be < {width}")
    low = number >> (width - bits) << (width - bits)
    return Block(version, low, low + (1 << (width - bits)) - 1)
