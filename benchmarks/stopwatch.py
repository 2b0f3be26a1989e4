"""The function that is measured, in whatever process runs it: notes when it was called, and how far it is.

Needs nothing but the standard library, since it goes into a function's zip as it is. ``STOPWATCH`` names a file; each
call adds one line: the monotonic nanosecond of its start, that of its end, the number of records, the first key. The
monotonic clock is one for all processes of a machine on Linux.
"""

import os
import time
from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, object]:
    began = time.monotonic_ns()
    records = event["Records"]
    first = records[0]["dynamodb"]["Keys"]["pk"]["S"]
    line = f"{began} {time.monotonic_ns()} {len(records)} {first}\n"
    with open(os.environ["STOPWATCH"], "a", encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs a start its time
        file.write(line)
    return {"batchItemFailures": []}
