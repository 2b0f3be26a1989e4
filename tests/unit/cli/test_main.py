"""A verb is loaded when it is asked for, with what it needs and no more."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer

from afterbay.cli.main import VERBS, app

GROUP = typer.main.get_command(app)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_there_and_says_what_it_does(verb):
    command = GROUP.get_command(None, verb)
    assert command is not None and command.name == verb and command.help
    told = " ".join(command.help.split())
    assert re.search(rf"Example: (AWS_ENDPOINT_URL=\S+ )?afterbay {verb}\b", told), "interfaces.md section 2"


def test_a_word_that_is_no_verb_is_none():
    assert GROUP.get_command(None, "nosuch") is None


@pytest.mark.parametrize("verb", ["status", "match"])
def test_a_small_verb_loads_no_engine_and_no_sdk(verb):
    code = f"""
import sys
from afterbay.cli.main import app
try:
    app(["{verb}", "--help"])
except SystemExit:
    pass
print(sorted(name for name in ("moto", "botocore", "afterbay.engine", "afterbay.endpoint") if name in sys.modules))
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.splitlines()[-1] == "[]"


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        GROUP.main(["--version"])
    assert not ended.value.code
    assert capsys.readouterr().out.strip() == version("afterbay")
