"""A function as its author declared it: everything its processes are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from afterbay.errors import PayloadTooLargeError

__all__ = ["REQUEST_BYTES_MAX", "RESPONSE_BYTES_MAX", "Client", "FunctionDefinition", "check_request_size"]

REQUEST_BYTES_MAX = 6_291_456
"""6 MB, of a synchronous invocation's event."""

RESPONSE_BYTES_MAX = 6_291_556
"""AWS's own number in the error of an answer that is larger: 6 MB and 100 bytes."""

Client: TypeAlias = Literal["awslambdaric", "bootstrap"]
"""The runtime client in a Python process: AWS's own, or ours in the standard library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionDefinition:
    """One version of a function's code and settings. ``code`` is a folder that stays as it is while processes use it.

    ``packages`` is the folder of what ``requirements.txt`` asked for, ``layers`` the one that stands in for /opt; None:
    there is none. ``variables`` is what the author declared; its repr is kept out, because environments hold secrets.
    """

    name: str
    arn: str
    region: str
    runtime: str
    handler: str
    code: Path
    packages: Path | None = None
    layers: Path | None = None
    timeout_s: int = 3
    memory_mb: int = 128
    variables: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    log_group: str = ""
    version: str = "$LATEST"

    @property
    def log_group_name(self) -> str:
        return self.log_group or f"/aws/lambda/{self.name}"


def check_request_size(payload: bytes) -> None:
    """Refuse an event that Lambda would not take (R80)."""
    if len(payload) > REQUEST_BYTES_MAX:
        raise PayloadTooLargeError(
            f"Request must be smaller than {REQUEST_BYTES_MAX} bytes for the InvokeFunction operation",
            code="RequestEntityTooLargeException",
        )
