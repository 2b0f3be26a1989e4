"""The package's surface: what ``__all__`` lists is there, documented, and costs nothing before it is used."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import afterbay
from afterbay import handler

HEAVY = ("botocore", "boto3", "moto", "uvicorn", "httpcore", "typer", "rich", "sqlite3", "asyncio")


def loaded_by(code: str) -> list[str]:
    check = f"import sys; {code}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout.split()


def test_import_loads_neither_an_sdk_nor_a_server():
    assert loaded_by("import afterbay") == []


def test_all_names_together_load_neither_an_sdk_nor_a_server():
    loaded = loaded_by("from afterbay import *; import afterbay.handler")
    assert not {"botocore", "boto3", "moto", "uvicorn", "httpcore", "typer", "rich"} & set(loaded)


def test_a_sink_loads_what_it_needs_and_no_more():
    assert "botocore" not in loaded_by("import afterbay; afterbay.sink('sqlite:///x.db?table=t')")
    assert "botocore" in loaded_by("import afterbay; afterbay.sink('dynamodb://orders-copy')")


def test_without_the_sdk_its_sink_says_what_to_install():
    code = (
        "import sys; sys.modules['boto3'] = None\nimport afterbay\n"
        "try: afterbay.sink('dynamodb://orders-copy')\nexcept afterbay.SettingsError as e: print(e)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'afterbay[aws]'" in said


@pytest.mark.parametrize("name", afterbay.__all__)
def test_every_public_name_is_there_and_documented(name):
    found = getattr(afterbay, name)
    assert inspect.getdoc(found) and found.__doc__, f"{name} has no docstring of its own"


@pytest.mark.parametrize("name", handler.__all__)
def test_every_name_of_the_handler_is_there_and_documented(name):
    assert getattr(handler, name).__doc__


def test_type_checkers_see_the_same_names():
    """The imports that only type checkers read, ``__all__`` and what is loaded are one list."""
    tree = ast.parse(Path(afterbay.__file__).read_text())
    seen = {
        name.asname: part.module for part in ast.walk(tree) if isinstance(part, ast.ImportFrom) for name in part.names
    }
    seen = {name: module for name, module in seen.items() if name}
    assert seen == {name: afterbay._HOMES[name] for name in afterbay.__all__} == afterbay._HOMES
    assert afterbay.__all__ == sorted(afterbay.__all__) and set(afterbay.__all__) <= set(dir(afterbay))


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing_such"):
        afterbay.nothing_such  # noqa: B018 - the look-up itself is what is tested
