"""The tests that docs/testing.md shows are tests that pass."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from afterbay.core.change.wire import raw_from_lambda
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId
from afterbay.sinks.memory import MemorySink
from afterbay.sources.recording_lines import Head, RecordedRecord, RecordedShard
from afterbay.sources.recording_writer import RecordingWriter
from afterbay.testing import STREAM_ARN, Address, change, fixtures, stream_event

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def shown() -> Iterator[tuple[str, object]]:
    for block in BLOCKS:
        names: dict[str, object] = {}
        exec(compile(block, "docs/testing.md", "exec"), names)
        yield from ((name, one) for name, one in names.items() if name.startswith("test_"))


TESTS = dict(shown())


@pytest.fixture
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shard = ShardId("shard-1")
    made = stream_event(*(change(new={"pk": key, "customer": "c"}) for key in ("o1", "o2")))
    with RecordingWriter.create(Path("orders.changes"), Head(STREAM_ARN, "trim", "2026-01-01T00:00:00.000Z")) as writer:
        writer.write(RecordedShard(ShardDescription(shard)))
        for record in made["Records"]:
            writer.write(RecordedRecord(shard, raw_from_lambda(json.dumps(record).encode())))


def test_the_page_shows_tests() -> None:
    assert len(TESTS) == 4


@pytest.mark.parametrize("name", TESTS)
def test_a_test_of_the_page_passes(name: str, orders: None) -> None:
    test = TESTS[name]
    wanted = inspect.signature(test).parameters
    test(**({"afterbay_sink": MemorySink()} if wanted else {}))


def test_every_fixture_and_name_is_documented() -> None:
    import afterbay.testing

    named = [*afterbay.testing.__all__, *(one for one in fixtures.__all__ if one.startswith("afterbay_"))]
    silent = {"Address", "AddressError", "Call", "FIRST_NUMBER", "Recording", "Replayed", "STREAM_ARN"}
    assert {name for name in named if f"`{name}" not in PAGE and f"{name}(" not in PAGE} <= silent


def test_what_an_address_can_do_is_documented() -> None:
    named = {name for name in vars(Address) if not name.startswith("_")} - {"close"}
    assert not {name for name in named if f"`{name}`" not in PAGE and f"aws.{name}(" not in PAGE}
