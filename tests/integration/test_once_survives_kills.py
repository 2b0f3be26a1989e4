"""A running total in a process that is killed, at any point and again and again, ends exact: real SIGKILLs."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from contract.histories import KEYS, History
from servers import server_url

TESTS = Path(__file__).parents[1]
CHANGES = 6
POINTS = 3
"""Before the effect, between the effect and the end of its transaction, after it."""

WORKER = """
import sys
import afterbay
from integration.test_once_survives_kills import orders

address, add, stop = sys.argv[1], sys.argv[2], int(sys.argv[3])
point = 0

def reached():
    global point
    point += 1
    if point == stop:
        print("here", flush=True)
        sys.stdin.read()

ledger = afterbay.ledger(address)
for change in afterbay.changes({"Records": orders()}):
    reached()
    with afterbay.once(change, ledger) as transaction:
        if transaction:
            transaction.execute(add.format(change.new["amount"]))
        reached()
    reached()
print("end", flush=True)
ledger.close()
"""


def orders():
    made = History(random.Random(1))
    for number in range(CHANGES):
        made.put(KEYS[number % 2], amount={"N": str(10**number)})
    return made.records


def run(address, add, stop):
    """Everything from the start, as a mapping sends it again; killed at a point, or left to its end."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, address, add, str(stop)],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said = worker.stdout.readline().strip()
    finally:
        worker.kill()
        worker.communicate()
    return said


def killed_again_and_again(address, add):
    """Between effect and end twice in one transaction and once in another, and after an end."""
    for stop in (2, 2, POINTS, 3 * POINTS - 1):
        assert run(address, add, stop) == "here"
    assert run(address, add, 0) == "end"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_total_is_exact_after_kills_at_every_point(kind, tmp_path):
    if kind == "sqlite":
        file = tmp_path / "totals.db"
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute("CREATE TABLE totals (total INTEGER)")
            database.execute("INSERT INTO totals VALUES (0)")
            killed_again_and_again(f"sqlite:///{file}?table=done", "UPDATE totals SET total = total + {}")
            ((total,),) = database.execute("SELECT total FROM totals").fetchall()
    else:
        table = f"t{uuid.uuid4().hex}"
        with psycopg.connect(url := server_url("postgres"), autocommit=True) as session:
            session.execute(f"CREATE TABLE {table} (total int)")
            session.execute(f"INSERT INTO {table} VALUES (0)")
            killed_again_and_again(f"{url}?table={table}_done", f"UPDATE {table} SET total = total + {{}}")
            ((total,),) = session.execute(f"SELECT total FROM {table}").fetchall()
    assert total == 111_111
