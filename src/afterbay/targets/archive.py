"""The bodies of discarded records, kept beside their letter: what no stream keeps for longer than a day (E18).

Decides where they lie and under which name. A place is a folder, or a prefix of a bucket; the name says which letter
they are of, so that writing them twice keeps them once, and a letter read later finds them by what it says itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from afterbay.aws.client import Caller
from afterbay.aws.place import bucket_place
from afterbay.core.change.arn import is_pipe, parse_arn
from afterbay.core.mapping.deadletter import Letter
from afterbay.errors import NotFoundError, SettingsError, StateError

__all__ = [
    "Archive",
    "BucketArchive",
    "FolderArchive",
    "archive_key",
    "archive_key_of",
    "is_archive_key",
    "open_archive",
]

SUFFIX = ".bodies.json"
NAME_MAX = 200
"""Of one step of a path; file systems and S3 take no much longer ones."""


class Archive(Protocol):
    """Where bodies are kept. Raises ``ServiceError`` or ``StateError``."""

    async def put(self, key: str, event: bytes) -> None:
        """Durable when it returns; the same key is the same content."""
        ...

    async def get(self, key: str) -> bytes | None:
        """What was kept; None: nothing."""
        ...


def archive_key(letter: Letter) -> str:
    """The name of a letter's bodies."""
    ends = (int(letter.first), int(letter.last))
    request_id = None if is_pipe(letter.function_arn) else letter.request_id
    return archive_key_of(letter.stream_arn, letter.shard, letter.function_arn, ends, letter.count, request_id)


def archive_key_of(
    stream_arn: str, shard: str, owner_arn: str, ends: tuple[int, int], count: int, request_id: str | None
) -> str:
    """The same, from what a letter's document says (R110, X91): ``owner_arn`` is the function's or the pipe's,
    ``request_id`` None for a pipe, whose document has none; nor does any say the mapping's id."""
    stream, owner = parse_arn(stream_arn).resource, parse_arn(owner_arn).resource
    first, last = ends
    name = f"{first}-{last}-{count}" if request_id is None else f"{first}-{last}-{count}-{request_id}"
    return "/".join((_part(stream), _part(shard), _part(owner), _part(name) + SUFFIX))


def is_archive_key(key: str) -> bool:
    """True for an object of an archive: it is no letter, should both share a bucket."""
    return key.endswith(SUFFIX)


class FolderArchive:
    """A folder, made if missing. Bodies are readable by their owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    async def put(self, key: str, event: bytes) -> None:
        await asyncio.to_thread(self._write, key, event)

    async def get(self, key: str) -> bytes | None:
        return await asyncio.to_thread(self._read, key)

    def _write(self, key: str, event: bytes) -> None:
        """Whole or not at all: written beside it, then moved into its place."""
        path = self._folder / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(event)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as error:
            raise StateError(f"archive {path}: {error.strerror}", hint="bodies are kept before their letter") from error

    def _read(self, key: str) -> bytes | None:
        path = self._folder / key
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"archive {path}: {error.strerror}") from error


class BucketArchive:
    """A prefix of a bucket."""

    def __init__(self, caller: Caller, bucket: str, prefix: str) -> None:
        self._caller = caller
        self._bucket = bucket
        self._prefix = prefix if not prefix or prefix.endswith("/") else prefix + "/"

    def __str__(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

    async def put(self, key: str, event: bytes) -> None:
        await self._caller.call(
            "s3",
            "put_object",
            Bucket=self._bucket,
            Key=self._prefix + key,
            Body=event,
            ContentType="application/json",
        )

    async def get(self, key: str) -> bytes | None:
        try:
            answer = await self._caller.call("s3", "get_object", Bucket=self._bucket, Key=self._prefix + key)
        except NotFoundError:
            return None
        body = answer["Body"]
        return body if isinstance(body, bytes) else None


def open_archive(place: str, caller: Caller) -> FolderArchive | BucketArchive:
    """The archive at ``place``: a folder, or ``s3://BUCKET/PREFIX``. Opens nothing. Raises ``SettingsError``."""
    if "://" not in place:
        folder = Path(place)
        if folder.exists() and not folder.is_dir():
            raise SettingsError(
                f"{place!r} is no folder", where="--archive", hint="name a folder; it is made if missing"
            )
        return FolderArchive(folder)
    return BucketArchive(caller, *bucket_place(place, "--archive"))


def _part(text: str) -> str:
    """One step of a path, different for different texts."""
    name = quote(text, safe="")
    return name if len(name) <= NAME_MAX else hashlib.sha256(text.encode()).hexdigest()
