"""``requirements.txt`` beside a function's code: installed once, into a cache that is keyed by what it asks for.

On AWS a deployment carries its packages. Here the code comes as it lies in the project, so what a build step would add
is added before the function's first process starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from afterbay.errors import SettingsError

__all__ = ["FILE", "Requirements", "cache_folder"]

FILE = "requirements.txt"

INSTALL_S = 900.0
"""A build from source takes minutes; what takes longer hangs."""

KEPT_MAX = 50
"""Installed sets that the cache holds; the one that was used longest ago goes first."""

_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*([^;]*)")
_INCLUDED = re.compile(r"(?:-r|--requirement|-c|--constraint)[\s=]*(\S+)")
_OURS_WILL_DO = re.compile(r"[^=<~@]*|\s*>=?[^,=<~@]*")


def cache_folder() -> Path:
    """Where the user's caches are: XDG_CACHE_HOME, else ``~/.cache``."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if given else Path.home() / ".cache") / "afterbay" / "requirements"


class Requirements:
    """The cache. ``libraries`` is what a function sees anyway (``libraries.link_libraries``)."""

    def __init__(self, cache: Path, libraries: Path) -> None:
        self._cache = cache
        self._libraries = libraries
        self._under_way: dict[str, asyncio.Lock] = {}

    async def installed(self, code: Path) -> Path | None:
        """The folder of what the code's requirements are; None where it has none, or brings them itself.

        Raises ``SettingsError``, one line, if they cannot be installed.
        """
        key = await asyncio.to_thread(self._key, code)
        if key is None:
            return None
        async with self._under_way.setdefault(key, asyncio.Lock()):  # several functions often have the same
            place = self._cache / key
            if not place.is_dir():
                await self._install(code, place)
            with contextlib.suppress(OSError):
                os.utime(place)
        return place

    def _key(self, code: Path) -> str | None:
        """The hash of what is asked for, of the files that it includes, and of the Python that it is for."""
        file = code / FILE
        if not file.is_file():
            return None
        lines = list(_lines(file.read_text("utf-8", "replace")))
        there = _names(code), _names(self._libraries)
        if all(_satisfied(line, *there) for line in lines):
            return None
        asked = hashlib.sha256(f"{sys.implementation.cache_tag} {sys.platform}".encode())
        for line in lines:
            if re.match(r"-e\b|--editable|\.|/|file:", line):
                raise SettingsError(
                    f"{FILE}: {line!r} is a path of this machine, which a function's code does not see",
                    hint="copy the package beside the handler",
                )
            asked.update(line.encode() + b"\n")
            included = _INCLUDED.match(line)
            if included and (code / included[1]).is_file():
                asked.update((code / included[1]).read_bytes())
        return asked.hexdigest()[:32]

    async def _install(self, code: Path, place: Path) -> None:
        """Install beside ``place``, and move the whole there at the end: a cut-off installation is never used."""
        new = await asyncio.to_thread(self._new_folder)
        try:
            await _pip(code, new)
            await asyncio.to_thread(self._keep, new, place)
        finally:
            await asyncio.to_thread(shutil.rmtree, new, ignore_errors=True)

    def _new_folder(self) -> Path:
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix="new-", dir=self._cache))
        except OSError as error:
            raise SettingsError(
                f"{FILE}: no folder in the cache {self._cache}: {error.strerror}",
                hint="XDG_CACHE_HOME names another place",
            ) from error

    def _keep(self, new: Path, place: Path) -> None:
        with contextlib.suppress(OSError):  # another address was faster
            new.rename(place)
        kept = [one for one in self._cache.iterdir() if not one.name.startswith("new-")]
        kept.sort(key=lambda one: one.stat().st_mtime)
        for one in kept[:-KEPT_MAX]:
            shutil.rmtree(one, ignore_errors=True)


async def _pip(code: Path, target: Path) -> None:
    arguments = ("--quiet", "--disable-pip-version-check", "--no-input", "--retries", "1", "--target", str(target))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pip", "install", *arguments, "--requirement", FILE),
        cwd=code,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(INSTALL_S):
            told, _ = await process.communicate()
    except TimeoutError as error:
        raise SettingsError(f"{FILE}: pip was not done after {INSTALL_S:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise SettingsError(
            f"{FILE} cannot be installed: {_reason(told.decode('utf-8', 'replace'))}",
            hint="go online once, or put the packages beside the handler: pip install -r requirements.txt -t .",
        )


def _reason(told: str) -> str:
    """Pip's own last word: its errors come last, one a line."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["pip did not say why"])[-1]


def _lines(text: str) -> Iterator[str]:
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        bare = re.sub(r"(^|\s)#.*", "", line).strip()
        if bare:
            yield bare


def _names(folder: Path) -> frozenset[str]:
    """The distributions that a folder holds."""
    return frozenset(_plain(one.name) for one in metadata.distributions(path=[str(folder)]))


def _satisfied(line: str, own: frozenset[str], libraries: frozenset[str]) -> bool:
    """True if the code brings what a line asks for, or everyone has it and no other version is asked for."""
    found = _NAME.match(line)
    if found is None:
        return False
    name = _plain(found[1])
    return name in own or (name in libraries and _OURS_WILL_DO.fullmatch(found[2]) is not None)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
