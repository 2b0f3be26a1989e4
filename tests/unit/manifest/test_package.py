"""A function's code as a zip file."""

from __future__ import annotations

import io
import zipfile

import pytest

from afterbay.endpoint.state.folder import ADDRESS_FILE
from afterbay.errors import SettingsError
from afterbay.manifest.package import zip_path, zip_text


def names(content: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_a_folder_is_packed_without_what_no_deployment_carries(tmp_path):
    for name in ("app.py", "lib/a.py", "__pycache__/app.pyc", ".git/config", ".venv/x.py", ".aws-sam/build/app.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert names(zip_path(tmp_path)) == ["app.py", "lib/a.py"]


def test_the_state_of_an_address_is_no_code(tmp_path):
    """With ``CodeUri: .`` and ``--state state`` each write would be new code, and new code is a write."""
    (tmp_path / "state").mkdir()
    for name in ("app.py", f"state/{ADDRESS_FILE}", "state/engine.sqlite3-wal"):
        (tmp_path / name).write_text("x")
    assert names(zip_path(tmp_path)) == ["app.py"]


def test_the_same_code_is_the_same_zip_file(tmp_path):
    file = tmp_path / "app.py"
    file.write_text("x")
    first = zip_path(tmp_path)
    file.touch()
    assert zip_path(tmp_path) == first


def test_a_program_stays_executable(tmp_path):
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    (tmp_path / "bootstrap").chmod(0o755)
    (member,) = zipfile.ZipFile(io.BytesIO(zip_path(tmp_path))).infolist()
    assert member.external_attr >> 16 == 0o755


def test_a_zip_file_is_taken_as_it_is_and_a_lone_file_is_packed(tmp_path):
    (tmp_path / "app.py").write_text("x")
    packed = tmp_path / "code.zip"
    packed.write_bytes(zip_text("y", "other.py"))
    assert zip_path(packed) == packed.read_bytes()
    assert names(zip_path(tmp_path / "app.py")) == ["app.py"]


def test_a_broken_link_is_passed_over(tmp_path):
    (tmp_path / "app.py").write_text("x")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert names(zip_path(tmp_path)) == ["app.py"]


def test_code_that_is_not_there_or_empty_is_said(tmp_path):
    with pytest.raises(SettingsError, match=r"its code is not there: .*nowhere"):
        zip_path(tmp_path / "nowhere")
    (tmp_path / "code.zip").write_text("half of a download")
    with pytest.raises(SettingsError, match=r"its code is no zip file, or a damaged one: .*code\.zip"):
        zip_path(tmp_path / "code.zip")
    (tmp_path / "code.zip").unlink()
    with pytest.raises(SettingsError, match="empty folder"):
        zip_path(tmp_path)
