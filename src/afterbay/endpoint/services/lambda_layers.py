"""Layers: zip files that several functions share, and the folder that stands in for /opt.

Only root could unpack into /opt, and only for one function at a time. So the layers of a function are put on top of one
another, in their order, in a folder of their own, and the function's process is pointed at it (``functions.runtimes``).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from afterbay.core.change.arn import arn_in
from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.protocol import ACCOUNT
from afterbay.endpoint.services.lambda_code import Code, unpack
from afterbay.errors import SettingsError

__all__ = ["LayerStore", "LayerVersion", "parse_layer"]

_log = logging.getLogger(__name__)
_LAYER = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:)?"
    r"(?P<name>[a-zA-Z0-9_-]{1,140})(?::(?P<number>\d{1,9}))?"
)


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """One version of a layer, unpacked. ``echoed`` goes back as it came."""

    name: str
    region: str
    number: int
    code: Code
    description: str
    created: datetime
    echoed: Mapping[str, JsonValue]

    @property
    def layer_arn(self) -> str:
        return str(arn_in(self.region, "lambda", ACCOUNT, f"layer:{self.name}"))

    @property
    def arn(self) -> str:
        return f"{self.layer_arn}:{self.number}"


class LayerStore:
    """The layers of the address, by region and name."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._layers: dict[tuple[str, str], dict[int, LayerVersion]] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="afterbay-layers-")
        self._names = itertools.count(1)
        self._merged: dict[tuple[Path, ...], Path] = {}
        self._merging = asyncio.Lock()

    async def publish(
        self, name: str, region: str, content: bytes, *, description: str, echoed: Mapping[str, JsonValue]
    ) -> LayerVersion:
        """Add a version. Raises ``EndpointError`` for a broken zip file."""
        code = await asyncio.to_thread(unpack, content, self._new_folder())
        if (code.folder / "extensions").is_dir():
            _log.warning("extensions in layers are not started", extra={"layer": name})
        number = self._numbers[region, name] = self._numbers.get((region, name), 0) + 1
        made = LayerVersion(name, region, number, code, description, self._now(), echoed)
        self._layers.setdefault((region, name), {})[number] = made
        return made

    def find(self, name: str, number: int, region: str) -> LayerVersion | None:
        return self._layers.get((region, name), {}).get(number)

    def versions(self, name: str, region: str) -> list[LayerVersion]:
        """The versions of a layer, newest first."""
        return [one for _, one in sorted(self._layers.get((region, name), {}).items(), reverse=True)]

    def latest(self, region: str) -> Iterator[LayerVersion]:
        """The newest version of each layer, by name."""
        for (home, name), versions in sorted(self._layers.items()):
            if home == region and versions:
                yield self.versions(name, region)[0]

    def remove(self, name: str, number: int, region: str) -> None:
        """Forget a version; functions that have it keep it, as on AWS."""
        self._layers.get((region, name), {}).pop(number, None)

    async def merged(self, arns: tuple[str, ...], region: str) -> Path | None:
        """The folder of these layers, a later one over an earlier one; None for no layers. Raises ``SettingsError``."""
        found = [self._of(arn, region).code.folder for arn in arns]
        if not found:
            return None
        async with self._merging:
            place = self._merged.get(tuple(found))
            if place is None:
                place = self._new_folder()
                await asyncio.to_thread(_merge, found, place)
                self._merged[tuple(found)] = place
        return place

    def clear(self) -> None:
        """Forget all layers; their folders go with the store, since a function may still end in one."""
        self._layers.clear()
        self._numbers.clear()
        self._merged.clear()

    async def close(self) -> None:
        await asyncio.to_thread(self._folder.cleanup)

    def _of(self, arn: str, region: str) -> LayerVersion:
        name, number = parse_layer(arn, region)
        found = None if number is None else self.find(name, number, region)
        if found is None:
            raise SettingsError(f"Layer version {arn} does not exist.")
        return found

    def _new_folder(self) -> Path:
        return Path(self._folder.name) / str(next(self._names))


def parse_layer(text: str, region: str) -> tuple[str, int | None]:
    """Name and version number of a layer, by its name or ARN. Raises ``SettingsError`` for one that cannot be here."""
    found = _LAYER.fullmatch(text)
    if found is None:
        raise SettingsError(f"{text!r} is no layer: the form is arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION")
    if found["account"] not in (None, ACCOUNT) or found["region"] not in (None, region):
        raise SettingsError(
            f"Layer version {text} is not of this address, which holds layers of account {ACCOUNT} in {region}: "
            "publish its content here (PublishLayerVersion), or leave the layer out"
        )
    return found["name"], int(found["number"]) if found["number"] else None


def _merge(folders: list[Path], place: Path) -> None:
    """Blocking. Files are linked, not copied: they are on one file system, and no function may change /opt."""
    for folder in folders:
        shutil.copytree(folder, place, copy_function=_link, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)
    os.link(source, target)
