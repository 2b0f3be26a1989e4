"""``requirements.txt`` beside a function's code, installed by pip from a folder of wheels."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from afterbay.errors import SettingsError
from afterbay.functions.libraries import link_libraries
from afterbay.functions.requirements import KEPT_MAX, Requirements
from integration.lambda_api import Api, layer_zip, run_on_api

WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, and nothing else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    wheel(folder, "tinytool", "1.0")
    wheel(folder, "tinytool", "2.0")
    return folder


def wheel(folder: Path, name: str, version: str) -> None:
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", WHEEL)
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_libraries(tmp_path_factory.mktemp("libraries"))


@pytest.fixture
def requirements(tmp_path: Path, libraries: Path) -> Requirements:
    return Requirements(tmp_path / "cache", libraries)


def code_with(folder: Path, text: str, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"requirements.txt": text, **files}.items():
        (folder / name).write_text(content)
    return folder


def test_the_same_requirements_are_installed_once(wheels: Path, requirements: Requirements, tmp_path: Path) -> None:
    one = code_with(tmp_path / "one", "tinytool==1.0  # pinned\n")
    two = code_with(tmp_path / "two", "\n# a comment\ntinytool==1.0\n")
    newer = code_with(tmp_path / "newer", "tinytool>=1\n")

    async def go():
        together = await asyncio.gather(requirements.installed(one), requirements.installed(two))
        other = await requirements.installed(newer)
        shutil.rmtree(wheels)  # from here on nothing can be installed
        return together, other, await requirements.installed(one)

    together, other, again = asyncio.run(go())
    assert together == [again, again] and other != again
    assert (again / "tinytool.py").read_text() == "VERSION = '1.0'\n"
    assert (other / "tinytool.py").read_text() == "VERSION = '2.0'\n"
    assert not [one for one in again.parent.iterdir() if one.name.startswith("new-")]


@pytest.mark.parametrize(
    "text", [None, "", "# nothing\n", "boto3\nbotocore >= 1.20\n", "afterbay\nboto3>=1.30 # aws\n"]
)
def test_what_every_function_sees_needs_no_installation(
    wheels: Path, requirements: Requirements, tmp_path: Path, text: str | None
) -> None:
    code = code_with(tmp_path / "code", text or "")
    if text is None:
        (code / "requirements.txt").unlink()
    assert asyncio.run(requirements.installed(code)) is None


def test_what_a_build_has_put_beside_the_code_is_not_installed_again(
    wheels: Path, requirements: Requirements, tmp_path: Path
) -> None:
    code = code_with(tmp_path / "code", "tiny-tool_x[extra]==9.9\n")
    info = code / "tiny_tool_x-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny.tool-x\nVersion: 9.9\n")
    assert asyncio.run(requirements.installed(code)) is None


def test_an_included_file_counts(wheels: Path, requirements: Requirements, tmp_path: Path) -> None:
    code = code_with(tmp_path / "code", "-r more.txt\n", **{"more.txt": "tinytool==1.0\n"})
    first = asyncio.run(requirements.installed(code))
    (code / "more.txt").write_text("tinytool==2.0\n")
    second = asyncio.run(requirements.installed(code))
    assert first != second and (second / "tinytool.py").read_text() == "VERSION = '2.0'\n"


@pytest.mark.parametrize(
    "text, told",
    [
        ("boto3==0.0.1\n", "requirements.txt cannot be installed: No matching distribution found for boto3==0.0.1"),
        ("no-such-tool\n", "requirements.txt cannot be installed: No matching distribution found for no-such-tool"),
        ("-e ../mine\n", "requirements.txt: '-e ../mine' is a path of this machine"),
        ("./mine\n", "requirements.txt: './mine' is a path of this machine"),
    ],
)
def test_what_cannot_be_installed_is_told_in_one_line(
    wheels: Path, requirements: Requirements, tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        asyncio.run(requirements.installed(code_with(tmp_path / "code", text)))
    assert caught.value.message.startswith(told) and "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").glob("*")), "nothing half there"


def test_the_cache_is_bounded(wheels: Path, requirements: Requirements, tmp_path: Path) -> None:
    for number in range(KEPT_MAX):
        old = tmp_path / "cache" / f"{number:032x}"
        old.mkdir(parents=True)
        os.utime(old, (number, number))
    made = asyncio.run(requirements.installed(code_with(tmp_path / "code", "tinytool\n")))
    left = list((tmp_path / "cache").iterdir())
    assert len(left) == KEPT_MAX and made in left and tmp_path / "cache" / f"{0:032x}" not in left


def test_a_function_has_them_before_its_first_event(wheels: Path, libraries: Path, tmp_path: Path) -> None:
    code = "import tinytool\ndef handler(e, c): return tinytool.VERSION\n"

    async def test(api: Api):
        content = layer_zip(**{"app.py": code, "requirements.txt": "tinytool<2\n"})
        await api.create(Code={"ZipFile": content}, Publish=True)
        await api.call("PUT", "/2015-03-31/functions/orders/configuration", {"Timeout": 9})
        return (await api.invoke({})).body, (await api.invoke({}, "orders:1")).body

    assert run_on_api(libraries, test, cache=tmp_path / "cache") == (b'"1.0"', b'"1.0"')


def test_without_them_the_function_runs_and_its_log_says_why(
    wheels: Path, libraries: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(api: Api):
        content = layer_zip(**{"app.py": "def handler(e, c): return 1\n", "requirements.txt": "no-such-tool\n"})
        await api.create(Code={"ZipFile": content})
        return json.loads((await api.invoke({})).body), [line.text for line in api.lines if not line.request_id]

    answer, lines = run_on_api(libraries, test, cache=tmp_path / "cache")
    assert answer == 1 and len(lines) == 1 and lines[0].startswith("afterbay: requirements.txt cannot be installed")
    assert [one.reason for one in caplog.records] == [lines[0].removeprefix("afterbay: ").rstrip()]
