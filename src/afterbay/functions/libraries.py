"""The folder of what a function may import besides its own code, as from a layer: boto3, afterbay, the runtime client.

The folder holds links to what is installed beside us. It exists because a function must not see our whole environment:
code that works here only because, say, ``httpx`` happens to be installed would fail on AWS. For the same reason what
sinks need has a folder of its own inside it, which the launcher adds to the path of functions that use a sink.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

__all__ = ["has_awslambdaric", "link_libraries"]

SINK_DRIVERS = (
    "opensearch-py",
    "psycopg",
    "psycopg-binary",
    "pyarrow",
    "deltalake",
    "pyiceberg",
    "sqlalchemy",
)
"""What the extras of ``afterbay`` install for its sinks, so that ``into_sink`` reaches each of them. SQLAlchemy is an
extra of pyiceberg's own, for SQL catalogs."""

OFFERED = ("boto3", "afterbay", "awslambdaric")
"""What is linked, with all it requires; one that is not installed is left out."""

DRIVERS_FOLDER = ".sinks"
"""No module can be called so, and ``launcher`` knows the name."""

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)([^;]*)(?:;(.*))?$")
_PACKAGE = Path(__file__).resolve().parents[1]
_NOT_MODULES = frozenset({"", "..", "__pycache__", "bin", "Scripts"})


def has_awslambdaric() -> bool:
    """True where the runtime's own client is installed with its compiled part, without which it cannot run."""
    try:
        files = metadata.distribution("awslambdaric").files or []
    except metadata.PackageNotFoundError:
        return False
    return any(file.name.startswith("runtime_client.") and file.name.endswith(".so") for file in files)


def link_libraries(folder: Path) -> Path:
    """Fill ``folder`` (made if need be) with links; return it."""
    seen: set[str] = set()
    _link(folder, _modules(OFFERED, seen))
    # An editable install lists no modules of its own.
    _link(folder, [("afterbay", _PACKAGE)])
    _link(folder / DRIVERS_FOLDER, _modules(SINK_DRIVERS, seen))
    return folder


def _link(folder: Path, modules: Iterable[tuple[str, Path]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in modules:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(target)


def _modules(names: tuple[str, ...], seen: set[str]) -> Iterator[tuple[str, Path]]:
    """Every top-level module, package and metadata folder: its name and where it is."""
    for distribution in _closure(names, seen):
        for top in sorted(_tops(distribution) - _NOT_MODULES):
            if not top.endswith(".pth"):
                yield top, Path(str(distribution.locate_file(top)))


def _tops(distribution: metadata.Distribution) -> set[str]:
    """The first part of every file's path. Read here, since ``files`` makes a path of each: a tenth of a second."""
    record = distribution.read_text("RECORD")
    if record is None:  # not installed from a wheel
        return {PurePosixPath(file).parts[0] for file in distribution.files or []}
    return {row[0].partition("/")[0] for row in csv.reader(record.splitlines()) if row}


def _closure(names: tuple[str, ...], seen: set[str]) -> Iterator[metadata.Distribution]:
    """The installed distributions among ``names`` and what they require, extras apart, without those ``seen``, to which
    they are added.

    Markers other than extras are not read: what they rule out here is not installed here either.
    """
    waiting = deque(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.popleft()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        yield distribution
        for line in distribution.requires or []:
            found = _REQUIREMENT.match(line)
            if found and "extra" not in (found[3] or ""):
                waiting.append(found[1])
