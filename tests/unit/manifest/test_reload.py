"""Code that changes on disk is taken, and what no deployment carries is not."""

from __future__ import annotations

import asyncio
import io
import zipfile
from pathlib import Path

import watchfiles

from afterbay.errors import UnavailableError
from afterbay.manifest.package import WatchedCode
from afterbay.manifest.reload import _counts, watch
from afterbay.stores.opening import ADDRESS_FILE


class Recorded:
    """An address that takes code."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[str]]] = []
        self.refuses = False
        self.lines: list[str] = []

    async def call(self, service: str, operation: str, **members: object) -> dict[str, object]:
        assert (service, operation) == ("lambda", "update_function_code")
        if self.refuses:
            raise UnavailableError("down", code="ServiceUnavailable")
        content = members["ZipFile"]
        assert isinstance(content, bytes)
        self.taken.append((str(members["FunctionName"]), zipfile.ZipFile(io.BytesIO(content)).namelist()))
        return {}


async def until(condition) -> None:
    async def met() -> None:
        while not condition():
            await asyncio.sleep(0.01)  # the file system tells when it likes

    await asyncio.wait_for(met(), 30)


async def changed(aws: Recorded, code: list[WatchedCode], write) -> None:
    """``write`` again and again until something is told: the watcher says nothing of when it began."""
    watching = asyncio.create_task(watch(code, aws, aws.lines.append))
    try:
        for number in range(60):
            write(number)
            try:
                await asyncio.wait_for(asyncio.shield(asyncio.create_task(until(lambda: aws.lines))), 0.7)
                return
            except TimeoutError:
                continue
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_changed_code_is_packed_and_handed_over(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text("0")
    aws = Recorded()
    code = [WatchedCode("first", tmp_path / "one"), WatchedCode("second", tmp_path / "two")]
    await changed(aws, code, lambda number: (tmp_path / "two/app.py").write_text(str(number)))
    assert {name for name, _ in aws.taken} == {"second"} and aws.taken[0][1] == ["app.py"]
    assert aws.lines[0] == "second: app.py changed; the next invocation runs it"


async def test_code_that_cannot_be_taken_is_told(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("0")
    aws = Recorded()
    aws.refuses = True
    await changed(aws, [WatchedCode("f", file)], lambda number: file.write_text(str(number)))
    assert aws.lines[0].startswith("f: app.py changed, and the code before it stays: ") and not aws.taken


async def test_nothing_to_watch_ends_at_once(tmp_path: Path) -> None:
    await watch([WatchedCode("f", tmp_path / "nowhere")], Recorded(), print)


def test_what_no_deployment_carries_does_not_count(tmp_path: Path) -> None:
    modified = watchfiles.Change.modified
    assert _counts(modified, "/src/app.py")
    for path in ("/src/__pycache__/app.cpython-311.pyc", "/src/.git/index", "/src/app.py~", "/src/.app.py.swp"):
        assert not _counts(modified, path)
    (tmp_path / ADDRESS_FILE).touch()
    for name in (ADDRESS_FILE, "engine.sqlite3-wal", "../dev.log"):
        assert not _counts(modified, str(tmp_path / name)), "a line of ours would be the next change"
