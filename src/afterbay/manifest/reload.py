"""Functions whose code changes on disk: packed and handed over again, while their mappings go on (hot reload)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import cast

import watchfiles

from afterbay.aws.client import Aws
from afterbay.errors import AfterbayError
from afterbay.manifest.package import WatchedCode, is_left_out, zip_path

__all__ = ["watch"]

QUIET_MS = 250
"""How long nothing must change before what changed is taken: an editor writes a file in several steps."""

_Awatch = Callable[..., AsyncIterator[set[tuple[watchfiles.Change, str]]]]
_LEFTOVERS = (".pyc", "~", ".swp", ".swx", ".tmp", ".log")
"""What Python and editors leave beside a file, and where our own lines may go: to take such a line as a change would
write the next."""


async def watch(code: Sequence[WatchedCode], aws: Aws, say: Callable[[str], None]) -> None:
    """Until cancelled. A change that cannot be taken is told, and the code before it goes on being called.

    Raises ``OSError`` or ``RuntimeError`` where the system cannot watch.
    """
    roots = [one.path.resolve() for one in code]
    folders = {root if root.is_dir() else root.parent for root in roots if root.exists()}
    if not folders:
        return
    awatch = cast("_Awatch", vars(watchfiles)["awatch"])  # its own types are not whole
    seen = awatch(*folders, watch_filter=_counts, step=QUIET_MS)
    async for changes in seen:
        files = [Path(file) for _, file in changes]
        for one, root in zip(code, roots, strict=True):
            changed = sorted(file for file in files if file == root or root in file.parents)
            if changed:
                await _renew(one, changed, aws, say)


async def _renew(one: WatchedCode, changed: Sequence[Path], aws: Aws, say: Callable[[str], None]) -> None:
    names = ", ".join(file.name for file in changed[:3]) + (", ..." if len(changed) > 3 else "")
    try:
        content = await asyncio.to_thread(zip_path, one.path)
        await aws.call("lambda", "update_function_code", FunctionName=one.function, ZipFile=content)
    except (AfterbayError, OSError) as error:
        say(f"{one.function}: {names} changed, and the code before it stays: {error}")
        return
    say(f"{one.function}: {names} changed; the next invocation runs it")


def _counts(change: watchfiles.Change, path: str) -> bool:
    """False for what no deployment carries, and for what is no code."""
    return not (path.endswith(_LEFTOVERS) or any(map(is_left_out, (Path(path), *Path(path).parents))))
