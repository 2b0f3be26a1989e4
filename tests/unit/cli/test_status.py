"""How `status` is told where no terminal is: whole, since it is read by ``grep`` and pasted into ``skip``."""

from __future__ import annotations

import msgspec
import pytest

from afterbay.cli.status import _print, _Status  # pyright: ignore[reportPrivateUsage] - what a person reads

SHARD = "shardId-00000001795876431711-cfeadcf1"
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-11-28T14:33:51.711"


def test_a_shard_an_arn_and_a_reason_are_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "ValidationException: Member must satisfy enum value set: [latest, trim] " + "and so on " * 20
    lane = {"lane": 0, "state": "idle", "records": 0, "attempts": 0}
    shard = {"shard": SHARD, "state": "reading", "position": "300000002000000448451", "age_s": 1.0, "buffered": 0}
    mapping = {
        "uuid": "64eaf0ca-63b5-41f8-bbb8-7ca26e870add",
        "event_source_arn": STREAM,
        "function_arn": "arn:aws:lambda:eu-west-1:000000000000:function:orders-cdc",
        "state": "Enabled",
        "last_processing_result": "OK",
        "age_s": 1.0,
        "source_failure": reason,
        "shards": [shard | {"blocked_by": reason, "lanes": [lane]}],
    }
    outbox = {"waiting": 1, "full": False, "last_error": reason}
    _print(msgspec.convert({"at": "now", "mappings": [mapping], "outbox": outbox}, _Status))
    told = capsys.readouterr().out
    assert told.count(reason.strip()) == 3
    assert all(any(one in line for line in told.splitlines()) for one in (SHARD, STREAM, "300000002000000448451"))
