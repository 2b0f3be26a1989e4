"""Bodies are kept under a name that only their letter has, whole or not at all (E18)."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import SettingsError, StateError
from afterbay.targets.archive import (
    BucketArchive,
    FolderArchive,
    archive_key,
    archive_key_of,
    is_archive_key,
    open_archive,
)
from unit.redrive.world import FUNCTION, S3, SHARD, STREAM

PIPE = "arn:aws:pipes:eu-west-1:000000000000:pipe/p"


def letter(**changed: object) -> Letter:
    values: dict = {
        "mapping": "m",
        "shard": ShardId(SHARD),
        "request_id": "r-1",
        "destination": "arn:aws:sqs:eu-west-1:000000000000:letters",
        "function_arn": FUNCTION,
        "stream_arn": STREAM,
        "condition": Condition.RETRY_ATTEMPTS_EXHAUSTED,
        "invoke_count": 1,
        "first": Position(10),
        "last": Position(19),
        "first_created_s": 0.0,
        "last_created_s": 0.0,
        "count": 4,
    }
    return Letter(**{**values, **changed})


def test_a_letters_document_leads_to_its_bodies():
    assert archive_key(letter()) == archive_key_of(STREAM, SHARD, FUNCTION, (10, 19), 4, "r-1")
    piped = letter(function_arn=PIPE)
    assert archive_key(piped) == archive_key_of(STREAM, SHARD, PIPE, (10, 19), 4, None), "X91: no request id is told"
    assert is_archive_key(archive_key(letter()))


@pytest.mark.parametrize(
    "changed",
    [
        {"shard": ShardId("other")},
        {"request_id": "r-2"},
        {"first": Position(11)},
        {"last": Position(18)},
        {"count": 3},
        {"function_arn": FUNCTION + ":live"},
        {"function_arn": FUNCTION + "-live"},
        {"stream_arn": STREAM.replace("items", "orders")},
    ],
    ids=str,
)
def test_another_letter_has_another_name(changed: dict[str, object]):
    others = {archive_key(letter()), archive_key(letter(**changed)), archive_key(letter(function_arn=FUNCTION + ":x"))}
    assert len(others) == 3


def test_a_name_is_a_path_that_stays_where_it_is():
    key = archive_key(letter(shard=ShardId("../../etc"), stream_arn=STREAM.replace("items", "i" * 250)))
    parts = key.split("/")
    assert len(parts) == 4 and all(one not in ("", ".", "..") and len(one) <= 255 for one in parts)


def test_a_folder_keeps_bodies_for_their_owner_alone_and_twice_is_once(tmp_path: Path):
    archive = FolderArchive(tmp_path / "made")
    for _ in range(2):
        asyncio.run(archive.put("a/b.bodies.json", b"{}"))
    (kept,) = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert kept.read_bytes() == b"{}" and stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert asyncio.run(archive.get("a/b.bodies.json")) == b"{}" and asyncio.run(archive.get("other")) is None


def test_a_folder_that_takes_nothing_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"archive .*file"):
        asyncio.run(FolderArchive(tmp_path / "file").put("a/b", b""))


def test_a_bucket_keeps_them_below_its_prefix():
    s3 = S3()
    archive = open_archive("s3://letters/bodies", s3)
    assert isinstance(archive, BucketArchive)
    asyncio.run(archive.put("a/b", b"{}"))
    assert s3.objects == {"bodies/a/b": b"{}"}
    assert asyncio.run(archive.get("a/b")) == b"{}" and asyncio.run(archive.get("other")) is None


@pytest.mark.parametrize("place", ["s3://", "s3:///x", "gs://bucket/x"])
def test_a_place_that_is_none_is_refused(place: str):
    with pytest.raises(SettingsError, match="--archive"):
        open_archive(place, S3())


def test_a_file_is_no_folder_for_bodies_and_is_refused_before_anything_starts(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"--archive: .* is no folder"):
        open_archive(str(tmp_path / "file"), S3())
