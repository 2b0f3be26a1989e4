"""``afterbay deadletters list --outbox`` of a state file."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from afterbay.cli.main import app
from afterbay.stores.sqlite import SqliteStore
from unit.targets.test_archive import letter


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["deadletters", "list", "--outbox", *words])


def test_letters_that_wait_in_a_state_file_are_listed_beside_its_engine(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state")
    try:
        store.store_letter(letter(event=b'{"Records":["the customer\'s"]}'), outbox_max=10)
        store.letter_failed(1, "the queue is gone")
        done = run("--state", str(tmp_path / "state"), "--json")
        (told,) = json.loads(done.stdout)["letters"]
        assert (done.exit_code, told["tries"], told["last_error"]) == (0, 1, "the queue is gone")
        assert (told["first"], told["last"], told["batch_size"]) == ("10", "19", 4)
        lines = run("--state", str(tmp_path / "state")).stdout
        assert "1 failed, last: the queue is gone" in lines and "from 10 to 19" in lines
        assert "customer" not in done.stdout + lines
    finally:
        store.close()


def test_an_empty_outbox_says_so(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "state").close()
    assert run("--state", str(tmp_path / "state")).stdout == "no dead letters\n"


def test_a_state_file_that_is_not_there_is_misused(tmp_path: Path) -> None:
    done = run("--state", str(tmp_path / "no"))
    assert done.exit_code == 2 and "state file" in done.stderr


def test_a_place_beside_the_outbox_is_misused() -> None:
    done = run("--queue", "http://127.0.0.1/q")
    assert done.exit_code == 2 and "--outbox" in done.stderr
