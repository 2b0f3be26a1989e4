"""Cut to a limit, a record of a pipe's log has at most that many bytes; one more character would be too much (X104)."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.pipe.log import Level, Step
from afterbay.core.pipe.log_record import LogRecord

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
ORDER = ("awsRequest", "awsResponse")


def size(document: dict) -> int:
    return len(msgspec.json.encode(document))


@given(texts, texts, st.integers(300, 700))
def test_a_log_record_is_as_long_as_its_limit_lets_it_be(request: str, response: str, limit: int) -> None:
    record = LogRecord(
        execution_id="e",
        timestamp_ms=0,
        step=Step.TARGET_INVOCATION_FAILED,
        pipe_arn="arn:aws:pipes:us-east-1:111122223333:pipe/p",
        level=Level.TRACE,
        aws_request=request,
        aws_response=response,
    )
    whole = record.document(include_data=True)
    cut = record.document(include_data=True, bytes_max=limit)
    assert size(cut) <= limit
    if size(whole) <= limit:
        assert cut == whole
        return
    listed = cut["truncatedFields"]
    assert listed == list(ORDER[: len(listed)])
    for name in ORDER:
        assert str(whole[name]).startswith(str(cut[name]))
        assert (cut[name] != whole[name]) == (name in listed)
    assert all(cut[name] == "" for name in listed[:-1]), "wholly before the next"
    last = listed[-1]
    longer = str(whole[last])[: len(str(cut[last])) + 1]
    assert size({**cut, last: longer}) > limit
