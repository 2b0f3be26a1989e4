"""The compose example names options and extras that exist, and its health check is one of an address that is up."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import typer
import yaml

from afterbay.cli.main import app
from afterbay.testing import address

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "compose"
SERVICE = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["aws"]


def test_the_command_is_one_that_the_verb_takes() -> None:
    options = {name for one in typer.main.get_command(app).get_command(None, "dev").params for name in one.opts}
    assert {word for word in SERVICE["command"] if word.startswith("--")} <= options
    assert 'ENTRYPOINT ["afterbay", "dev"]' in (FOLDER / SERVICE["build"]["dockerfile"]).read_text()


def test_the_extras_are_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = re.findall(r"afterbay\[([a-z,]+)\]", (FOLDER / SERVICE["build"]["dockerfile"]).read_text())
    assert asked and set(",".join(asked).split(",")) <= extras.keys()


def test_the_health_check_succeeds_once_the_address_is_up() -> None:
    kind, python, flag, program = SERVICE["healthcheck"]["test"]
    assert (kind, python, flag) == ("CMD", "python", "-c")
    with address() as aws:
        here = program.replace("http://127.0.0.1:4566", aws.url)
        assert here != program and subprocess.run([sys.executable, "-c", here], check=False).returncode == 0
