"""Functions whose code changes on disk: packed and handed over again, while their mappings go on (hot reload)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from watchfiles import Change, awatch

from afterbay.aws.client import Aws
from afterbay.errors import AfterbayError
from afterbay.manifest.package import LEFT_OUT, WatchedCode, zip_path

__all__ = ["watch"]

QUIET_MS = 250
"""How long nothing must change before what changed is taken: an editor writes a file in several steps."""


async def watch(code: Sequence[WatchedCode], aws: Aws, say: Callable[[str], None]) -> None:
    """Until cancelled. A change that cannot be taken is told, and the code before it goes on being called."""
    roots = {one.path.resolve(): one.path for one in code if one.path.exists()}
    if not roots:
        return
    folders = {root if root.is_dir() else root.parent for root in roots}
    async for changes in awatch(
        *folders, watch_filter=_counts, debounce=QUIET_MS * 4, step=QUIET_MS, rust_timeout=1000
    ):
        files = [Path(file) for _, file in changes]
        for one in code:
            root = one.path.resolve()
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


def _counts(change: Change, path: str) -> bool:
    """False for what no deployment carries, and for what Python and editors leave beside a file."""
    name = path.rpartition("/")[2]
    return not (LEFT_OUT & set(path.split("/")) or name.endswith((".pyc", "~", ".swp", ".swx", ".tmp")))
