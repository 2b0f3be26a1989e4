"""A load's state file: what it keeps, what it refuses, and that a kill at any instant leaves it whole."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from afterbay.backfill.identity import Identity, function_print, sink_print
from afterbay.backfill.plan import passed, segments
from afterbay.backfill.state import LoadState
from afterbay.errors import StateError
from afterbay.sinks.address import parse_address

TABLE = "arn:aws:dynamodb:eu-west-1:000000000000:table/items"
IDENTITY = Identity(TABLE, "2026-01-01T00:00:00+00:00 id", "the table", "sqlite:copy.db", "digest")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state"


def begun(file: Path, parts: int = 2) -> LoadState:
    state = LoadState(file)
    state.begin(IDENTITY, segments(parts))
    return state


def test_a_new_file_has_no_parts(file: Path) -> None:
    state = LoadState(file)
    assert state.parts(IDENTITY) == ()
    state.close()


def test_places_are_there_again_when_the_file_is_opened_again(file: Path) -> None:
    state = begun(file)
    first, second = segments(2)
    first = passed(first, '{"pk":{"S":"a"}}', items=3, failed=1)
    second = passed(second, None, items=5, failed=0)
    state.save(first)
    state.save(second)
    state.close()
    state = LoadState(file)
    assert state.parts(IDENTITY) == (first, second)
    state.close()


def test_only_its_owner_may_read_it(file: Path) -> None:
    begun(file).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_run_on_the_same_file_is_refused(file: Path) -> None:
    state = begun(file)
    with pytest.raises(StateError, match=f"in use by process {os.getpid()}"):
        LoadState(file)
    state.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"table": TABLE + "2"}, f"of {TABLE}, and this load is of {TABLE}2"),
        ({"created": "2027"}, "of an earlier table of that name"),
        ({"source": "arn:export"}, "of a load from the table, and this one is from arn:export"),
        ({"into": "memory:x"}, "of a load into sqlite:copy.db, and this one is into memory:x"),
        ({"print": "another"}, "with other parameters or filters"),
    ],
)
def test_the_state_of_another_load_is_refused_with_what_differs(file: Path, change: dict, words: str) -> None:
    state = begun(file)
    with pytest.raises(StateError, match="--state") as refused:
        state.parts(replace(IDENTITY, **change))
    assert words in str(refused.value) and "\n" not in str(refused.value)
    assert state.parts(IDENTITY) == segments(2), "and is as it was"
    state.close()


def test_a_file_of_something_else_is_refused_and_left_as_it_is(file: Path) -> None:
    file.write_text("my notes, no database\n" * 100)
    with pytest.raises(StateError, match="no state file"):
        LoadState(file)
    assert file.read_text().startswith("my notes")
    with sqlite3.connect(file.with_name("other")) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    with pytest.raises(StateError, match="no state file"):
        LoadState(file.with_name("other"))


def test_a_file_of_a_newer_version_is_refused(file: Path) -> None:
    begun(file).close()
    db = sqlite3.connect(file)
    db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(StateError, match="newer"):
        LoadState(file)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be opened"):
        LoadState(tmp_path / "nowhere" / "state")


def test_a_kill_between_saves_loses_none_that_returned(file: Path) -> None:
    """A process saves a rising number and prints it; killed, the file has the last one that was printed or the next."""
    begun(file, 1).close()
    code = (
        "import sys; from dataclasses import replace\n"
        "from afterbay.backfill.state import LoadState\n"
        "from unit.backfill.test_state import IDENTITY\n"
        "state = LoadState(sys.argv[1]); (part,) = state.parts(IDENTITY)\n"
        "for number in range(10**6):\n"
        "    state.save(replace(part, cursor=str(number))); print(number, flush=True)\n"
    )
    paths = os.pathsep.join(sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as process:
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        printed = process.stdout.read().split()
    said = int(printed[-1]) if printed else 19
    state = LoadState(file)
    (part,) = state.parts(IDENTITY)
    assert part.cursor is not None and said <= int(part.cursor) <= said + 1
    state.close()


ADDRESS = "postgresql://ann:secret@db:5432/shop?table=copy"


def test_a_password_is_neither_kept_nor_part_of_what_a_sink_is(file: Path) -> None:
    address = parse_address(ADDRESS)
    assert sink_print(address) == sink_print(parse_address(ADDRESS.replace("secret", "another")))
    state = LoadState(file)
    state.begin(replace(IDENTITY, into=str(address), print=sink_print(address)), segments(1))
    state.close()
    assert b"secret" not in file.read_bytes()


@pytest.mark.parametrize(
    ("address", "more"),
    [
        (ADDRESS.replace("copy", "other"), {}),
        (ADDRESS.replace("db:5432", "db:5433"), {}),
        (ADDRESS + "&ttl=mirror", {}),
        (ADDRESS + "&fields=a,b", {}),
        (ADDRESS + "&without=a", {}),
        (ADDRESS, {"where": '{"status":{"S":["SHIPPED"]}}'}),
    ],
)
def test_another_sink_or_filter_has_another_print(address: str, more: dict) -> None:
    assert sink_print(parse_address(address, **more)) != sink_print(parse_address(ADDRESS))


def test_a_print_is_the_same_in_another_process() -> None:
    """No digest of it may depend on hash seeds or addresses in memory."""
    code = (
        "from afterbay.backfill.identity import sink_print; from afterbay.sinks.address import parse_address\n"
        'print(sink_print(parse_address(\'memory:x?fields=b,a,c\', where=\'{"s":{"S":["a",{"prefix":"b"}]}}\')))'
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    prints = {
        subprocess.check_output([sys.executable, "-c", code], env={**environment, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    }
    assert len(prints) == 1


def test_functions_and_filters_are_told_apart() -> None:
    prints = {function_print(*one) for one in [("a", None), ("b", None), ("a", "{}")]}
    assert len(prints) == 3
