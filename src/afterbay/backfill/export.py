"""What a point-in-time export in S3 says of itself: its manifests, its checksums, its data files.

Decides what is a whole and undamaged export that a first load can start from (E15). Objects are fetched elsewhere.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime

import msgspec

from afterbay.aws.place import bucket_place
from afterbay.errors import RecordError, SettingsError

__all__ = [
    "CHECKSUM_NAMES",
    "FILES_NAME",
    "SUMMARY_NAME",
    "DataFile",
    "ExportPlace",
    "Summary",
    "check_md5",
    "md5_of",
    "parse_place",
    "read_files",
    "read_item",
    "read_summary",
]

SUMMARY_NAME = "manifest-summary.json"
FILES_NAME = "manifest-files.json"
CHECKSUM_NAMES = (".md5", ".checksum")
"""What replaces ``.json`` in the name of a manifest's checksum: what is written, and what the guide calls it."""


@dataclass(frozen=True, slots=True)
class ExportPlace:
    """``s3://BUCKET/PREFIX``. The prefix is the one that ExportTableToPointInTime was given, or the folder of one
    export itself; it ends with a slash, or is empty."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class Summary:
    """``exported`` is the moment whose state the export has."""

    arn: str
    table_arn: str
    exported: datetime
    items: int


@dataclass(frozen=True, slots=True)
class DataFile:
    """``name`` is its name within the export's folder, ``md5`` the checksum of its bytes in base64."""

    name: str
    md5: str
    items: int


FULL = "FULL_EXPORT"
READ_FORMAT = "DYNAMODB_JSON"


class _Kind(msgspec.Struct):
    """What every export says of itself; the rest depends on it: one of changes has no ``exportTime``."""

    outputFormat: str
    exportType: str = FULL


class _Summary(msgspec.Struct):
    exportArn: str
    tableArn: str
    exportTime: datetime
    itemCount: int


class _File(msgspec.Struct):
    dataFileS3Key: str
    md5Checksum: str
    itemCount: int


class _Line(msgspec.Struct):
    Item: dict[str, object]


_FILES = msgspec.json.Decoder(_File)
_LINES = msgspec.json.Decoder(_Line)


def parse_place(address: str) -> ExportPlace:
    """Raises ``SettingsError``."""
    bucket, prefix = bucket_place(address, "--from-export")
    prefix = prefix.strip("/")
    return ExportPlace(bucket, f"{prefix}/" if prefix else "")


def read_summary(body: bytes, where: str) -> Summary:
    """The summary manifest. Raises ``SettingsError`` for another document, and for an export of another kind: one of
    changes (incremental) has not all items, and Ion is not read."""
    try:
        kind = msgspec.json.decode(body, type=_Kind)
        if kind.exportType != FULL:
            raise SettingsError(
                f"an export of type {kind.exportType} has changes, not all items",
                where=where,
                hint=f"make one with ExportType {FULL}",
            )
        if kind.outputFormat != READ_FORMAT:
            raise SettingsError(
                f"the export is in {kind.outputFormat}",
                where=where,
                hint=f"export in {READ_FORMAT}, which is read here",
            )
        told = msgspec.json.decode(body, type=_Summary)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        raise SettingsError(f"not the summary of an export: {wrong}", where=where) from wrong
    if told.exportTime.tzinfo is None:
        raise SettingsError("exportTime has no zone", where=where)
    return Summary(told.exportArn, told.tableArn, told.exportTime, told.itemCount)


def read_files(body: bytes, where: str) -> tuple[DataFile, ...]:
    """The data files that the files manifest lists, one a line. Raises ``SettingsError``.

    A name is taken from its last two parts, so that an export that was copied elsewhere is read where it is.
    """
    files: list[DataFile] = []
    for number, line in enumerate(filter(None, body.splitlines()), start=1):
        try:
            told = _FILES.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
            raise SettingsError(f"line {number} names no data file: {wrong}", where=where) from wrong
        files.append(DataFile("/".join(told.dataFileS3Key.split("/")[-2:]), told.md5Checksum, told.itemCount))
    return tuple(files)


def read_item(line: bytes, where: str) -> dict[str, object]:
    """The item in a line of a data file; ``where`` names the line. Raises ``RecordError``."""
    try:
        return _LINES.decode(line).Item
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise RecordError(f"the line holds no item: {wrong}", path=where, hint="export it again") from wrong


def md5_of(body: bytes) -> str:
    """The checksum as manifests spell it."""
    return b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode("ascii")


def check_md5(body: bytes, wanted: str, where: str) -> None:
    """Raises ``SettingsError`` for bytes that are not those that were exported."""
    if md5_of(body) != wanted.strip():
        raise SettingsError("the checksum is another one: the object was changed or cut", where=where)
