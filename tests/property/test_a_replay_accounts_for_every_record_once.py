"""Whatever a handler does and whatever the settings are, a replay tells of each record once, each item in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from afterbay.testing import change, replay, stream_event

ITEMS = "abcd"


@given(
    letters=st.text(ITEMS, min_size=1, max_size=25),
    fates=st.lists(st.sampled_from(["raise", "first", "last", "ok"]), max_size=30),
    bad=st.sets(st.sampled_from(ITEMS), max_size=2),
    size=st.integers(1, 10),
    factor=st.sampled_from([1, 3]),
    attempts=st.integers(0, 2),
    bisect=st.booleans(),
    partial=st.booleans(),
    filtered=st.booleans(),
)
def test_a_replay_accounts_for_every_record_once(
    letters, fates, bad, size, factor, attempts, bisect, partial, filtered
):
    event = stream_event(*(change(new={"pk": one, "n": n}) for n, one in enumerate(letters)))
    left = list(fates)

    def handler(event, context):
        records = event["Records"]
        fate = left.pop() if left else "ok"
        if any(one["dynamodb"]["Keys"]["pk"]["S"] in bad for one in records) or fate == "raise":
            raise ValueError("as planned")
        if fate == "ok":
            return None
        named = records[0 if fate == "first" else -1]["dynamodb"]["SequenceNumber"]
        return {"batchItemFailures": [{"itemIdentifier": named}]}

    told = replay(
        event,
        handler,
        BatchSize=size,
        ParallelizationFactor=factor,
        MaximumRetryAttempts=attempts,
        BisectBatchOnFunctionError=bisect,
        FunctionResponseTypes=["ReportBatchItemFailures"] if partial else [],
        FilterCriteria={"Filters": [{"Pattern": '{"eventName":["INSERT"],"dynamodb":{"Keys":{"pk":{"S":["a","b"]}}}}'}]}
        if filtered
        else {},
    )
    numbers = [one.sequence_number for part in (told.delivered, told.filtered, told.discarded) for one in part]
    assert sorted(map(str, numbers)) == [one["dynamodb"]["SequenceNumber"] for one in event["Records"]]
    assert told.blocked == ()
    assert sum(one["DDBStreamBatchInfo"]["batchSize"] for one in told.letters) == len(told.discarded)
    for item in ITEMS:
        places = [one.new["n"] for one in told.delivered if one.keys["pk"] == item]
        assert places == sorted(places)
