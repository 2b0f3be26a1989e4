"""A function's code, from the template's folder to a zip file."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from afterbay.errors import SettingsError
from afterbay.stores.opening import ADDRESS_FILE

__all__ = ["WatchedCode", "is_left_out", "zip_path", "zip_text"]

LEFT_OUT = frozenset({".git", ".hg", ".aws-sam", ".venv", "__pycache__", ".pytest_cache", ".mypy_cache", "cdk.out"})
"""Folders that no deployment carries; with ``CodeUri: .`` they would be most of the file."""

FILES_MAX = 50_000
BYTES_MAX = 262_144_000  # AWS's bound on a function's code, unzipped

_ALWAYS = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the same code is the same zip file."""


@dataclass(frozen=True, slots=True)
class WatchedCode:
    """A function of the address, and where its code lies: a folder or a file."""

    function: str
    path: Path


def zip_path(path: Path) -> bytes:
    """A folder, packed; a zip file, as it is; a lone file, packed. Blocking.

    Raises ``SettingsError`` for a path that is not there, holds more than a function may, or is a zip file by its name
    alone.
    """
    if path.is_dir():
        return _zip((name, file) for name, file in _files(path))
    if not path.is_file():
        raise SettingsError(f"its code is not there: {path}")
    if zipfile.is_zipfile(path):
        return path.read_bytes()
    if path.suffix == ".zip":
        raise SettingsError(f"its code is no zip file, or a damaged one: {path}")
    return _zip([(path.name, path)])


def zip_text(text: str, name: str) -> bytes:
    """Code that the template holds itself, as the one file ``name``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_member(name, executable=False), text)
    return buffer.getvalue()


def is_left_out(folder: Path) -> bool:
    """True for a folder that is not code: no deployment carries it, or an address keeps its state in it, and would
    change it at each write, and so when it is handed over, too."""
    return folder.name in LEFT_OUT or (folder / ADDRESS_FILE).exists()


def _zip(files: Iterator[tuple[str, Path]] | list[tuple[str, Path]]) -> bytes:
    buffer = io.BytesIO()
    count = size = 0
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, file in files:
            status = file.stat()
            count, size = count + 1, size + status.st_size
            if count > FILES_MAX or size > BYTES_MAX:
                raise SettingsError(f"its code is more than {FILES_MAX} files or {BYTES_MAX} bytes: {file.parent}")
            archive.writestr(_member(name, executable=bool(status.st_mode & stat.S_IXUSR)), file.read_bytes())
        if not count:
            raise SettingsError("its code is an empty folder")
    return buffer.getvalue()


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(one for one in folders if not is_left_out(Path(root, one)))
        for name in sorted(names):
            file = Path(root, name)
            if file.is_file():  # no sockets, no broken links
                yield file.relative_to(folder).as_posix(), file


def _member(name: str, *, executable: bool) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _ALWAYS)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = (0o755 if executable else 0o644) << 16
    return member
