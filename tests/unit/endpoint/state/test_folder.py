"""The folder of ``--state``: what is refused, and how."""

import os
import sqlite3
import stat

import pytest

from afterbay.endpoint.state.folder import ADDRESS_FILE, LOCK_FILE, MIGRATIONS, StateFolder
from afterbay.errors import StateError
from afterbay.stores.schema import migrate


def refused(path, *words: str) -> None:
    with pytest.raises(StateError) as refusal:
        StateFolder(path).close()
    text = str(refusal.value)
    assert "\n" not in text
    assert str(path) in text
    for word in words:
        assert word in text, text


def test_a_folder_is_made_where_there_is_none(tmp_path):
    folder = StateFolder(tmp_path / "deep" / "state")
    folder.close()
    assert (tmp_path / "deep" / "state" / ADDRESS_FILE).is_file()
    StateFolder(tmp_path / "deep" / "state").close()


def test_only_its_owner_reads_the_state(tmp_path):
    StateFolder(tmp_path / "state").close()
    assert stat.S_IMODE((tmp_path / "state" / ADDRESS_FILE).stat().st_mode) == 0o600


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "state").write_text("mine")
    refused(tmp_path / "state", "no folder")
    refused(tmp_path / "state" / "below", "no folder")


def test_someone_elses_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    refused(tmp_path, "no state of afterbay")
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]


def test_someone_elses_database_is_left_alone(tmp_path):
    other = sqlite3.connect(tmp_path / ADDRESS_FILE)
    other.execute("CREATE TABLE mine (a)")
    other.close()
    before = (tmp_path / ADDRESS_FILE).read_bytes()
    refused(tmp_path, "no state file")
    assert (tmp_path / ADDRESS_FILE).read_bytes() == before


def test_a_damaged_file_is_told(tmp_path):
    (tmp_path / ADDRESS_FILE).write_bytes(b"no database at all, but long enough to be looked at" * 100)
    refused(tmp_path, "no state file")


def test_two_at_a_time_are_one_too_many(tmp_path):
    first = StateFolder(tmp_path / "state")
    try:
        refused(tmp_path / "state", "in use", str(os.getpid()))
    finally:
        first.close()
    StateFolder(tmp_path / "state").close()


def test_a_lock_alone_is_no_state_of_anyone(tmp_path):
    (tmp_path / LOCK_FILE).touch()
    StateFolder(tmp_path).close()


def test_a_newer_state_is_refused_and_left_as_it_is(tmp_path):
    folder = StateFolder(tmp_path / "state")
    folder.connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    folder.close()
    refused(tmp_path / "state", f"form {len(MIGRATIONS) + 1}", "newer afterbay")


def test_a_state_goes_on_in_the_next_form(tmp_path):
    folder = StateFolder(tmp_path / "state")
    folder.connection.execute("INSERT INTO meta VALUES ('kept', 'yes')")
    steps = (*MIGRATIONS, ("ALTER TABLE meta ADD COLUMN note TEXT",))
    owner = int(folder.connection.execute("PRAGMA application_id").fetchone()[0])
    migrate(folder.connection, tmp_path, steps, own=owner)
    assert folder.connection.execute("SELECT name, value, note FROM meta").fetchall() == [("kept", "yes", None)]
    folder.close()


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "state").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    refused(tmp_path / "state", "cannot be written")


def test_a_place_that_cannot_be_made_is_told(tmp_path):
    refused(tmp_path / ("x" * 300), "cannot be used")
