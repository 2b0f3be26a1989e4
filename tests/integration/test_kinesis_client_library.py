"""AWS's own consumer on the address: the Kinesis Client Library with the DynamoDB Streams adapter (``scripts/kcl.sh``).

It keeps its leases in a table of the address, by conditions of the old form, and reads parents before children.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.serving import REGION, Served, Table, unique, wait_for
from integration.state_address import killed

SCRIPT = Path(__file__).parents[2] / "scripts/kcl.sh"
KEYS = tuple(f"k{n}" for n in range(10))
MISSING = [program for program in ("java", "mvn") if shutil.which(program) is None]
HOME = {name: os.environ[name] for name in ("HOME", "PATH", "JAVA_HOME", "XDG_CACHE_HOME") if name in os.environ}

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(MISSING), reason=f"the Kinesis Client Library needs {' and '.join(MISSING)}"),
]


class Worker:
    """One worker, and what it told so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[list[str]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n").split("\t"))

    def records(self) -> list[tuple[str, str, str]]:
        """Shard, sequence number and key of each record, in the order in which it was handed over."""
        return [(words[1], words[2], words[3]) for words in self.lines if words[0] == "record"]

    def of(self, kind: str) -> list[str]:
        """The shards of which this was told."""
        return [words[1] for words in self.lines if words[0] == kind]

    def stop(self) -> None:
        """Ask it to finish, and wait until it has; what it did not checkpoint in time comes again."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)
        self._reader.join(10)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)
        self._reader.join(10)


@pytest.fixture(scope="module")
def built() -> None:
    done = subprocess.run([SCRIPT, "build"], env=HOME, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@contextmanager
def worker(served: Served, table: Table, application: str, log: Path) -> Iterator[Worker]:
    command = [SCRIPT, "run", served.url, REGION, table.stream, application, unique("w")]
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            command, env=HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
    one = Worker(process)
    try:
        yield one
    finally:
        if process.poll() is None:
            one.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


def fault(served: Served, operation: str, error: str, times: int = 2) -> None:
    served.call("faults", service="dynamodbstreams", operation=operation, error=error, times=times)


def leases(served: Served, application: str) -> dict[str, dict]:
    """The library's leases by shard."""
    items = served.client("dynamodb").scan(TableName=application)["Items"]
    return {one["leaseKey"]["S"]: one for one in items if "checkpoint" in one}


def check_order(records: list[tuple[str, str, str]], rounds: int) -> None:
    """Every change once, but for what a killed worker had not checkpointed, and the changes of an item in order."""
    first = list(dict.fromkeys(records))
    assert len(first) == rounds * len(KEYS)
    for key in KEYS:
        numbers = [int(number) for _, number, name in first if name == key]
        assert len(numbers) == rounds
        assert numbers == sorted(numbers), key


@pytest.mark.timeout(400)
def test_it_reads_all_through_splits_rolls_faults_and_kills(built, tmp_path: Path) -> None:
    """Workers one after the other, and an address that is killed in the middle: nothing is lost or out of order."""
    state, log, application = tmp_path / "state", tmp_path / "kcl.log", unique("app")
    rounds, seen = 0, []

    def write(served: Served, table: Table, times: int) -> None:
        nonlocal rounds
        for _ in range(times):
            rounds += 1
            table.served = served
            table.put(*KEYS, n=rounds)

    def all_there(one: Worker) -> bool:
        assert one.process.poll() is None, log.read_text()[-3000:]
        return len(dict.fromkeys([*seen, *one.records()])) == rounds * len(KEYS)

    with killed(state, tmp_path) as served:
        table = served.table()
        (root,) = table.shards()
        write(served, table, 5)
        with worker(served, table, application, log) as one:
            wait_for(lambda: all_there(one), "what was written before", 90)
            children = served.call("streams/split", StreamArn=table.stream, ShardId=root)["ChildShardIds"]
            write(served, table, 5)
            wait_for(lambda: all_there(one), "both children are read", 90)
            one.stop()
            assert one.of("end") == [root]
            assert sorted(one.of("start")) == sorted([root, *children])
            seen += one.records()
        (grandchild,) = served.call("streams/roll", StreamArn=table.stream, ShardId=children[0])["ChildShardIds"]
        write(served, table, 5)
    with killed(state, tmp_path) as served:
        for operation, error in (
            ("GetRecords", "EmptyPage"),
            ("GetRecords", "ThrottlingException"),
            ("GetRecords", "ExpiredIteratorException"),
            ("DescribeStream", "SplitPage"),
            ("DescribeStream", "LateChildren"),
        ):
            fault(served, operation, error)
        write(served, table, 2)
        with worker(served, table, application, log) as one:
            wait_for(lambda: all_there(one), "a second worker goes on", 90)
            fault(served, "DescribeStream", "LateChildren")
            fault(served, "DescribeStream", "OpenParent")
            served.call("streams/roll", StreamArn=table.stream, ShardId=grandchild)
            write(served, table, 3)
            wait_for(lambda: all_there(one), "children that come late", 90)
            seen += one.records()
            one.kill()
        # The killed worker led, and the library gives nobody its place for two minutes, which no setting shortens.
        served.client("dynamodb").delete_item(TableName=f"{application}-CoordinatorState", Key={"key": {"S": "Leader"}})
        write(served, table, 2)
        with worker(served, table, application, log) as one:
            wait_for(lambda: all_there(one), "a third worker after a kill", 90)
            served.client("dynamodb").update_table(TableName=table.name, StreamSpecification={"StreamEnabled": False})
            served.call("faults", "DELETE")  # those that the library did not meet are not for this list
            shards = table.shards()

            def unfinished() -> set[str]:
                rows = leases(served, application)
                return {name for name in shards if rows.get(name, {}).get("checkpoint") != {"S": "SHARD_END"}}

            wait_for(lambda: not unfinished(), "a stream that was turned off is finished", 60)
            one.stop()
            seen += one.records()
        rows = leases(served, application)
        assert set(rows) == set(shards), "a lease for each shard"
        assert sorted(rows[root]["childShardIds"]["SS"]) == sorted(children)
    check_order(seen, rounds)
    assert len(seen) <= rounds * len(KEYS) + 10 * len(KEYS), "what was repeated is what a kill cut off"
