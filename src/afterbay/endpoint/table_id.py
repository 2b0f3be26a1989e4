"""The ``TableId`` of a table: moto has none. The same over a restart, another one for a table that is made anew."""

from __future__ import annotations

import uuid
from hashlib import blake2b

from moto.dynamodb.models.table import Table

__all__ = ["table_id"]


def table_id(table: Table) -> str:
    """A UUID that follows from the ARN and the time of creation."""
    made = f"{table.table_arn} {table.created_at.isoformat()}"
    return str(uuid.UUID(bytes=blake2b(made.encode(), digest_size=16).digest(), version=4))
