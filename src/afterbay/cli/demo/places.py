"""Where the demo's parts are: handed from phase to phase."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

__all__ = ["Names", "Places"]


class Names:
    """What is called how at the address."""

    TABLE = "orders"
    COPY = "orders-copy"
    QUEUE = "orders-failures"
    FUNCTION = "orders-cdc-processor"
    SQL_TABLE = "orders"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """``sqlite`` is the first sink's file, ``copy`` the second sink's table, ``witness`` the function's own notes.
    ``started_s`` is when the demo began, in epoch seconds."""

    url: str
    sqlite: Path
    witness: Path
    copy: str
    queue_url: str
    stream_arn: str
    mapping: str
    function_arn: str
    started_s: float

    @property
    def sinks(self) -> tuple[str, str]:
        """The addresses as the function gets them; it knows the endpoint and the region from its environment."""
        return sink_addresses(self.sqlite, self.copy)


def sink_addresses(sqlite: Path, copy: str) -> tuple[str, str]:
    return f"sqlite:///{quote(str(sqlite))}?table={Names.SQL_TABLE}", f"dynamodb://{copy}"
