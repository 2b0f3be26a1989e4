"""A point-in-time export fetched from S3: found, checked and read file by file.

A file is held compressed while it is read, which is some hundred megabytes at most, and unpacked a page at a time.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import zlib
from dataclasses import dataclass

import msgspec

from afterbay.aws.client import Caller
from afterbay.backfill.export import (
    CHECKSUM_NAMES,
    FILES_NAME,
    SUMMARY_NAME,
    DataFile,
    ExportPlace,
    Summary,
    check_md5,
    read_files,
    read_item,
    read_summary,
)
from afterbay.backfill.plan import Part
from afterbay.backfill.source import ItemPage, Patience, Time
from afterbay.core.change.value import TypedItem
from afterbay.errors import NotFoundError, ServiceError, SettingsError

__all__ = ["PAGE_ITEMS", "Export", "ExportFiles", "find_export"]

PAGE_ITEMS = 1_000

LISTED_MAX = 5
"""Exports that an error names."""


class _Folder(msgspec.Struct):
    Prefix: str


@dataclass(frozen=True, slots=True)
class Export:
    """``folder`` is the key prefix that everything of it begins with."""

    bucket: str
    folder: str
    summary: Summary
    files: tuple[DataFile, ...]

    @property
    def doubt(self) -> str | None:
        """A sentence where the files that are listed do not hold what the summary counts; None where they do."""
        listed = sum(one.items for one in self.files)
        if listed == self.summary.items:
            return None
        return (
            f"s3://{self.bucket}/{self.folder}{FILES_NAME} lists {listed} item(s), and the summary counts"
            f" {self.summary.items}: unless the summary is wrong, the load will lack some"
        )

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(Part(number, one.name) for number, one in enumerate(self.files))


async def find_export(aws: Caller, place: ExportPlace) -> Export:
    """The one export at ``place``, its manifests checked. Raises ``SettingsError`` where there is none, more than one,
    or a damaged one, and ``ServiceError``."""
    folder = place.prefix
    body = await _fetch(aws, place.bucket, folder + SUMMARY_NAME)
    if body is None:
        folder = await _only_folder(aws, place)
        body = await _fetch(aws, place.bucket, folder + SUMMARY_NAME)
        if body is None:
            raise SettingsError(
                f"s3://{place.bucket}/{folder} has no {SUMMARY_NAME}",
                where="--from-export",
                hint="is the export still being made? its manifests come last",
            )
    await _check_manifest(aws, place.bucket, folder, SUMMARY_NAME, body)
    summary = read_summary(body, f"s3://{place.bucket}/{folder}{SUMMARY_NAME}")
    listed = await _fetch(aws, place.bucket, folder + FILES_NAME)
    if listed is None:
        raise SettingsError(f"s3://{place.bucket}/{folder} has no {FILES_NAME}", where="--from-export")
    await _check_manifest(aws, place.bucket, folder, FILES_NAME, listed)
    files = read_files(listed, f"s3://{place.bucket}/{folder}{FILES_NAME}")
    return Export(place.bucket, folder, summary, files)


class ExportFiles:
    """An ``ItemSource`` of an export's data files. A cursor is the number of lines that are done."""

    def __init__(self, aws: Caller, export: Export, time: Time, *, page_items: int = PAGE_ITEMS) -> None:
        self._aws = aws
        self._export = export
        self._time = time
        self._page_items = page_items
        self._open: dict[int, tuple[str, gzip.GzipFile]] = {}

    async def read(self, part: Part) -> ItemPage:
        at, file = self._open.pop(part.number, ("", None))
        if file is None or at != (part.cursor or "0"):
            file = await self._opened(part)
        done = int(part.cursor or "0")
        items, ended = await asyncio.to_thread(self._page, file, part, done)
        if ended:
            self._check_count(part, done + len(items))
            return ItemPage(items, None)
        cursor = str(done + len(items))
        self._open[part.number] = (cursor, file)
        return ItemPage(items, cursor)

    async def _opened(self, part: Part) -> gzip.GzipFile:
        """The file at the part's cursor. Its checksum is verified before a line of it is used."""
        where = self._where(part)
        patience = Patience(self._time)
        while True:
            try:
                body = await _fetch(self._aws, self._export.bucket, self._export.folder + part.name)
                break
            except ServiceError as failure:
                await patience.pause(failure)
        if body is None:
            raise SettingsError("the data file is not there", where=where, hint="was the export copied as a whole?")
        await asyncio.to_thread(check_md5, body, self._export.files[part.number].md5, where)
        file = gzip.GzipFile(fileobj=io.BytesIO(body))
        await asyncio.to_thread(_skip, file, int(part.cursor or "0"))
        return file

    def _page(self, file: gzip.GzipFile, part: Part, done: int) -> tuple[list[TypedItem], bool]:
        """The items behind ``done`` lines, and whether there are no more."""
        items: list[TypedItem] = []
        try:
            while len(items) < self._page_items:
                line = file.readline()
                if not line:
                    return items, True
                items.append(read_item(line, f"{self._where(part)}:{done + len(items) + 1}"))
        except (OSError, EOFError, zlib.error) as broken:
            raise SettingsError(f"cannot be unpacked: {broken}", where=self._where(part)) from broken
        return items, False

    def _check_count(self, part: Part, items: int) -> None:
        wanted = self._export.files[part.number].items
        if items != wanted:
            raise SettingsError(
                f"{items} items, and the manifest says {wanted}", where=self._where(part), hint="export it again"
            )

    def _where(self, part: Part) -> str:
        return f"s3://{self._export.bucket}/{self._export.folder}{part.name}"


def _skip(file: gzip.GzipFile, lines: int) -> None:
    for _ in range(lines):
        file.readline()


async def _check_manifest(aws: Caller, bucket: str, folder: str, name: str, body: bytes) -> None:
    where = f"s3://{bucket}/{folder}{name}"
    for ending in CHECKSUM_NAMES:
        wanted = await _fetch(aws, bucket, folder + name.removesuffix(".json") + ending)
        if wanted is not None:
            check_md5(body, wanted.decode("ascii", "replace"), where)
            return
    raise SettingsError("its checksum file is not beside it", where=where, hint="copy the export as a whole")


async def _only_folder(aws: Caller, place: ExportPlace) -> str:
    answer = await aws.call(
        "s3", "list_objects_v2", Bucket=place.bucket, Prefix=f"{place.prefix}AWSDynamoDB/", Delimiter="/"
    )
    folders = [one.Prefix for one in msgspec.convert(answer.get("CommonPrefixes") or [], list[_Folder])]
    exports = [one for one in folders if not one.endswith("/data/")]
    if len(exports) == 1:
        return exports[0]
    if not exports:
        raise SettingsError(
            f"{place} holds no export",
            where="--from-export",
            hint="name the prefix that the export was given, or the folder with its manifests",
        )
    named = ", ".join(f"s3://{place.bucket}/{one}" for one in exports[:LISTED_MAX])
    raise SettingsError(f"{place} holds {len(exports)} exports", where="--from-export", hint=f"name one: {named}")


async def _fetch(aws: Caller, bucket: str, key: str) -> bytes | None:
    """An object's bytes; None where it is not there. Raises ``ServiceError``."""
    try:
        answer = await aws.call("s3", "get_object", Bucket=bucket, Key=key)
    except NotFoundError as missing:
        if missing.code == "NoSuchBucket":
            raise SettingsError(f"there is no bucket {bucket}", where="--from-export") from missing
        return None
    body = answer["Body"]
    assert isinstance(body, bytes)
    return body
