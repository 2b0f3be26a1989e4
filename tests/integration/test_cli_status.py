"""``afterbay status``: the snapshot for a program, for a person, and where there is none."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from integration.serving import Served, afterbay, child, wait_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


@pytest.fixture(scope="module")
def blocked(served, tmp_path_factory):
    """A mapping that a record blocks: function name, UUID, table."""
    function, table = served.function(tmp_path_factory.mktemp("function")), served.table()
    function.plan("bad")
    table.put("bad", "later")
    made = served.client("lambda").create_event_source_mapping(
        FunctionName=function.name, EventSourceArn=table.stream, StartingPosition="TRIM_HORIZON", BatchSize=1
    )
    wait_for(lambda: any(one["blocked_by"] for one in served.status(made["UUID"])["shards"]), "the shard is blocked")
    return function, made["UUID"], table


def test_json_has_the_documented_members(served, blocked):
    function, uuid, table = blocked
    done = afterbay("status", "--json", url=served.url)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told.keys() == {"at", "mappings", "pipes", "outbox"} and told["pipes"] == []
    assert datetime.fromisoformat(told["at"]).tzinfo is not None
    assert told["outbox"] == {"waiting": 0, "full": False, "last_error": None}
    (mapping,) = told["mappings"]
    assert mapping.keys() == {
        *("uuid", "event_source_arn", "function_arn", "state", "last_processing_result", "age_s"),
        *("source_failure", "counters", "shards", "queue", "notices"),
    }
    assert (mapping["uuid"], mapping["state"]) == (uuid, "Enabled")
    assert (mapping["event_source_arn"], mapping["function_arn"]) == (table.stream, function.arn)
    assert mapping["last_processing_result"] == "PROBLEM: Function call failed"
    assert mapping["age_s"] > 0 and mapping["source_failure"] is None
    assert mapping["counters"]["errors"] >= 1 and mapping["queue"] is None
    (shard,) = mapping["shards"]
    assert shard.keys() == {"shard", "state", "parents", "position", "age_s", "buffered", "blocked_by", "lanes"}
    assert (shard["shard"], shard["state"], shard["parents"]) == (table.shards()[0], "reading", [])
    assert (shard["position"], shard["buffered"]) == ("TRIM_HORIZON", 2)
    number = function.lines()[0]["records"][0]["dynamodb"]["SequenceNumber"]
    assert number in shard["blocked_by"] and "failed attempt" in shard["blocked_by"]
    assert any("MaximumRetryAttempts" in notice["detail"] for notice in mapping["notices"]), "what to set is told"


def test_a_person_reads_what_runs_and_what_blocks_it(served, blocked):
    function, uuid, table = blocked
    done = afterbay("status", "--endpoint-url", served.url)
    assert (done.returncode, done.stderr) == (0, "")
    for text in (function.name, uuid, table.stream, "Enabled", "PROBLEM: Function call failed", "shard", "blocked"):
        assert text in " ".join(done.stdout.split()) or text in done.stdout.replace("\n", ""), done.stdout


def test_the_json_is_what_the_address_answers(served, blocked):
    """One document for the command and the address; what moves on between the two calls is left out."""
    told = json.loads(afterbay("status", "--json", url=served.url).stdout)
    answered = served.call("status", "GET")
    assert told.keys() == answered.keys()
    assert [one["uuid"] for one in told["mappings"]] == [one["uuid"] for one in answered["mappings"]]


def test_no_address_is_refused_with_what_to_type():
    done = afterbay("status")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "no address" in line and "--endpoint-url" in line


def test_what_is_no_address_is_named():
    done = afterbay("status", "--endpoint-url", "localhost:4566")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "localhost:4566" in line and "http://" in line


def test_an_address_where_nothing_listens_is_named():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, never listening: a connection is refused
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        done = afterbay("status", url=url)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert url in line and "afterbay dev" in line


class _Other(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *words: object) -> None: ...


def test_another_server_is_not_taken_for_an_address():
    with HTTPServer(("127.0.0.1", 0), _Other) as other:
        thread = Thread(target=other.serve_forever)
        thread.start()
        done = afterbay("status", url=f"http://127.0.0.1:{other.server_port}")
        other.shutdown()
        thread.join()
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "404" in line and "afterbay address" in line
