"""A function's code: from a zip file to a folder that its processes run in."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import shutil
import stat
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import text
from afterbay.errors import EndpointError, NotFoundError, SettingsError

__all__ = ["Code", "FetchObject", "decode_zip", "read_zip", "unpack"]

FetchObject: TypeAlias = Callable[[str, str, str], Awaitable[bytes]]
"""``(bucket, key, region)`` -> an object of the address's S3. Raises ``NotFoundError``."""

UNZIPPED_BYTES_MAX = 262_144_000
"""AWS's bound on a function's code, unzipped."""

FILES_MAX = 50_000
"""Below it a real package stays by far; each file costs a disk block whatever its size."""

COPY_BYTES = 1024 * 1024

_REFUSED = ("S3ObjectVersion", "S3ObjectStorageMode", "SourceKMSKeyArn", "ImageUri")
_BROKEN = "Could not unzip uploaded file. Please check your file, then try to upload again."


@dataclass(frozen=True, slots=True)
class Code:
    """Code that was unpacked: the folder, and what the API tells of the zip file it came in."""

    folder: Path
    sha256: str
    size_bytes: int

    def remove(self) -> None:
        """Delete the folder; no process may run in it any more."""
        shutil.rmtree(self.folder, ignore_errors=True)


async def read_zip(source: dict[str, JsonValue], region: str, fetch: FetchObject | None) -> bytes:
    """The zip file that ``Code``, or ``Content`` of a layer, names. ``fetch`` None: the address has no S3.

    Raises ``SettingsError`` for what is not read or not there.
    """
    for name in _REFUSED:
        if source.get(name) is not None:
            raise SettingsError(f"{name} is not supported by afterbay yet: give ZipFile, or S3Bucket with S3Key")
    inline, bucket, key = text(source, "ZipFile"), text(source, "S3Bucket"), text(source, "S3Key")
    if inline is not None and bucket is None and key is None:
        return decode_zip(inline)
    if inline is not None or bucket is None or key is None:
        raise SettingsError("Please provide a source for function code: ZipFile, or S3Bucket with S3Key.")
    if fetch is None:
        raise SettingsError("Code from S3 is not supported at this address: give ZipFile")
    try:
        return await fetch(bucket, key, region)
    except NotFoundError as error:
        said = error.message.removeprefix(f"{error.code}: ").removeprefix("s3 get_object: ")
        raise SettingsError(
            f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {said}"
        ) from error


def decode_zip(encoded: str) -> bytes:
    """``ZipFile`` of a request, which is base64."""
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise EndpointError("SerializationException", f"ZipFile is not base64: {error}") from error


def unpack(content: bytes, folder: Path) -> Code:
    """Unpack a zip file into ``folder``, which must not be there yet. Blocking.

    Raises ``EndpointError`` with AWS's text for what is no zip file, is damaged or too large, or would write outside;
    the folder is then gone.
    """
    folder.mkdir(parents=True)
    try:
        _unpack(content, folder)
    except EndpointError:
        shutil.rmtree(folder)
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        # zipfile's errors for: no zip, unknown compression, encryption, a cut file, names that no file system takes
        shutil.rmtree(folder)
        raise _invalid(_BROKEN) from error
    return Code(folder, base64.b64encode(hashlib.sha256(content).digest()).decode(), len(content))


def _unpack(content: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if not members:
            raise _invalid("Uploaded file must be a non-empty zip")
        if len(members) > FILES_MAX:
            raise _invalid(f"{len(members)} files in the zip file; afterbay takes {FILES_MAX}")
        room = UNZIPPED_BYTES_MAX
        for member in members:
            room -= _extract(archive, member, folder, room)


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, room: int) -> int:
    """Write one member; return its size, counted while it unpacks, since a zip file can lie about it."""
    name = PurePosixPath(member.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename or stat.S_ISLNK(member.external_attr >> 16):
        raise _invalid(_BROKEN)
    target = folder.joinpath(*name.parts)
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(member) as source, target.open("wb") as sink:
        while part := source.read(COPY_BYTES):
            written += len(part)
            if written > room:
                raise _invalid(f"Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes")
            sink.write(part)
    if member.external_attr >> 16 & stat.S_IXUSR:
        target.chmod(0o755)
    return written


def _invalid(message: str) -> EndpointError:
    return EndpointError("InvalidParameterValueException", message)
