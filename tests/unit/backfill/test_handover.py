"""Before the first page: who reads the stream, whether its position is fixed, and what is said of it (E12)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from afterbay.backfill.handover import Fixed, Reader, export_doubts, fixed, handover, told
from afterbay.backfill.readers import WAIT_MAX_S, wait_for_readers
from afterbay.errors import DeniedError, UnavailableError
from scanned import STREAM, PassingTime

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ARN = "arn:aws:lambda:eu-west-1:000000000000:function:copy"


def reader(
    state: str = "Enabled", *, starts: str | None = "TRIM_HORIZON", target: str = ARN, age_h: float = 1
) -> Reader:
    return Reader("mapping one", target, state, starts, NOW - timedelta(hours=age_h))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        *[(one, Fixed.YES) for one in ("Enabled", "Updating", "RUNNING", "UPDATING")],
        *[(one, Fixed.SOON) for one in ("Creating", "Enabling", "CREATING", "STARTING")],
        *[(one, Fixed.NO) for one in ("Disabled", "Disabling", "Deleting", "STOPPED", "CREATE_FAILED", "DELETING")],
    ],
)
def test_a_readers_state_says_whether_its_position_is_fixed(state: str, said: Fixed) -> None:
    assert fixed(reader(state)) is said


@pytest.mark.parametrize("named", ["copy", ARN, "000000000000:function:copy"])
def test_a_function_is_known_by_each_of_its_names(named: str) -> None:
    assert handover([reader()], named).reading


@pytest.mark.parametrize("target", [ARN + "2", "arn:aws:sqs:eu-west-1:000000000000:copy", ""])
def test_a_reader_of_something_else_does_not_feed_the_function(target: str) -> None:
    assert not handover([reader(target=target)], "copy").reading
    assert handover([reader(target=target)]).reading, "but it might feed a sink"


def test_a_qualifier_counts_if_it_is_given() -> None:
    assert handover([reader(target=ARN + ":live")], "copy").reading
    assert handover([reader(target=ARN + ":live")], "copy:live").reading
    assert not handover([reader()], "copy:live").reading


def test_nothing_is_said_of_a_reader_that_has_its_position() -> None:
    assert told(handover([reader()]), STREAM, None, NOW) == []


@pytest.mark.parametrize("function", [None, "copy"])
def test_one_line_says_that_nothing_follows(function: str | None) -> None:
    (line,) = told(handover([reader("Disabled")], function), STREAM, function, NOW)
    assert STREAM in line and "up to date" in line
    (line,) = told(handover([]), None, function, NOW)
    assert "no DynamoDB stream" in line


def test_a_young_mapping_at_latest_is_doubted() -> None:
    (line,) = told(handover([reader(starts="LATEST", age_h=0.01)]), STREAM, None, NOW)
    assert "LATEST" in line and "TRIM_HORIZON" in line
    assert told(handover([reader(starts="LATEST", age_h=1)]), STREAM, None, NOW) == []


# ---- exports: the position must be older than the moment of the export (E15)


@pytest.mark.parametrize(
    ("readers", "exported_h_ago", "doubted"),
    [
        ([reader(starts="LATEST", age_h=10)], 5, False),
        ([reader(starts="LATEST", age_h=5)], 10, True),
        ([reader(starts="TRIM_HORIZON", age_h=5)], 10, False),
        ([reader(starts="TRIM_HORIZON", age_h=5)], 40, True),
        ([reader(starts=None, age_h=5)], 10, True),
        ([reader(starts="LATEST", age_h=5), reader(starts="LATEST", age_h=50)], 10, False),
        ([], 10, False),
    ],
)
def test_an_export_is_doubted_if_no_reader_is_known_to_have_been_there(readers, exported_h_ago, doubted) -> None:
    lines = export_doubts(handover(readers), STREAM, NOW - timedelta(hours=exported_h_ago), NOW)
    assert bool(lines) is doubted
    assert all("verify --repair" in line for line in lines)


def test_an_export_older_than_the_stream_is_said_to_leave_a_gap() -> None:
    (line,) = export_doubts(
        handover([reader()]), STREAM, datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    )
    assert "the stream began at 2026-01-01T00:00:00Z" in line
    assert export_doubts(handover([]), None, NOW, NOW) == []


def test_an_export_older_than_tombstones_is_said_to_bring_items_back() -> None:
    (line,) = export_doubts(handover([reader(age_h=9999)]), STREAM, NOW - timedelta(days=9), NOW)
    assert "9 days old" in line and "kept for 8" in line


# ---- listings, and waiting


class Listings:
    """What Lambda and Pipes answer, a state of the mapping after the other; the last one stays."""

    def __init__(self, *states: str, pipes: list[dict] | Exception | None = None) -> None:
        self.states = list(states)
        self.pipes = pipes or []
        self.asked: list[dict] = []

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]:
        self.asked.append({"operation": operation, **parameters})
        if operation == "list_pipes":
            if isinstance(self.pipes, Exception):
                raise self.pipes
            return {"Pipes": self.pipes}
        if parameters.get("Marker") == "more":
            return {"EventSourceMappings": []}
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        one = {"UUID": "one", "State": state, "FunctionArn": ARN, "StartingPosition": "LATEST", "LastModified": NOW}
        return {"EventSourceMappings": [one], "NextMarker": "more"}


async def test_a_mapping_that_is_starting_is_waited_for() -> None:
    said: list[str] = []
    listings, time = Listings("Creating", "Enabling", "Enabled"), PassingTime()
    found = await wait_for_readers(listings, STREAM, None, time, said.append)
    assert [one.state for one in found.reading] == ["Enabled"] and time.seconds == 2
    (line,) = said
    assert "waiting" in line and "mapping one (Creating)" in line
    assert all(STREAM in one.values() for one in listings.asked)


async def test_a_wait_ends() -> None:
    time = PassingTime()
    with pytest.raises(UnavailableError, match="mapping one"):
        await wait_for_readers(Listings("Creating"), STREAM, None, time, lambda _: None)
    assert time.seconds == pytest.approx(WAIT_MAX_S)


async def test_pipes_are_readers_too() -> None:
    pipe = {"Name": "copy", "Arn": "arn:aws:pipes:eu-west-1:000000000000:pipe/copy", "CurrentState": "RUNNING"}
    pipe |= {"Target": ARN, "LastModifiedTime": NOW}
    found = await wait_for_readers(Listings("Disabled", pipes=[pipe]), STREAM, "copy", PassingTime(), lambda _: None)
    assert [one.name for one in found.reading] == ["pipe copy"]


async def test_what_may_not_be_listed_is_said_and_does_not_stop_the_load() -> None:
    said: list[str] = []
    listings = Listings("Enabled", pipes=DeniedError("pipes list_pipes: no", code="AccessDeniedException"))
    found = await wait_for_readers(listings, STREAM, None, PassingTime(), said.append)
    assert found.reading
    (line,) = said
    assert "pipe" in line and "cannot be seen" in line


async def test_an_outage_is_an_error_and_no_missing_reader() -> None:
    listings = Listings("Enabled", pipes=UnavailableError("down", code="503"))
    with pytest.raises(UnavailableError):
        await wait_for_readers(listings, STREAM, None, PassingTime(), lambda _: None)
