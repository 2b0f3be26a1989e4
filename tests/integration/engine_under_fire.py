"""The function of the kill test, run inside the engine that is killed (``afterbay run --inline``).

It appends one line per batch to the witness, then returns. With ``KILL_AT_LETTER`` the process kills itself once a dead
letter is durable and before the checkpoint that follows it.
"""

import json
import os
import signal
import time
from pathlib import Path

from afterbay.stores.sqlite import SqliteStore

WITNESS = Path(os.environ["WITNESS"])
WORK_S = 0.02

if os.environ.get("KILL_AT_LETTER"):
    _store_letter = SqliteStore.store_letter

    def _store_and_die(self, letter, *, outbox_max):
        _store_letter(self, letter, outbox_max=outbox_max)
        with WITNESS.with_suffix(".letters").open("a") as file:
            file.write(f"{letter.first}\n")
        os.kill(os.getpid(), signal.SIGKILL)

    SqliteStore.store_letter = _store_and_die


def handler(event, context):
    time.sleep(WORK_S)
    bad = [one for one in event["Records"] if "poison" in one["dynamodb"]["NewImage"]]
    seen = [
        (one["dynamodb"]["Keys"]["pk"]["S"], one["dynamodb"]["SequenceNumber"])
        for one in event["Records"]
        if one not in bad
    ]
    line = json.dumps({"pid": os.getpid(), "id": context.aws_request_id, "seen": seen, "bad": len(bad)}) + "\n"
    with WITNESS.open("a") as file:
        file.write(line)
    if bad:
        raise ValueError("a record that no handler can process")
