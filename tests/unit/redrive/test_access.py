"""What a plan asks the sink, and what it says of a sink that cannot be asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from afterbay.aws.client import AwsSettings
from afterbay.errors import SettingsError
from afterbay.redrive.access import Access

KEYS = {b"a": {"pk": {"S": "a"}}}


def tokens(address: str) -> dict[bytes, str | None] | None:
    async def asked() -> dict[bytes, str | None] | None:
        async with Access(AwsSettings(region="eu-west-1")) as access:
            return await access.tokens(address, dict(KEYS))

    return asyncio.run(asked())


def test_a_sink_without_single_items_knows_no_token_with_a_filter_too(tmp_path: Path):
    log = "s3://b/p?mode=log&format=jsonl"
    assert tokens(log) is None and tokens(f"{log}&where=%7B%22a%22:%7B%22S%22:[%22x%22]%7D%7D") is None
    assert tokens(f"sqlite:///{tmp_path}/new.db?table=t") == {b"a": None}


def test_what_cannot_be_the_sink_is_refused_before_anybody_agrees(tmp_path: Path):
    with pytest.raises(SettingsError, match="is a folder, not a file"):
        tokens(f"sqlite:///{tmp_path}?table=t")
