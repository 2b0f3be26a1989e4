"""A verb whose extra is missing names the command that installs it (interfaces.md section 2)."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import typer

from afterbay.cli import main
from afterbay.cli.extras import MODULES, not_installed

ROOT = Path(__file__).parents[3]


def missing(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_every_module_that_an_extra_brings_is_known() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    of_run = {*extras["aws"], *extras["cli"], *extras["run"]}
    brought = {"run": of_run, "dev": set(extras["dev"])}
    for extra, wanted in brought.items():
        names = {re.split(r"[\[><=; ]", one)[0] for one in wanted} - {"afterbay"}
        owners = packages_distributions()
        told = {owner.lower().replace("_", "-") for one in MODULES[extra] for owner in owners.get(one, ())}
        assert names <= told


@pytest.mark.parametrize(
    ("module", "words", "extra"),
    [
        ("httpcore", ["run", "--mapping", "mapping.json"], "run"),
        ("botocore.client", ["pause", "orders"], "run"),
        ("botocore", ["dev"], "dev"),
        ("httpcore", ["verify", "drill", "template.yaml"], "dev"),
        ("httpcore", ["verify", "orders"], "run"),
        ("yaml", ["check"], "dev"),
        ("typer", [], "run"),
    ],
)
def test_one_line_names_the_extra(module: str, words: list[str], extra: str) -> None:
    told = f"afterbay: {module.partition('.')[0]} is not installed (pip install 'afterbay[{extra}]')"
    assert not_installed(missing(module), words) == told


def test_a_module_of_somebody_else_is_none_of_ours() -> None:
    assert not_installed(missing("orders"), ["dev"]) is None
    assert not_installed(ModuleNotFoundError("gone"), ["dev"]) is None


def test_the_command_line_tells_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def lacking(name: str) -> object:
        raise missing("httpcore")

    monkeypatch.setattr(main, "_loaded", lacking)
    group = typer.main.get_command(main.app)
    with pytest.raises(SystemExit) as ended:
        group.main(["tail", "orders"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "afterbay: httpcore is not installed (pip install 'afterbay[run]')\n"


def test_without_the_parser_it_is_told_too() -> None:
    code = "import sys; sys.modules['typer'] = None; sys.argv = ['afterbay', 'dev']; import afterbay.cli.main"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "afterbay: typer is not installed (pip install 'afterbay[dev]')\n")
